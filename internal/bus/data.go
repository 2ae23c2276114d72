package bus

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// lockFile is in the data folder, beside JetStream's own. It stays when the
// server is gone: who removes it could remove the lock of the next.
const lockFile = "ckpt.lock"

// errLocked is what flock reports where another server holds the lock.
var errLocked = errors.New("locked")

// lock is held on a data folder. The system lets go of it when the process
// ends, however it ends.
type lock struct{ file *os.File }

// lockData makes the folder if it is missing and locks it. JetStream takes no
// lock of its own: two servers on the same files would ruin them.
func lockData(dir string) (*lock, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, fmt.Errorf("data folder %q is not writable: %w", dir, err)
	}
	switch err := flock(f); {
	case errors.Is(err, errLocked):
		f.Close()
		return nil, fmt.Errorf("data folder %q is used by another server: stop it, or name another folder", dir)
	case err != nil:
		f.Close()
		return nil, fmt.Errorf("data folder %q cannot be locked: %w", dir, err)
	}
	return &lock{f}, nil
}

// release lets go of the lock. It may be called on nil, and twice.
func (l *lock) release() {
	if l != nil {
		l.file.Close()
	}
}
