package kms

import (
	"maps"
	"slices"
	"unicode/utf8"

	"coffer.example/internal/binfmt"
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
	w := binfmt.NewWriter(MaxContextBytes)
	w.U32(uint32(len(ec)))
	for _, key := range slices.Sorted(maps.Keys(ec)) {
		if !utf8.ValidString(key) || !utf8.ValidString(ec[key]) {
			return nil, refuse(ErrValidation, "The encryption context is not valid UTF-8.")
		}
		w.Bytes32([]byte(key))
		w.Bytes32([]byte(ec[key]))
	}
	b, err := w.Finish()
	if err != nil {
		return nil, refuse(ErrValidation, "The encryption context is larger than %d bytes.", MaxContextBytes)
	}
	return b, nil
}
