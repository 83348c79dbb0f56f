package main

import (
	"flag"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/testkit"
)

// keyKillRounds is how often TestKeysKilled kills the daemon; make crash asks for more.
var keyKillRounds = flag.Int("kill.keyrounds", 12, "how often the daemon is killed while keys are changed")

// keyWriters are the clients that change keys at once, each its own.
const keyWriters = 3

// TestKeysKilled kills the real daemon while keys are made, rotated, granted, disabled
// and scheduled for deletion: every change that was answered is there afterwards, one
// that was not is there whole or not at all, and what was wrapped opens.
func TestKeysKilled(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	install := testkit.Init(t)
	daemon := testkit.Serve(t, install)
	writers := make([]*keyWriter, keyWriters)
	for i := range writers {
		writers[i] = &keyWriter{rng: rand.New(rand.NewPCG(seed, uint64(i+1)))}
	}
	acknowledged := 0
	for round := range *keyKillRounds {
		var running sync.WaitGroup
		for _, w := range writers {
			w.c = newKMSClient(daemon)
			running.Go(w.untilKilled)
		}
		time.Sleep(time.Duration(30+rng.IntN(200)) * time.Millisecond)
		daemon.Kill(t)
		running.Wait()
		daemon = testkit.Serve(t, install)
		c := newKMSClient(daemon)
		known := map[string]bool{}
		acknowledged = 0
		for _, w := range writers {
			require.NoError(t, w.failed, "round %d", round)
			w.check(t, c)
			for _, k := range w.keys {
				known[k.id] = true
			}
			acknowledged += w.acknowledged
		}
		checkStrangers(t, c, known, keyWriters*(round+1))
		checkAliases(t, c)
	}
	require.Greater(t, acknowledged, 10**keyKillRounds, "the load did reach the daemon")
	t.Logf("%d changes acknowledged", acknowledged)
	require.Contains(t, daemon.Coffer(t, "audit", "verify"), "one chain")
	daemon.Stop(t)
}

// checkStrangers looks at the keys whose creation was not answered: there are few, and
// each is whole.
func checkStrangers(t *testing.T, c *kmsClient, known map[string]bool, most int) {
	t.Helper()
	strangers := 0
	for _, id := range c.list(t, "ListKeys", members{}, "Keys", "KeyId") {
		if known[id] {
			continue
		}
		strangers++
		about := c.must(t, "DescribeKey", members{"KeyId": id})["KeyMetadata"].(members)
		require.Equal(t, "Enabled", about["KeyState"])
		require.Contains(t, c.must(t, "GetKeyPolicy", members{"KeyId": id, "PolicyName": "default"})["Policy"], "Enable IAM policies")
		blob := c.must(t, "Encrypt", members{"KeyId": id, "Plaintext": "eA=="})["CiphertextBlob"]
		c.must(t, "Decrypt", members{"CiphertextBlob": blob})
	}
	require.LessOrEqual(t, strangers, most, "a key that nobody asked for")
}

// checkAliases follows every alias to a key that is there.
func checkAliases(t *testing.T, c *kmsClient) {
	t.Helper()
	for _, name := range c.list(t, "ListAliases", members{}, "Aliases", "AliasName") {
		c.must(t, "DescribeKey", members{"KeyId": name})
	}
}
