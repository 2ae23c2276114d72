package bustest

import "context"

// StreamLeader returns the index of the server that leads the stream, -1 where
// none does. A leader that was cut off may be told for some seconds after.
func (c *Cluster) StreamLeader(stream string) int {
	for i, s := range c.Servers {
		if c.running[i] && s.IsStreamLeader(stream) {
			return i
		}
	}
	return -1
}

// WaitStreamLeader waits until a server leads the stream and returns its index,
// or -1 and an error that wraps that of ctx.
func (c *Cluster) WaitStreamLeader(ctx context.Context, stream string) (int, error) {
	leader := -1
	err := wait(ctx, "a leader of the stream "+stream, func() bool {
		leader = c.StreamLeader(stream)
		return leader >= 0
	})
	return leader, err
}

// WaitStreamCurrent waits until the stream has a leader and each running server
// has all of it. It is for a stream with as many replicas as there are servers;
// its error wraps that of ctx.
func (c *Cluster) WaitStreamCurrent(ctx context.Context, stream string) error {
	return wait(ctx, "the replicas of the stream "+stream, func() bool {
		for i, s := range c.Servers {
			if c.running[i] && !s.IsStreamCurrent(stream) {
				return false
			}
		}
		return c.StreamLeader(stream) >= 0
	})
}
