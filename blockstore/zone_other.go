//go:build !linux

package blockstore

import (
	"errors"
	"os"
)

// directZone is a zone file without O_DIRECT and preallocation.
type directZone struct{ *os.File }

func createDirectZone(path string, size int64) (zoneFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(size); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	return directZone{f}, nil
}

func openDirectZone(path string, readOnly bool) (zoneFile, error) {
	flag := os.O_RDWR
	if readOnly {
		flag = os.O_RDONLY
	}
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return nil, err
	}
	return directZone{f}, nil
}

func (z directZone) WriteVectors(bufs [][]byte, off int64) error {
	for _, b := range bufs {
		if _, err := z.WriteAt(b, off); err != nil {
			return err
		}
		off += int64(len(b))
	}
	return nil
}

// Punch keeps the space: it is an optimisation.
func (z directZone) Punch(int64, int64) error { return nil }
