package aead

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestWrapEveryFlippedByteRefuses(t *testing.T) {
	for _, suite := range wrapSuites {
		k := testWrappingKey(t, suite)
		wrapped, err := k.Wrap(rand.Reader, fill(0, 64), []byte("context"))
		require.NoError(t, err)
		for i := range wrapped {
			for _, bit := range []byte{1, 0x80} {
				wrapped[i] ^= bit
				_, err := k.Unwrap(wrapped, []byte("context"))
				require.True(t, errors.Is(err, ErrOpen) || errors.Is(err, ErrFormat), "byte %d: %v", i, err)
				wrapped[i] ^= bit
			}
		}
		for n := range wrapped {
			_, err := k.Unwrap(wrapped[:n], []byte("context"))
			require.Error(t, err)
		}
		s, err := k.Unwrap(wrapped, []byte("context"))
		require.NoError(t, err)
		require.Equal(t, fill(0, 64), s.Bytes())
		s.Destroy()
	}
}

func TestWrapContextAndKeyAreBound(t *testing.T) {
	for _, suite := range wrapSuites {
		k := testWrappingKey(t, suite)
		wrapped, err := k.Wrap(rand.Reader, []byte("key"), []byte("context"))
		require.NoError(t, err)
		for _, c := range []string{"", "contex", "context\x00", "Context"} {
			_, err = k.Unwrap(wrapped, []byte(c))
			require.ErrorIs(t, err, ErrOpen)
		}
		// The same ids with other material: the commitment refuses before the AEAD sees it.
		other, err := NewWrappingKey(k.Header(), NewSecret(fill(10, 32)), AllowTableAES)
		require.NoError(t, err)
		_, err = other.Unwrap(wrapped, []byte("context"))
		require.ErrorIs(t, err, ErrOpen)
		// The same material under other ids.
		renamed, err := NewWrappingKey(WrapHeader{KeyID: ID{1}}, NewSecret(fill(9, 32)), AllowTableAES)
		require.NoError(t, err)
		_, err = renamed.Unwrap(wrapped, []byte("context"))
		require.ErrorIs(t, err, ErrOpen)
	}
}

func TestWrapSizes(t *testing.T) {
	k := testWrappingKey(t, DefaultWrapSuite())
	for _, n := range []int{0, MaxWrappedPlaintext + 1} {
		_, err := k.Wrap(rand.Reader, make([]byte, n), nil)
		require.ErrorIs(t, err, ErrSize)
	}
	wrapped, err := k.Wrap(rand.Reader, make([]byte, MaxWrappedPlaintext), nil)
	require.NoError(t, err)
	require.LessOrEqual(t, len(wrapped), MaxWrappedSize)
	_, err = k.Wrap(iotest.ErrReader(errors.New("no entropy")), []byte("k"), nil)
	require.ErrorContains(t, err, "no entropy")
	_, err = NewWrappingKey(WrapHeader{}, NewSecret(make([]byte, 31)))
	require.ErrorIs(t, err, ErrSize)
}

func TestRecordEveryFlippedByteRefuses(t *testing.T) {
	for _, suite := range wrapSuites {
		k := testRecordKey(t, suite)
		prefix := []byte("prefix")
		sealed, err := k.Seal(rand.Reader, prefix, []byte("value"), []byte("key"))
		require.NoError(t, err)
		require.True(t, bytes.HasPrefix(sealed, prefix))
		sealed = sealed[len(prefix):]
		for i := range sealed {
			sealed[i] ^= 1
			_, err := k.Open(nil, sealed, []byte("key"))
			require.True(t, errors.Is(err, ErrOpen) || errors.Is(err, ErrFormat))
			sealed[i] ^= 1
		}
		_, err = k.Open(nil, sealed, []byte("kez"))
		require.ErrorIs(t, err, ErrOpen)
		_, err = k.Open(nil, sealed[:RecordOverhead-1], nil)
		require.ErrorIs(t, err, ErrFormat)
		// The suite byte cannot be exchanged: the suites have different keys.
		sealed[0] ^= byte(WrapXAES256GCM ^ WrapXChaCha20Poly1305)
		_, err = k.Open(nil, sealed, []byte("key"))
		require.ErrorIs(t, err, ErrOpen)
	}
	_, err := testRecordKey(t, DefaultWrapSuite()).Seal(rand.Reader, nil, make([]byte, MaxRecordSize+1), nil)
	require.ErrorIs(t, err, ErrSize)
}
