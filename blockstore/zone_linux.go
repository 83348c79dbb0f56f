package blockstore

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// maxVectors is the kernel's IOV_MAX.
const maxVectors = 1024

// directZone is a zone file of the operating system: preallocated, opened with
// O_DIRECT where the file system has it, else buffered with the same fdatasync.
type directZone struct {
	fd     int
	path   string
	direct bool
}

func createDirectZone(path string, size int64) (zoneFile, error) {
	z, err := openFlags(path, unix.O_RDWR|unix.O_CREAT)
	if err != nil {
		return nil, err
	}
	if err := unix.Fallocate(z.fd, 0, 0, size); err != nil {
		if !errors.Is(err, unix.EOPNOTSUPP) {
			return nil, errors.Join(&os.PathError{Op: "fallocate", Path: path, Err: err}, z.Close(), os.Remove(path))
		}
		if err := unix.Ftruncate(z.fd, size); err != nil {
			return nil, errors.Join(&os.PathError{Op: "truncate", Path: path, Err: err}, z.Close(), os.Remove(path))
		}
	}
	return z, nil
}

func openDirectZone(path string, readOnly bool) (zoneFile, error) {
	if readOnly {
		return openFlags(path, unix.O_RDONLY)
	}
	return openFlags(path, unix.O_RDWR)
}

// openFlags probes O_DIRECT with a read, since some file systems accept the flag and refuse the I/O.
func openFlags(path string, flags int) (*directZone, error) {
	flags |= unix.O_CLOEXEC
	fd, err := unix.Open(path, flags|unix.O_DIRECT, 0o600)
	if err == nil {
		buf := alignedBuffer(BlockSize)
		_, err = unix.Pread(fd, buf, 0)
		freeAligned(buf)
		if err == nil {
			return &directZone{fd: fd, path: path, direct: true}, nil
		}
		unix.Close(fd)
	}
	if fd, err = unix.Open(path, flags, 0o600); err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return &directZone{fd: fd, path: path}, nil
}

func (z *directZone) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) {
		m, err := unix.Pread(z.fd, p[n:], off+int64(n))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return n, &os.PathError{Op: "read", Path: z.path, Err: err}
		case m == 0:
			return n, io.ErrUnexpectedEOF
		default:
			n += m
		}
	}
	return n, nil
}

func (z *directZone) WriteVectors(bufs [][]byte, off int64) error {
	for len(bufs) > 0 {
		n, err := unix.Pwritev(z.fd, bufs[:min(len(bufs), maxVectors)], off)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return &os.PathError{Op: "write", Path: z.path, Err: err}
		}
		if n == 0 || n%BlockSize != 0 {
			return fmt.Errorf("write %s: wrote %d bytes: %w", z.path, n, io.ErrShortWrite)
		}
		off += int64(n)
		bufs = advance(bufs, n)
	}
	return nil
}

// advance drops the first n bytes of bufs.
func advance(bufs [][]byte, n int) [][]byte {
	for n > 0 && n >= len(bufs[0]) {
		n -= len(bufs[0])
		bufs = bufs[1:]
	}
	if n > 0 {
		bufs = append([][]byte{bufs[0][n:]}, bufs[1:]...)
	}
	return bufs
}

// WriteSynced writes p and makes it durable, in one system call where there is one.
func (z *directZone) WriteSynced(p []byte, off int64) error {
	n, err := unix.Pwritev2(z.fd, [][]byte{p}, off, unix.RWF_DSYNC)
	if err == nil && n == len(p) {
		return nil
	}
	if err == nil || err == unix.EINTR || err == unix.EOPNOTSUPP || err == unix.ENOSYS {
		return errors.Join(z.WriteVectors([][]byte{p}, off), z.Sync())
	}
	return &os.PathError{Op: "write", Path: z.path, Err: err}
}

func (z *directZone) Sync() error {
	if err := unix.Fdatasync(z.fd); err != nil {
		return &os.PathError{Op: "fdatasync", Path: z.path, Err: err}
	}
	return nil
}

func (z *directZone) Punch(off, n int64) error {
	err := unix.Fallocate(z.fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n)
	if err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
		return &os.PathError{Op: "punch", Path: z.path, Err: err}
	}
	return nil
}

// descriptor is what an io_uring reads from and writes to.
func (z *directZone) descriptor() uintptr { return uintptr(z.fd) }

func (z *directZone) Close() error { return unix.Close(z.fd) }
