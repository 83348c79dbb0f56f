package aead

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func typed(err error) bool { return errors.Is(err, ErrOpen) || errors.Is(err, ErrFormat) }

// FuzzWrapped: whatever parses has the size and header that were read, and nothing but
// the vectors themselves unwraps.
func FuzzWrapped(f *testing.F) {
	var v formats
	readJSON(f, "testdata/formats.json", &v)
	for _, w := range v.Wrapped {
		f.Add([]byte(w.Wrapped), []byte(w.Context))
		f.Add([]byte(w.Wrapped[:len(w.Wrapped)-1]), []byte(w.Context))
	}
	f.Add([]byte(wrapMagic), []byte(nil))
	k := testWrappingKey(f, WrapXAES256GCM)
	f.Fuzz(func(t *testing.T, wrapped, context []byte) {
		h, err := ParseWrapped(wrapped)
		if err != nil {
			require.ErrorIs(t, err, ErrFormat)
		} else {
			again := append([]byte(wrapMagic), wrapVersion, wrapped[5])
			again = append(append(again, h.KeyID[:]...), h.MaterialID[:]...)
			require.Equal(t, again, wrapped[:wrapOffNonce])
		}
		s, err := k.Unwrap(wrapped, context)
		if err != nil {
			require.True(t, typed(err), err)
			return
		}
		for _, w := range v.Wrapped {
			if bytes.Equal(w.Wrapped, wrapped) && bytes.Equal(w.Context, context) {
				require.Equal(t, []byte(w.Plaintext), s.Bytes())
				s.Destroy()
				return
			}
		}
		t.Fatal("forged a wrapped key")
	})
}

func FuzzRecord(f *testing.F) {
	var v formats
	readJSON(f, "testdata/formats.json", &v)
	for _, r := range v.Records {
		f.Add([]byte(r.Sealed), []byte(r.AAD))
	}
	f.Add([]byte{3}, []byte(nil))
	k := testRecordKey(f, WrapXAES256GCM)
	f.Fuzz(func(t *testing.T, sealed, aad []byte) {
		out, err := k.Open(nil, sealed, aad)
		if err != nil {
			require.True(t, typed(err), err)
			return
		}
		for _, r := range v.Records {
			if bytes.Equal(r.Sealed, sealed) && bytes.Equal(r.AAD, aad) {
				require.Equal(t, string(r.Plaintext), string(out))
				return
			}
		}
		t.Fatal("forged a record")
	})
}

// FuzzStream: a stream that opens and reads to its end is the one that was sealed.
func FuzzStream(f *testing.F) {
	long := pattern(StreamChunkSize + 10)
	var genuine [][]byte
	for i, p := range [][]byte{nil, []byte("x"), long} {
		salt := counting(i) // the same in every fuzzing process
		genuine = append(genuine, sealStreamWith(f, &salt, DefaultSuite(), p))
	}
	for _, g := range genuine {
		f.Add(g, int64(0))
		f.Add(g[:len(g)-1], int64(1))
	}
	f.Add([]byte(streamMagic), int64(0))
	f.Fuzz(func(t *testing.T, sealed []byte, off int64) {
		r, err := openStream(t, sealed)
		if err != nil {
			require.True(t, typed(err), err)
			return
		}
		if _, err = r.ReadAt(make([]byte, 10), off); err != nil {
			require.True(t, typed(err) || errors.Is(err, io.EOF) || errors.Is(err, ErrSize), err)
		}
		if _, err = io.Copy(io.Discard, io.NewSectionReader(r, 0, r.Size())); err != nil {
			require.True(t, typed(err), err)
			return
		}
		for _, g := range genuine {
			if bytes.Equal(g, sealed) {
				return
			}
		}
		if r.Size() != 0 { // the one chunk of an empty stream has no byte that a read would return
			t.Fatal("forged a stream")
		}
	})
}
