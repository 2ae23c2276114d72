package service

import "github.com/ckptbus/ckpt"

// info tells how this replica does.
func info(r *call[ckpt.InfoRequest, ckpt.InfoReply]) {
	status := r.journal.Status()
	if r.stopping.Load() {
		status.Serving, status.Reason = false, "it is stopping"
	}
	r.a = ckpt.InfoReply{
		Reply:     ckpt.Reply{Revision: status.Applied},
		Replica:   r.replica,
		Version:   ckpt.Version,
		Protocol:  ckpt.Protocol,
		Journal:   r.journal.Name(),
		Last:      status.Last,
		Serving:   status.Serving,
		Reason:    status.Reason,
		StartedAt: r.started,
		Requests:  r.answered.Load(),
		Threads:   r.store.Threads(),
	}
	r.reply()
}
