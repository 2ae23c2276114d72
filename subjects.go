package ckpt

import (
	"fmt"
	"strings"
)

// The table of operations. Each is asked on the subject <prefix>.<name>; the
// service registers its handlers from this table and the client calls through
// it, so a subject and its two types cannot drift apart.
var (
	Setup   = operation[SetupRequest, SetupReply]("setup", false)
	Info    = everyone(operation[InfoRequest, InfoReply]("info", false))
	Stats   = operation[StatsRequest, StatsReply]("stats", false)
	Release = operation[ReleaseRequest, ReleaseReply]("release", true)

	StatePut   = operation[StatePutRequest, StatePutReply]("state.put", true)
	StateGet   = operation[StateGetRequest, StateGetReply]("state.get", false)
	StateMany  = operation[StateManyRequest, StateManyReply]("state.many", false)
	StateClear = operation[StateClearRequest, ClearReply]("state.clear", true)

	StateHistory = operation[StateHistoryRequest, StateHistoryReply]("state.history", false)
	StateRestore = operation[StateRestoreRequest, StateRestoreReply]("state.restore", true)

	CachePut   = operation[CachePutRequest, CachePutReply]("cache.put", true)
	CacheGet   = operation[CacheGetRequest, StateGetReply]("cache.get", false)
	CacheClear = operation[CacheClearRequest, ClearReply]("cache.clear", true)

	MessagesPut    = operation[MessagesPutRequest, MessagesPutReply]("messages.put", true)
	MessagesGet    = operation[MessagesGetRequest, MessagesGetReply]("messages.get", false)
	MessagesList   = operation[MessagesListRequest, MessagesListReply]("messages.list", false)
	MessagesDelete = operation[MessagesDeleteRequest, MessagesDeleteReply]("messages.delete", true)

	MessagesReplace  = operation[MessagesReplaceRequest, MessagesReplaceReply]("messages.replace", true)
	MessagesTruncate = operation[MessagesTruncateRequest, MessagesDeleteReply]("messages.truncate", true)
	MessagesPop      = operation[MessagesPopRequest, MessagesPopReply]("messages.pop", true)

	ThreadsPut   = operation[ThreadsPutRequest, ThreadsPutReply]("threads.put", true)
	ThreadsGet   = operation[ThreadsGetRequest, ThreadsGetReply]("threads.get", false)
	ThreadsList  = operation[ThreadsListRequest, ThreadsListReply]("threads.list", false)
	ThreadsClean = operation[ThreadsCleanRequest, ThreadsCleanReply]("threads.clean", true)
	ThreadsFork  = operation[ThreadsForkRequest, ThreadsForkReply]("threads.fork", true)

	ThreadsRetain   = operation[ThreadsRetainRequest, ThreadsRetainReply]("threads.retain", true)
	ThreadsPrune    = operation[ThreadsPruneRequest, ThreadsPruneReply]("threads.prune", true)
	ThreadsCommit   = operation[ThreadsCommitRequest, ThreadsCommitReply]("threads.commit", true)
	ThreadsTransact = operation[ThreadsTransactRequest, ThreadsTransactReply]("threads.transact", true)

	ChangesList   = operation[ChangesListRequest, ChangesListReply]("changes.list", false)
	LeasesAcquire = operation[LeasesAcquireRequest, LeaseReply]("leases.acquire", true)
	LeasesRenew   = operation[LeasesRenewRequest, LeaseReply]("leases.renew", true)
	LeasesRelease = operation[LeasesReleaseRequest, LeasesReleaseReply]("leases.release", true)
	LeasesGet     = operation[LeasesGetRequest, LeaseReply]("leases.get", false)

	WatchersPut    = operation[WatchersPutRequest, WatchersPutReply]("watchers.put", true)
	WatchersGet    = operation[WatchersGetRequest, WatchersGetReply]("watchers.get", false)
	WatchersDelete = operation[WatchersDeleteRequest, WatchersDeleteReply]("watchers.delete", true)

	PartsPut = ofReplica(operation[PartsPutRequest, PartsPutReply]("parts.put", false))
	PartsEnd = ofReplica(operation[PartsEndRequest, PartsEndReply]("parts.end", false))
	PartsGet = ofReplica(operation[PartsGetRequest, PartsGetReply]("parts.get", false))
)

// Operations returns the table's rows in the order of the protocol document.
func Operations() []OpInfo {
	return []OpInfo{
		Setup.OpInfo,
		Info.OpInfo,
		Stats.OpInfo,
		Release.OpInfo,
		StatePut.OpInfo,
		StateGet.OpInfo,
		StateMany.OpInfo,
		StateClear.OpInfo,
		StateHistory.OpInfo,
		StateRestore.OpInfo,
		CachePut.OpInfo,
		CacheGet.OpInfo,
		CacheClear.OpInfo,
		MessagesPut.OpInfo,
		MessagesGet.OpInfo,
		MessagesList.OpInfo,
		MessagesDelete.OpInfo,
		MessagesReplace.OpInfo,
		MessagesTruncate.OpInfo,
		MessagesPop.OpInfo,
		ThreadsPut.OpInfo,
		ThreadsGet.OpInfo,
		ThreadsList.OpInfo,
		ThreadsClean.OpInfo,
		ThreadsFork.OpInfo,
		ThreadsRetain.OpInfo,
		ThreadsPrune.OpInfo,
		ThreadsCommit.OpInfo,
		ThreadsTransact.OpInfo,
		ChangesList.OpInfo,
		LeasesAcquire.OpInfo,
		LeasesRenew.OpInfo,
		LeasesRelease.OpInfo,
		LeasesGet.OpInfo,
		WatchersPut.OpInfo,
		WatchersGet.OpInfo,
		WatchersDelete.OpInfo,
		PartsPut.OpInfo,
		PartsEnd.OpInfo,
		PartsGet.OpInfo,
	}
}

