package service

import (
	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/store"
)

// watcherRef names the thread that keeps the position of a watcher.
func watcherRef(name string, terms ckpt.Terms) ckpt.WriteRef {
	return ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: store.WatcherThread(name)}, Terms: terms}
}

func putWatcher(r *call[ckpt.WatchersPutRequest, ckpt.WatchersPutReply]) {
	r.commit(watcherRef(r.q.Name, r.q.Terms))
}

func deleteWatcher(r *call[ckpt.WatchersDeleteRequest, ckpt.WatchersDeleteReply]) {
	r.commit(watcherRef(r.q.Name, r.q.Terms))
}

func getWatcher(r *call[ckpt.WatchersGetRequest, ckpt.WatchersGetReply]) {
	get := func() { answer(r, r.store.WatchersGet) }
	r.knowing(r.q.After, r.q.Linearizable, get)
}
