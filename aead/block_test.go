package aead

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func testSession(t testing.TB, suite Suite) *Session {
	t.Helper()
	s, err := testDataKey(t).Session(suite, fill(64, SaltSize), ID{1}, ID{2}, AllowTableAES)
	require.NoError(t, err)
	return s
}

func TestBlockIsBoundToItsPlace(t *testing.T) {
	for _, suite := range suites {
		s, sc := testSession(t, suite), new(Scratch)
		sealed := s.SealBlock(sc, nil, fill(0, BlockSize), 7, 9)
		_, err := s.OpenBlock(sc, nil, sealed, 8, 9)
		require.ErrorIs(t, err, ErrOpen)
		_, err = s.OpenBlock(sc, nil, sealed, 7, 10)
		require.ErrorIs(t, err, ErrOpen)
		_, err = s.OpenBlock(sc, nil, sealed[:TagSize-1], 7, 9)
		require.ErrorIs(t, err, ErrOpen)
		for i := range sealed {
			sealed[i] ^= 1
			_, err = s.OpenBlock(sc, nil, sealed, 7, 9)
			require.ErrorIs(t, err, ErrOpen)
			sealed[i] ^= 1
		}
		out, err := s.OpenBlock(sc, nil, sealed, 7, 9)
		require.NoError(t, err)
		require.Equal(t, fill(0, BlockSize), out)
	}
}

func TestSessionsDiffer(t *testing.T) {
	dek := testDataKey(t)
	first := testSession(t, SuiteAES256GCM).SealBlock(new(Scratch), nil, fill(0, 32), 1, 1)
	for _, v := range []struct {
		salt          byte
		store, volume ID
	}{{65, ID{1}, ID{2}}, {64, ID{9}, ID{2}}, {64, ID{1}, ID{9}}} {
		s, err := dek.Session(SuiteAES256GCM, fill(v.salt, SaltSize), v.store, v.volume, AllowTableAES)
		require.NoError(t, err)
		_, err = s.OpenBlock(new(Scratch), nil, first, 1, 1)
		require.ErrorIs(t, err, ErrOpen)
	}
}

func TestSessionRefuses(t *testing.T) {
	dek := testDataKey(t)
	_, err := dek.Session(SuiteAES256GCM, make([]byte, 31), ID{}, ID{})
	require.ErrorIs(t, err, ErrSize)
	for _, s := range []Suite{0, 3, 255} {
		_, err = dek.Session(s, make([]byte, 32), ID{}, ID{})
		require.ErrorIs(t, err, ErrSuite)
	}
	_, err = DataKeyFromSecret(NewSecret(make([]byte, 32)))
	require.ErrorIs(t, err, ErrSize)
}

func TestBlockInPlaceAndOutOfPlaceAgree(t *testing.T) {
	for _, suite := range suites {
		s, sc := testSession(t, suite), new(Scratch)
		want := s.SealBlock(sc, nil, fill(3, BlockSize), 1, 2)
		buf := append(fill(3, BlockSize), make([]byte, TagSize)...)
		require.Equal(t, want, s.SealBlock(sc, buf[:0], buf[:BlockSize], 1, 2))
		out, err := s.OpenBlock(sc, buf[:0], buf, 1, 2)
		require.NoError(t, err)
		require.Equal(t, fill(3, BlockSize), out)
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		return // sync.Pool drops objects under the race detector
	}
	for _, suite := range suites {
		if suite == SuiteAES256GCM && !constantTimeAES() || suite == SuiteChaCha20Poly1305 && chachaPath() != PathAVX2 {
			continue // the portable code behind crypto/cipher and x/crypto allocates
		}
		s, sc := testSession(t, suite), new(Scratch)
		plaintext, sealed, out := make([]byte, BlockSize), make([]byte, 0, BlockSize+TagSize), make([]byte, 0, BlockSize)
		require.Zero(t, testing.AllocsPerRun(100, func() { sealed = s.SealBlock(sc, sealed[:0], plaintext, 1, 2) }))
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if _, err := s.OpenBlock(sc, out, sealed, 1, 2); err != nil {
				panic(err)
			}
		}))
	}
	k, message := testDataKey(t).IndexKey(), make([]byte, 450)
	require.Zero(t, testing.AllocsPerRun(100, func() { k.Sum(message) }))
	require.Zero(t, testing.AllocsPerRun(100, func() { k.Tag(message) }))
}