// OpInfo is what is known of an operation without its types.
type OpInfo struct {
	Name     string // the subject behind the prefix, such as state.put
	Writes   bool   // whether it can change a thread: such a request takes a request_id
	Everyone bool   // every replica answers, not one of them
	Replica  bool   // one replica is asked, whose ID follows the name in the subject

	request, reply func() Record
}

// Subject returns the subject that the operation is asked on.
func (o OpInfo) Subject(prefix string) string { return prefix + "." + o.Name }

// SubjectOf returns the subject that a replica is asked on: of an operation that
// has one for each, that of the replica with the ID.
func (o OpInfo) SubjectOf(prefix, replica string) string {
	if o.Replica {
		return o.Subject(prefix) + "." + replica
	}
	return o.Subject(prefix)
}

// NewRequest returns an empty request of the operation.
func (o OpInfo) NewRequest() Record { return o.request() }

// NewReply returns an empty reply of the operation.
func (o OpInfo) NewReply() Record { return o.reply() }

// Op is an operation with its request type Q and its reply type A.
type Op[Q, A any] struct {
	OpInfo
	asRequest func(*Q) Record
	asReply   func(*A) Record
}

// Request returns q as the record that travels.
func (o Op[Q, A]) Request(q *Q) Record { return o.asRequest(q) }

// Reply returns a as the record that travels.
func (o Op[Q, A]) Reply(a *A) Record { return o.asReply(a) }

func operation[Q, A any, PQ recordOf[Q], PA recordOf[A]](name string, writes bool) Op[Q, A] {
	return Op[Q, A]{
		OpInfo: OpInfo{
			Name: name, Writes: writes,
			request: func() Record { return PQ(new(Q)) },
			reply:   func() Record { return PA(new(A)) },
		},
		asRequest: func(q *Q) Record { return PQ(q) },
		asReply:   func(a *A) Record { return PA(a) },
	}
}

// everyone makes o an operation that every replica answers.
func everyone[Q, A any](o Op[Q, A]) Op[Q, A] {
	o.Everyone = true
	return o
}

// ofReplica makes o an operation that one replica is asked for.
func ofReplica[Q, A any](o Op[Q, A]) Op[Q, A] {
	o.Replica = true
	return o
}

// Field is one declared field of a [Record].
type Field struct {
	Name     string
	Required bool
}

// FieldsOf returns the fields of r in the order in which they are written.
func FieldsOf(r Record) []Field {
	f := declare(r)
	defer f.Free()
	var list []Field
	for name, required := range f.Each {
		list = append(list, Field{name, required})
	}
	return list
}

// DefaultPrefix is the subject prefix of a service that was given none.
const DefaultPrefix = "ckpt"

// QueueGroup is the NATS queue group that the replicas of a service form.
const QueueGroup = "ckpt"

// CheckPrefix reports why prefix cannot stand before the operations' names: it
// is one or more tokens of letters, digits, - and _, joined by dots, of at
// most [MaxIDBytes] bytes.
func CheckPrefix(prefix string) error {
	if len(prefix) > MaxIDBytes {
		return Errorf(InvalidArgument, "prefix %.64q... has %d bytes, want at most %d", prefix, len(prefix), MaxIDBytes)
	}
	for token := range strings.SplitSeq(prefix, ".") {
		if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r > 'z' || !plain[r] }) {
			return Errorf(InvalidArgument, "prefix %.64q: want tokens of letters, digits, - and _, joined by dots", prefix)
		}
	}
	return nil
}

// EventSubject returns the subject of the events of one thread.
func EventSubject(prefix, threadID string) string {
	return prefix + ".events." + EncodeToken(threadID)
}

// EventsSubject returns the subject of the events of all threads.
func EventsSubject(prefix string) string { return prefix + ".events.*" }

// plain holds the bytes that stand for themselves in a subject token.
var plain = func() (t [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		t[c] = true
	}
	return t
}()

const hexDigits = "0123456789ABCDEF"

// EncodeToken returns the subject token that stands for an ID: letters,
// digits, - and _ as they are, any other byte as = and two hex digits. Two IDs
// never share a token, and an ID that is a plain token stays readable.
func EncodeToken(id string) string {
	n := 0
	for i := range len(id) {
		if !plain[id[i]] {
			n++
		}
	}
	if n == 0 {
		return id
	}
	b := make([]byte, 0, len(id)+2*n)
	for i := range len(id) {
		if c := id[i]; plain[c] {
			b = append(b, c)
		} else {
			b = append(b, '=', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return string(b)
}

// DecodeToken returns the ID that a token stands for, the inverse of
// [EncodeToken]; it accepts no other spelling than that one.
func DecodeToken(token string) (string, error) {
	b := make([]byte, 0, len(token))
	for i := 0; i < len(token); i++ {
		c := token[i]
		switch {
		case plain[c]:
			b = append(b, c)
		case c == '=' && i+2 < len(token):
			hi, lo := strings.IndexByte(hexDigits, token[i+1]), strings.IndexByte(hexDigits, token[i+2])
			if hi < 0 || lo < 0 || plain[hi<<4|lo] {
				return "", fmt.Errorf("token %.64q: %q is no escape", token, token[i:i+3])
			}
			b = append(b, byte(hi<<4|lo))
			i += 2
		default:
			return "", fmt.Errorf("token %.64q: byte %d must be escaped", token, i)
		}
	}
	return string(b), CheckID(string(b))
}
