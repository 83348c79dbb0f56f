package kms_test

import (
	"flag"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/meta/metatest"
	"coffer.example/kms"
)

var (
	loadKeys  = flag.Int("load.keys", 1000, "keys and aliases of TestLoad; nightly 100000")
	loadRatio = flag.Float64("load.ratio", 0, "the least speed of TestLoad as a ratio to an empty store; nightly 0.8")
)

// TestLoad fills a store with keys, aliases and half as many grants on one key, and
// compares operations on that key with those in an empty store.
func TestLoad(t *testing.T) {
	store := metatest.NewCrashFS().Open(t)
	w := newWorldOn(t, store)
	w.SetRecorder(nothing{})
	key := w.key()
	enc, err := w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: key.ID, Plaintext: []byte("x")})
	require.NoError(t, err)
	grantee := user(account, "alice")
	w.grant(w.root, kms.CreateGrantInput{KeyID: key.ID, GranteePrincipal: grantee.ARN, Operations: []string{"Decrypt"}})
	speeds := func() map[string]float64 {
		return map[string]float64{
			"DescribeKey": speed(t, func() error {
				_, err := w.DescribeKey(ctx, w.root, kms.DescribeKeyInput{KeyID: key.ID})
				return err
			}),
			"Decrypt": speed(t, func() error {
				_, err := w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob})
				return err
			}),
			"Decrypt by grant": speed(t, func() error {
				_, err := w.Decrypt(ctx, grantee, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob})
				return err
			}),
			"ListGrants": speed(t, func() error {
				_, err := w.ListGrants(ctx, w.root, kms.ListGrantsInput{KeyID: key.ID, Page: kms.Page{Limit: ptr(1)}})
				return err
			}),
		}
	}
	empty := speeds()
	fill(w, key.ID, *loadKeys)
	require.NoError(t, w.Close())
	start := time.Now()
	w.reopen()
	w.SetRecorder(nothing{})
	opened := time.Since(start)
	for name, v := range speeds() {
		t.Logf("%s: %.2f of the speed on an empty store", name, v/empty[name])
		require.GreaterOrEqual(t, v/empty[name], *loadRatio, name)
	}
	t.Logf("open: %v", opened)
	require.Less(t, opened, 2*time.Second)
	out, err := w.ListAliases(ctx, w.root, kms.ListAliasesInput{Page: kms.Page{Limit: ptr(1)}})
	require.NoError(t, err)
	require.Len(t, out.Aliases, 1)
}

// fill makes n keys with an alias each, and n/2 grants on one key.
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
				if err == nil && i%2 == 1 {
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

// speed returns how often a second op runs, in the best of some short rounds.
func speed(t *testing.T, op func() error) (best float64) {
	for range 5 {
		n, start := 0, time.Now()
		for time.Since(start) < 30*time.Millisecond {
			require.NoError(t, op())
			n++
		}
		best = max(best, float64(n)/time.Since(start).Seconds())
	}
	return best
}
