package transfer

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"
)

// writer writes a file. The lines of one thread are a draft until they are
// committed, so that a thread which changed meanwhile can be read again; a
// draft that grows large is committed as it is.
type writer struct {
	out    *bufio.Writer
	hash   hash.Hash
	counts Counts // of what is committed

	draft       []byte
	draftCounts Counts
	spilled     bool // part of the draft is written already
}

// maxDraft is how many bytes of the lines of one thread are held in memory.
const maxDraft = 4 << 20

func newWriter(w io.Writer, h Header) (*writer, error) {
	wr := &writer{out: bufio.NewWriterSize(w, 64<<10), hash: sha256.New()}
	b, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	return wr, wr.write(append(b, '\n'))
}

func (w *writer) write(b []byte) error {
	w.hash.Write(b)
	_, err := w.out.Write(b)
	return err
}

// add adds a line to the draft.
func (w *writer) add(l Line) error {
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	w.draft = append(append(w.draft, b...), '\n')
	w.draftCounts.add(&l)
	if len(w.draft) < maxDraft {
		return nil
	}
	w.spilled = true
	return w.spill()
}

func (w *writer) spill() error {
	err := w.write(w.draft)
	w.draft = w.draft[:0]
	return err
}

// drop forgets the draft, of which nothing may be written yet.
func (w *writer) drop() {
	w.draft, w.draftCounts = w.draft[:0], Counts{}
}

// commit writes the draft.
func (w *writer) commit() error {
	err := w.spill()
	w.counts.merge(w.draftCounts)
	w.draftCounts, w.spilled = Counts{}, false
	return err
}

// end writes the footer.
func (w *writer) end() error {
	b, err := json.Marshal(Footer{Kind: kindEnd, Counts: w.counts, SHA256: hex.EncodeToString(w.hash.Sum(nil))})
	if err != nil {
		return err
	}
	if _, err := w.out.Write(append(b, '\n')); err != nil {
		return err
	}
	return w.out.Flush()
}
