package bench

import (
	"context"
	"crypto/rand"
	mathrand "math/rand/v2"

	"coffer.example/aead"
)

// fillDevice writes the working set, so that reads find sealed blocks and not holes.
func fillDevice(ctx context.Context, d Device, set int64) error {
	b := make([]byte, fillBytes)
	if _, err := rand.Read(b); err != nil {
		return err
	}
	for off := int64(0); off < set; off += fillBytes {
		if _, err := d.WriteAt(b[:min(fillBytes, set-off)], off); err != nil {
			return err
		}
	}
	return d.Flush(ctx)
}

// sealWorker seals or opens the blocks of one operation, and makes or checks the MAC of
// the records of their extents.
func sealWorker(op string, size int, record bool) (Worker, error) {
	dek, err := aead.NewDataKey(rand.Reader)
	if err != nil {
		return Worker{}, err
	}
	defer dek.Destroy()
	s, err := dek.Session(aead.DefaultSuite(), make([]byte, aead.SaltSize), aead.ID{}, aead.ID{})
	if err != nil {
		return Worker{}, err
	}
	const extent = 16 // blocks that share a record
	index, sc, message := dek.IndexKey(), new(aead.Scratch), make([]byte, recordBytes)
	tag := index.Tag(message)
	plaintext, ring := make([]byte, aead.BlockSize), newRing(size/aead.BlockSize, aead.BlockSize)
	sequence := uint64(0)
	for i := range ring {
		ring[i] = s.SealBlock(sc, ring[i][:0], plaintext, uint64(i), sequence)
		sequence++
	}
	write := func() error {
		for i := range ring {
			s.SealBlock(sc, ring[i][:0], plaintext, uint64(i), sequence)
			sequence++
			if record && i%extent == 0 {
				tag = index.Tag(message)
			}
		}
		return nil
	}
	read := func() error {
		for i := range ring {
			if record && i%extent == 0 && !index.VerifyTag(message, tag[:]) {
				return aead.ErrOpen
			}
			if _, err := s.OpenBlock(sc, plaintext[:0], ring[i], uint64(i), uint64(i)); err != nil {
				return err
			}
		}
		return nil
	}
	if op == opRead {
		return Worker{Run: read}, nil
	}
	return Worker{Run: write}, nil
}

// deviceWorker does one operation at a random place of the working set.
func (o *PipelineOptions) deviceWorker(ctx context.Context, op string, d Device) (Worker, error) {
	b := make([]byte, o.BlockBytes)
	if _, err := rand.Read(b); err != nil {
		return Worker{}, err
	}
	places := o.SetBytes / int64(o.BlockBytes)
	at := func() int64 { return mathrand.Int64N(places) * int64(o.BlockBytes) }
	switch op {
	case opRead:
		return Worker{Run: func() error { _, err := d.ReadAt(b, at()); return err }}, nil
	case opDurable:
		return Worker{Run: func() error {
			if _, err := d.WriteAt(b, at()); err != nil {
				return err
			}
			return d.Flush(ctx)
		}}, nil
	}
	var failed error
	unflushed := 0
	return Worker{
		Reset: func() {
			if unflushed++; unflushed%flushEvery == 0 {
				failed = d.Flush(ctx)
			}
		},
		Run: func() error {
			if failed != nil {
				return failed
			}
			_, err := d.WriteAt(b, at())
			return err
		},
		Close: func() error { return d.Flush(ctx) },
	}, nil
}

// NewAEADWorker returns the work of sealing bytes, a multiple of aead.BlockSize, block by
// block under one data key: what no store of sealed blocks can be faster than.
func NewAEADWorker(bytes int64) (Worker, error) {
	if bytes < aead.BlockSize || bytes%aead.BlockSize != 0 {
		return Worker{}, ErrOptions
	}
	return sealWorker(opWrite, int(bytes), false)
}
