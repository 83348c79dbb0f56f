package blockstore

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"coffer.example/aead"
)

// nonceRecorder remembers every key and nonce that blocks were sealed under, whatever
// store sealed them. A key's fingerprint is what it makes of nothing: the tag of an
// empty block under a nonce that no store reaches.
type nonceRecorder struct {
	t            *testing.T
	mu           sync.Mutex // guards the fields below
	fingerprints map[*aead.Session]string
	seen         map[string]map[uint64]bool // by fingerprint: sequences, which are the nonces
	sealed       int
}

func newNonceRecorder(t *testing.T) *nonceRecorder {
	return &nonceRecorder{t: t, fingerprints: map[*aead.Session]string{}, seen: map[string]map[uint64]bool{}}
}

func (n *nonceRecorder) record(o *openSession, sequence uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	key, ok := n.fingerprints[o.sealer]
	if !ok {
		key = string(o.sealer.SealBlock(new(aead.Scratch), nil, nil, ^uint64(0), ^uint64(0)))
		n.fingerprints[o.sealer] = key
	}
	if n.seen[key] == nil {
		n.seen[key] = map[uint64]bool{}
	}
	if n.seen[key][sequence] {
		n.t.Errorf("sequence %d of session %d is sealed twice under one key", sequence, o.number)
	}
	n.seen[key][sequence] = true
	n.sealed++
}

// TestNonceRecorder: the recorder itself sees a repeat.
func TestNonceRecorder(t *testing.T) {
	var inner testing.T
	n := newNonceRecorder(&inner)
	dek, err := aead.NewDataKey(newTestRand(1))
	require.NoError(t, err)
	for range 2 { // one key, derived twice
		session, err := dek.Session(aead.DefaultSuite(), make([]byte, aead.SaltSize), aead.ID{}, aead.ID{})
		require.NoError(t, err)
		n.record(&openSession{sealer: session}, 7)
	}
	require.True(t, inner.Failed())
}

// newTestRand is randomness that repeats.
func newTestRand(seed uint64) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{byte(seed)}) }

// TestNoncesNeverRepeat seals in a store, in crash images of it, in copies of its
// directory that are open at the same time, in an old copy that is put back, in clones
// and in walkers, and finds no key and nonce twice.
func TestNoncesNeverRepeat(t *testing.T) {
	watchdog(t)
	n, keys := newNonceRecorder(t), newTestKeys()
	open := func(fs FS) *Store {
		s, err := Open(Options{Dir: "/store", FS: fs, Keys: keys.fork(nil), ZoneSlots: 64, JournalBytes: 256 << 10, seams: seams{sealed: n.record}})
		require.NoError(t, err)
		return s
	}
	work := func(s *Store, id string) {
		d, err := s.Attach(ctx, id)
		require.NoError(t, err)
		for i := range int64(20) {
			_, err := d.WriteAt(fill(3*BlockSize, uint64(i)), i*BlockSize+i%2*100)
			require.NoError(t, err)
			if i%7 == 0 {
				require.NoError(t, d.Flush(ctx))
			}
		}
	}
	_, err := keys.key("one")
	require.NoError(t, err)
	_, err = keys.key("two")
	require.NoError(t, err)
	fs := vfs.NewCrashableMem()
	s := open(fs)
	_, err = s.CreateVolume(ctx, VolumeSpec{ID: "v", Size: GiB, Key: "one"})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	old := copyFS(fs)
	r := rand.New(rand.NewPCG(1, 1))
	for range 4 {
		s = open(fs)
		work(s, "v")
		image := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: r})
		twin := open(fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: r}))
		work(twin, "v") // while the first is still open: a copied directory
		require.NoError(t, twin.Close())
		sn, err := s.CreateSnapshot(ctx, SnapshotRequest{Volume: "v"})
		require.NoError(t, err)
		for _, key := range []string{"one", "two"} {
			c, err := s.CloneSnapshot(ctx, sn.ID, VolumeSpec{Key: key})
			require.NoError(t, err)
			work(s, c.ID)
		}
		_, err = s.CopySnapshot(ctx, sn.ID, CopySpec{Key: "two"})
		require.NoError(t, err)
		require.Eventually(t, func() bool { return len(s.Walks()) == 0 }, 10*time.Second, time.Millisecond)
		require.NoError(t, s.Close())
		fs = image // crashed
	}
	for range 2 {
		s = open(copyFS(old)) // put back, twice
		work(s, "v")
		require.NoError(t, s.Close())
	}
	require.Greater(t, n.sealed, 500)
	require.Greater(t, len(n.seen), 10)
}
