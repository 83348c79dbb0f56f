package kms_test

import (
	"flag"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/meta/metatest"
	"coffer.example/internal/meta/pebblemeta"
	"coffer.example/kms"
)

var (
	loadKeys  = flag.Int("load.keys", 1000, "keys and aliases of TestLoad; nightly 100000")
	loadRatio = flag.Float64("load.ratio", 0, "the least speed of TestLoad as a ratio to an empty store; nightly 0.8")
)

// TestLoad fills a store with keys, aliases and half as many grants on one key, and
// compares operations on that key with the same in an empty store beside it.
func TestLoad(t *testing.T) {
	full, empty := newLoadWorld(t), newLoadWorld(t)
	fill(full.world, full.key.ID, *loadKeys)
	require.NoError(t, full.Close())
	require.NoError(t, full.store.Close())
	start := time.Now()
	full.store = full.fs.Open(t)
	full.opts.Store = full.store
	full.reopen()
	full.SetRecorder(nothing{})
	opened := time.Since(start)
	t.Logf("open: %v", opened)
	require.Less(t, opened, 2*time.Second)
	for _, name := range []string{"DescribeKey", "Decrypt", "Decrypt by grant", "ListGrants"} {
		ratio := pairedSpeed(t, empty.operation(name), full.operation(name))
		t.Logf("%s: %.2f of the speed on an empty store", name, ratio)
		require.GreaterOrEqual(t, ratio, *loadRatio, name)
	}
	out, err := full.ListAliases(ctx, full.root, kms.ListAliasesInput{Page: kms.Page{Limit: ptr(1)}})
	require.NoError(t, err)
	require.Len(t, out.Aliases, 1)
}

// loadWorld is a store on Pebble with one key that has loadGrants grants, the first of
// them to a user.
type loadWorld struct {
	*world
	fs      *metatest.CrashFS
	store   *pebblemeta.Store
	key     *kms.KeyMetadata
	blob    []byte
	grantee kms.Caller
}

// loadGrants fill a page of ListGrants, so that both stores answer the same.
const loadGrants = 50

func newLoadWorld(t *testing.T) *loadWorld {
	w := &loadWorld{fs: metatest.NewCrashFS(), grantee: user(account, "alice")}
	w.store = w.fs.Open(t)
	w.world = newWorldOn(t, w.store)
	w.SetRecorder(nothing{})
	w.key = w.world.key()
	enc, err := w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: w.key.ID, Plaintext: []byte("x")})
	require.NoError(t, err)
	w.blob = enc.CiphertextBlob
	w.grant(w.root, kms.CreateGrantInput{KeyID: w.key.ID, GranteePrincipal: w.grantee.ARN, Operations: []string{"Decrypt"}})
	for i := range loadGrants {
		w.grant(w.root, kms.CreateGrantInput{KeyID: w.key.ID, Operations: []string{"Decrypt"},
			GranteePrincipal: fmt.Sprintf("arn:aws:iam::%s:user/first-%d", account, i)})
	}
	return w
}

func (w *loadWorld) operation(name string) func() error {
	switch name {
	case "DescribeKey":
		return func() error {
			_, err := w.DescribeKey(ctx, w.root, kms.DescribeKeyInput{KeyID: w.key.ID})
			return err
		}
	case "ListGrants":
		return func() error {
			_, err := w.ListGrants(ctx, w.root, kms.ListGrantsInput{KeyID: w.key.ID, Page: kms.Page{Limit: ptr(loadGrants)}})
			return err
		}
	}
	caller := w.root
	if name == "Decrypt by grant" {
		caller = w.grantee
	}
	return func() error {
		_, err := w.Decrypt(ctx, caller, kms.DecryptInput{CiphertextBlob: w.blob})
		return err
	}
}

// fill makes n keys with an alias each, and n/2 grants on one key, with those that are there.
func fill(w *world, keyID string, n int) {
	var wg sync.WaitGroup
	const workers = 16
	for worker := range workers {
		wg.Go(func() {
			for i := worker; i < n-1; i += workers {
				m, err := w.CreateKey(ctx, w.root, kms.CreateKeyInput{})
				if err == nil {
					err = w.CreateAlias(ctx, w.root, kms.AliasInput{AliasName: fmt.Sprintf("alias/load/%d", i), TargetKeyID: m.ID})
				}
				if err == nil && i%2 == 1 && i/2 < n/2-loadGrants-1 {
					_, err = w.CreateGrant(ctx, w.root, kms.CreateGrantInput{KeyID: keyID, Operations: []string{"Decrypt"},
						GranteePrincipal: fmt.Sprintf("arn:aws:iam::%s:user/load-%d", account, i)})
				}
				if err != nil {
					w.t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// pairedSpeed returns the speed of b as a ratio to that of a: of each the best of many
// short rounds in turn, so that what else the machine does hits neither.
func pairedSpeed(t *testing.T, a, b func() error) float64 {
	var bestA, bestB float64
	for range loadRounds {
		bestA, bestB = max(bestA, speed(t, a)), max(bestB, speed(t, b))
	}
	return bestB / bestA
}

// loadRounds of loadSlot are enough for some in which nothing else ran.
const (
	loadRounds = 200
	loadSlot   = time.Millisecond
)

// speed returns how often a second op runs.
func speed(t *testing.T, op func() error) float64 {
	n, start := 0, time.Now()
	for time.Since(start) < loadSlot {
		require.NoError(t, op())
		n++
	}
	return float64(n) / time.Since(start).Seconds()
}
