package journal

import (
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
)

// TestTemporary tells errors of a cluster that is still coming together from those
// that its operator has to mend.
func TestTemporary(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want bool
	}{
		{&nats.APIError{Code: 400, ErrorCode: errNoPeers, Description: "no suitable peers for placement, peer offline"}, true},
		{&nats.APIError{Code: 400, ErrorCode: errNoPeers, Description: "no suitable peers for placement, insufficient storage"}, false},
		{&nats.APIError{Code: 400, ErrorCode: errNoPeers, Description: "no suitable peers for placement"}, false},
		{&nats.APIError{Code: 500, ErrorCode: errReplicasNeedCluster}, false},
		{&nats.APIError{Code: 503, ErrorCode: nats.JSErrCodeJetStreamNotEnabled}, false},
		{&nats.APIError{Code: 503, ErrorCode: 10008, Description: "JetStream system temporarily unavailable"}, true},
		{&nats.APIError{Code: 503, ErrorCode: 10047, Description: "insufficient storage resources available"}, false},
		{&nats.APIError{Code: 400, ErrorCode: 10052}, false},
		{nats.ErrTimeout, true},
		{nats.ErrNoResponders, true},
		{errors.New("another"), false},
	} {
		if got := temporary(fmt.Errorf("open: %w", c.err)); got != c.want {
			t.Errorf("%v: temporary is %v, want %v", c.err, got, c.want)
		}
	}
}
