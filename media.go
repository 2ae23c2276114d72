package ckpt

import "github.com/ckptbus/ckpt/internal/wire"

// MediaRef says where media is: behind a URL, in the provider's file store, or
// inline. A state or message with much inline data may not fit the bus; prefer
// the first two.
type MediaRef struct {
	Kind       string // url, which empty means too, file_id or data: which of the next three counts
	URL        string // http, https or data
	FileID     string // the provider's
	DataBase64 string // small payloads only
	MIMEType   string
	SizeBytes  int64 // 0 if not known
	SHA256     string
	Filename   string
	Width      int   // pixels; 0 if not known
	Height     int   // pixels; 0 if not known
	DurationMS int64 // milliseconds; 0 if not known
	Page       *int  // of a document; nil if not known

	unknown wire.Raw
}

func (m *MediaRef) fields(f *wire.Fields) {
	f.Keep(&m.unknown)
	f.Optional("kind", &m.Kind)
	f.Optional("url", &m.URL)
	f.Optional("file_id", &m.FileID)
	f.Optional("data_base64", &m.DataBase64)
	f.Optional("mime_type", &m.MIMEType)
	f.Optional("size_bytes", &m.SizeBytes)
	f.Optional("sha256", &m.SHA256)
	f.Optional("filename", &m.Filename)
	f.Optional("width", &m.Width)
	f.Optional("height", &m.Height)
	f.Optional("duration_ms", &m.DurationMS)
	f.Optional("page", &m.Page)
}

// ImageBlock is an image.
type ImageBlock struct {
	Media   MediaRef // required
	AltText string
	BBox    []float64 // the part that is meant, x1 y1 x2 y2; nil for the whole

	unknown wire.Raw
}

func (i *ImageBlock) fields(f *wire.Fields) {
	blockFields(f, i, &i.unknown)
	f.Required("media", object{&i.Media})
	f.Optional("alt_text", &i.AltText)
	f.Optional("bbox", &i.BBox)
}

// AudioBlock is a sound recording.
type AudioBlock struct {
	Media      MediaRef // required
	Transcript string
	SampleRate int // Hz; 0 if not known
	Channels   int // 0 if not known

	unknown wire.Raw
}

func (a *AudioBlock) fields(f *wire.Fields) {
	blockFields(f, a, &a.unknown)
	f.Required("media", object{&a.Media})
	f.Optional("transcript", &a.Transcript)
	f.Optional("sample_rate", &a.SampleRate)
	f.Optional("channels", &a.Channels)
}

// VideoBlock is a video.
type VideoBlock struct {
	Media     MediaRef // required
	Thumbnail *MediaRef

	unknown wire.Raw
}

func (v *VideoBlock) fields(f *wire.Fields) {
	blockFields(f, v, &v.unknown)
	f.Required("media", object{&v.Media})
	f.Optional("thumbnail", pointerTo(&v.Thumbnail))
}

// DocumentBlock is a document, such as a PDF.
type DocumentBlock struct {
	Media   MediaRef // required
	Pages   []int    // the pages that are meant; nil for all
	Excerpt string

	unknown wire.Raw
}

func (d *DocumentBlock) fields(f *wire.Fields) {
	blockFields(f, d, &d.unknown)
	f.Required("media", object{&d.Media})
	f.Optional("pages", &d.Pages)
	f.Optional("excerpt", &d.Excerpt)
}
