package ec2

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"coffer.example/aead"
	"coffer.example/internal/binfmt"
	"coffer.example/internal/blob"
)

// An exported snapshot is one object, format version 1, integers big-endian:
//
//	0    8    magic "COFFERSX"
//	8    2    format version, 1
//	10   2+n  ARN of the KMS key that wraps the data key
//	..   2+n  wrapped data key, under the context {"coffer:export": object name}
//	..        a stream (package aead) under that data key, bound to everything above, of
//	            size in GiB (4) ‖ number of blocks (8), then per block, in order,
//	            index (8) ‖ SnapshotBlockSize bytes
//
// Nothing of the store is in it: a snapshot is opened there and sealed anew. The stream finds what is
// changed, moved or cut off; the name in the context, an object in another's place.

const (
	exportMagic     = "COFFERSX"
	exportVersion   = 1
	exportPrefix    = "snapshots/"
	exportContext   = "coffer:export"
	maxExportHeader = 8 + 2 + 2*(2+aead.MaxWrappedSize)
	exportStart     = 4 + 8
	exportUnit      = 8 + SnapshotBlockSize
)

// ErrExport says that an object is not an export of a snapshot, or not an intact one.
var ErrExport = errors.New("ec2: not an intact snapshot export")

// exportHeader is what stands before the stream.
type exportHeader struct {
	key     string // ARN
	wrapped []byte
}

func (h *exportHeader) encode() ([]byte, error) {
	w := binfmt.NewWriter(maxExportHeader)
	w.Raw([]byte(exportMagic))
	w.U16(exportVersion)
	w.String16(h.key)
	w.Bytes16(h.wrapped)
	return w.Finish()
}

// decodeExport returns the header and its length.
func decodeExport(b []byte) (h exportHeader, n int, err error) {
	if len(b) < len(exportMagic)+2 || string(b[:len(exportMagic)]) != exportMagic {
		return h, 0, fmt.Errorf("%w: no export", ErrExport)
	}
	if v := binary.BigEndian.Uint16(b[len(exportMagic):]); v != exportVersion {
		return h, 0, fmt.Errorf("%w: format version %d, this program knows %d", ErrExport, v, exportVersion)
	}
	r := binfmt.NewReader(b[len(exportMagic)+2:])
	h.key, h.wrapped = string(r.Bytes16(aead.MaxWrappedSize)), r.Bytes16(aead.MaxWrappedSize)
	rest := r.Rest()
	if err := r.Finish(); err != nil {
		return h, 0, fmt.Errorf("%w: header: %w", ErrExport, err)
	}
	return h, len(b) - len(rest), nil
}

// readExportHeader reads the header of an object.
func readExportHeader(o blob.Object) (h exportHeader, header []byte, err error) {
	b := make([]byte, min(o.Size(), maxExportHeader))
	if _, err := o.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return h, nil, err
	}
	h, n, err := decodeExport(b)
	if err != nil {
		return h, nil, err
	}
	return h, b[:n], nil
}
