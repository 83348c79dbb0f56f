package kms

import (
	"encoding/binary"
	"slices"
	"unicode/utf8"
)

const (
	// MaxContextPairs is the largest number of pairs of an encryption context.
	MaxContextPairs = 256
	// MaxContextBytes is the largest canonical form of an encryption context, as AWS allows.
	MaxContextBytes = 8192
)

// canonicalContext returns the one encoding of an encryption context:
//
//	count(4) ‖ for each pair, sorted by key: length(4) ‖ key ‖ length(4) ‖ value
//
// It is injective: lengths delimit every string, so no two contexts share an
// encoding and {"a":"bc"} never opens what {"ab":"c"} sealed.
func canonicalContext(ec map[string]string) ([]byte, error) {
	if len(ec) > MaxContextPairs {
		return nil, refuse(ErrValidation, "The encryption context has more than %d pairs.", MaxContextPairs)
	}
	keys, size := make([]string, 0, len(ec)), 4
	for key, value := range ec {
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return nil, refuse(ErrValidation, "The encryption context is not valid UTF-8.")
		}
		keys, size = append(keys, key), size+4+len(key)+4+len(value)
	}
	if size > MaxContextBytes {
		return nil, refuse(ErrValidation, "The encryption context is larger than %d bytes.", MaxContextBytes)
	}
	slices.Sort(keys)
	b := binary.BigEndian.AppendUint32(make([]byte, 0, size), uint32(len(ec)))
	for _, key := range keys {
		b = appendString(appendString(b, key), ec[key])
	}
	return b, nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}
