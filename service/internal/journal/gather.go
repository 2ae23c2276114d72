package journal

import "time"

// gather has a record wait for the callers of the one before, where one is under way
// at a time. Those whom a record answers write again just after the next one has left;
// so half of the callers would share each record, and wait for two. The journal's lock
// guards it.
type gather struct {
	target int           // how many writes the next record waits for; 0: it does not wait
	least  time.Duration // what a record takes where little else is going on
	timer  *time.Timer   // ends the wait
	round  int           // of the timer
	skip   int           // how many records will not wait, since it has been in vain
	skips  int           // how many that were the last time
}

// Bounds of a wait. With a disk that syncs in 0.2 ms, 4 callers write half as often
// again as without, 16 a quarter and 32 an eighth; of 64 and more it would be in vain,
// since on two cores they take longer to come back than a sync: hence the least time of
// late, in place of the latest, which has their load in it.
const (
	gatherTimes = 1.5                   // that a record takes
	gatherMost  = 20 * time.Millisecond // where a disk stalls
	gatherSkips = 64                    // records for a wait, where callers do not come back
	gatherDrift = 64                    // records until the least time may have doubled, about
)

// begin is told that a record that took so long answers its writes, while others wait
// already. It calls over when the wait takes too long.
func (g *gather) begin(writes, waiting int, took time.Duration, over func(round int)) {
	if g.least += g.least/gatherDrift + 1; g.least > took || g.round == 0 {
		g.least = took
	}
	g.round++
	if g.skip > 0 {
		g.skip--
		return
	}
	g.target = writes + waiting
	round := g.round
	g.timer = time.AfterFunc(min(time.Duration(gatherTimes*float64(g.least)), gatherMost), func() { over(round) })
}

// holds reports whether the next record is to wait, while so many writes do.
func (g *gather) holds(waiting int) bool {
	if waiting < g.target {
		return true
	}
	if g.target > 0 {
		g.skips /= 2
		g.end()
	}
	return false
}

// vain ends the wait of a round, if it has not ended.
func (g *gather) vain(round int) {
	if g.round == round && g.target > 0 {
		g.skips = min(2*g.skips+1, gatherSkips)
		g.skip = g.skips
		g.end()
	}
}

// end ends the wait, if there is one.
func (g *gather) end() {
	if g.target > 0 {
		g.target = 0
		g.timer.Stop()
	}
}

// gatherFor lets the next record wait for those whom this one answers. The caller
// holds the lock.
func (j *JetStream) gatherFor(r *record) {
	if j.opts.UnderWay > 1 || r.again || len(r.writes) == 0 {
		return
	}
	j.gather.begin(len(r.writes), len(j.waiting), time.Since(r.sent), func(round int) {
		j.mu.Lock()
		j.gather.vain(round)
		j.mu.Unlock()
		j.rouse()
	})
}
