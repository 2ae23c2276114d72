package journal

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nats.go"
)

// acks listens for what the stream says of the records that were sent. Only
// refusals are of interest: that a record is stored shows when it comes back.
type acks struct {
	j      *JetStream
	prefix string // of the inboxes, with its last dot
	sub    *nats.Subscription
}

func listenForAcks(j *JetStream) (*acks, error) {
	a := &acks{j: j, prefix: j.nc.NewInbox() + "."}
	var err error
	a.sub, err = j.nc.Subscribe(a.prefix+"*", a.receive)
	return a, err
}

// inbox returns the reply subject of the record with the number.
func (a *acks) inbox(number uint64) string { return a.prefix + strconv.FormatUint(number, 36) }

func (a *acks) close() { _ = a.sub.Unsubscribe() } // fails where the connection is closed

func (a *acks) receive(m *nats.Msg) {
	if !strings.Contains(string(m.Data), `"error"`) {
		return // stored; or nobody listens on the subject now, and it is sent again
	}
	var ack struct {
		Error *struct {
			Code        int    `json:"code"`
			ErrCode     int    `json:"err_code"`
			Description string `json:"description"`
		} `json:"error"`
	}
	number, err := strconv.ParseUint(m.Subject[len(a.prefix):], 36, 64)
	if err != nil || json.Unmarshal(m.Data, &ack) != nil || ack.Error == nil {
		return
	}
	if !lasting[ack.Error.ErrCode] {
		a.j.log.Debug("the stream cannot take a record now", "err", ack.Error.Description)
		return // it is sent again
	}
	a.j.refused(number, ack.Error.Description)
}

// lasting holds the errors after which sending again at once cannot help: the
// store is full, in one way or another.
var lasting = map[int]bool{
	10023: true, // insufficient resources
	10028: true, // resource limits exceeded for the server
	10047: true, // insufficient storage resources
	10054: true, // message size exceeds maximum allowed
	10077: true, // the stream's own limits, such as its bytes
}

// refused is told that the stream refuses a record. One that was sent more than
// once may be there from an earlier time; that shows when this replica has
// applied all that the stream holds now.
func (j *JetStream) refused(number uint64, why string) {
	j.mu.Lock()
	j.troubled = true
	r := j.underWay[number]
	if r == nil {
		j.mu.Unlock()
		return
	}
	if !r.again {
		j.remove(r)
		j.mu.Unlock()
		j.takeBack(r, why)
		return
	}
	j.mu.Unlock()
	j.done.Go(func() {
		info, err := j.info(j.ctx)
		if err != nil {
			return // it is sent again
		}
		j.Await(info.State.LastSeq, func(err error) {
			j.mu.Lock()
			if err != nil || j.underWay[number] != r {
				j.mu.Unlock()
				return
			}
			j.remove(r)
			j.mu.Unlock()
			j.takeBack(r, why)
		})
	})
}

// takeBack ends a record that the stream does not hold and will not take.
func (j *JetStream) takeBack(r *record, why string) {
	j.log.Error("the stream refuses a record", "stream", j.stream, "why", why)
	j.fail(r, ckpt.Errorf(ckpt.Unavailable, "the journal takes no more records: %s", why))
	j.rouse()
}
