//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package bus

import (
	"os"
	"syscall"
)

// flock locks f, without waiting, until it is closed.
func flock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch err {
		case syscall.EINTR:
		case syscall.EWOULDBLOCK:
			return errLocked
		default:
			return err
		}
	}
}
