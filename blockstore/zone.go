package blockstore

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
)

// zoneFile is one file of slots. Offsets and lengths are multiples of BlockSize and
// buffers are aligned to it, so that an implementation may use O_DIRECT.
type zoneFile interface {
	ReadAt(p []byte, off int64) (int, error)
	// WriteVectors writes the buffers one behind the other from off.
	WriteVectors(bufs [][]byte, off int64) error
	// Sync makes completed writes durable (fdatasync).
	Sync() error
	// Punch gives the range's space back; it reads as zeros or as before.
	Punch(off, n int64) error
	Close() error
}

// zone is a zone file and the state of its syncs.
type zone struct {
	number int
	file   zoneFile

	mu     sync.Mutex
	round  *zoneSync // the running sync, nil if none
	next   *zoneSync // the sync that waits for it
	failed error     // a failed sync is never retried: the kernel has dropped the dirty state
}

type zoneSync struct {
	done chan struct{}
	err  error
}

// sync makes every write that completed before the call durable. Callers share: one
// sync runs, later callers wait for the next one.
func (z *zone) sync() error {
	z.mu.Lock()
	if z.failed != nil {
		defer z.mu.Unlock()
		return z.failed
	}
	if z.round != nil {
		if z.next == nil {
			z.next = &zoneSync{done: make(chan struct{})}
		}
		s := z.next
		z.mu.Unlock()
		<-s.done
		return s.err
	}
	z.round = &zoneSync{done: make(chan struct{})}
	z.mu.Unlock()
	return z.lead()
}

// lead runs the current sync and hands over to a waiting one in a goroutine.
func (z *zone) lead() error {
	err := z.file.Sync()
	z.mu.Lock()
	defer z.mu.Unlock()
	if err != nil {
		z.failed = fmt.Errorf("%w: sync of zone %d: %w", ErrFailed, z.number, err)
	}
	s := z.round
	s.err = z.failed
	close(s.done)
	z.round, z.next = z.next, nil
	switch {
	case z.round == nil:
	case z.failed != nil:
		z.round.err = z.failed
		close(z.round.done)
		z.round = nil
	default:
		go func() { _ = z.lead() }() // its error reaches the waiters through the zoneSync
	}
	return s.err
}

func (z *zone) failure() error {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.failed
}

func zoneName(dir string, n int) string {
	return filepath.Join(dir, "data", fmt.Sprintf("%08x.dat", n))
}

// fsZone is a zone behind an injected file system: buffered, without preallocation.
type fsZone struct {
	f interface {
		ReadAt(p []byte, off int64) (int, error)
		WriteAt(p []byte, off int64) (int, error)
		Sync() error
		Close() error
	}
}

func (z fsZone) ReadAt(p []byte, off int64) (int, error) { return z.f.ReadAt(p, off) }
func (z fsZone) Sync() error                             { return z.f.Sync() }
func (z fsZone) Close() error                            { return z.f.Close() }

func (z fsZone) WriteVectors(bufs [][]byte, off int64) error {
	for _, b := range bufs {
		if _, err := z.f.WriteAt(b, off); err != nil {
			return err
		}
		off += int64(len(b))
	}
	return nil
}

// Punch writes zeros, which stay unsynced until the next Sync.
func (z fsZone) Punch(off, n int64) error {
	_, err := z.f.WriteAt(make([]byte, n), off)
	return err
}

// createZone makes a new zone file of size bytes, durable with its directory entry.
func (s *Store) createZone(n int, size int64) (*zone, error) {
	path := zoneName(s.dir, n)
	f, err := s.createFile(path, size)
	if err != nil {
		return nil, err
	}
	if err := f.Sync(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := syncDir(s.fs, filepath.Dir(path)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &zone{number: n, file: f}, nil
}

// openZone opens an existing zone file and checks its size.
func (s *Store) openZone(n int, size int64) (*zone, error) {
	path := zoneName(s.dir, n)
	info, err := s.fs.Stat(path)
	if err != nil {
		return nil, corrupt(KindZone, "", "zone %d: %v", n, err)
	}
	if info.Size() != size {
		return nil, corrupt(KindZone, "", "zone %d has %d bytes instead of %d", n, info.Size(), size)
	}
	f, err := s.openFile(path)
	if err != nil {
		return nil, err
	}
	return &zone{number: n, file: f}, nil
}

// createFile makes a file of size bytes; it is not durable yet.
func (s *Store) createFile(path string, size int64) (zoneFile, error) {
	if !s.injected {
		return createDirectZone(path, size)
	}
	v, err := openZoneFS(s.fs, path)
	if err != nil {
		return nil, err
	}
	if _, err := v.WriteAt(make([]byte, BlockSize), size-BlockSize); err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return fsZone{v}, nil
}

func (s *Store) openFile(path string) (zoneFile, error) {
	if !s.injected {
		return openDirectZone(path, s.readOnly)
	}
	v, err := openZoneFS(s.fs, path)
	if err != nil {
		return nil, err
	}
	return fsZone{v}, nil
}
