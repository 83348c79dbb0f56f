package main

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// writtenKey is what one client knows of a key of its own. Where a request was not
// answered, what it would have changed is in doubt: the former or the later is there.
type writtenKey struct {
	id        string
	states    []string        // allowed; the last is what was asked for last
	rotations []int           // allowed numbers
	blobs     []string        // that must open while the key is Enabled
	grants    map[string]bool // false: its revocation is in doubt
	newGrants int             // grants whose creation is in doubt
	aliases   map[string]bool // true: there; false: its creation or deletion is in doubt
}

// keyWriter changes keys until the daemon is killed.
type keyWriter struct {
	c            *kmsClient
	rng          *rand.Rand
	keys         []*writtenKey
	acknowledged int
	failed       error // an answer that should not be
	aliases      int
}

// untilKilled makes one change after the other.
func (w *keyWriter) untilKilled() {
	for w.failed == nil {
		err := w.change()
		var refused *refusedCall
		switch {
		case errors.As(err, &refused):
			w.failed = err
		case err != nil:
			return // killed
		default:
			w.acknowledged++
		}
	}
}

func (w *keyWriter) change() error {
	if len(w.keys) == 0 || len(w.keys) < 40 && w.rng.IntN(6) == 0 {
		out, err := w.c.call("CreateKey", members{})
		if err == nil {
			w.keys = append(w.keys, &writtenKey{
				id: out["KeyMetadata"].(members)["KeyId"].(string), states: []string{"Enabled"}, rotations: []int{0},
				grants: map[string]bool{}, aliases: map[string]bool{},
			})
		}
		return err
	}
	k := w.keys[w.rng.IntN(len(w.keys))]
	switch k.states[len(k.states)-1] {
	case "Disabled":
		return w.move(k, "EnableKey", "Enabled")
	case "PendingDeletion":
		return w.move(k, "CancelKeyDeletion", "Disabled")
	}
	switch w.rng.IntN(7) {
	case 0:
		return w.move(k, "DisableKey", "Disabled")
	case 1:
		return w.move(k, "ScheduleKeyDeletion", "PendingDeletion")
	case 2:
		return w.rotate(k)
	case 3:
		return w.grant(k)
	case 4:
		return w.revoke(k)
	case 5:
		return w.alias(k)
	}
	out, err := w.c.call("Encrypt", members{"KeyId": k.id, "Plaintext": "eA==", "EncryptionContext": members{"key": k.id}})
	if err == nil && len(k.blobs) < 50 {
		k.blobs = append(k.blobs, out["CiphertextBlob"].(string))
	}
	return err
}

func (w *keyWriter) move(k *writtenKey, operation, state string) error {
	in := members{"KeyId": k.id}
	if operation == "ScheduleKeyDeletion" {
		in["PendingWindowInDays"] = 7
	}
	k.states = append(k.states, state)
	_, err := w.c.call(operation, in)
	if err == nil {
		k.states = []string{state}
	}
	return err
}

func (w *keyWriter) rotate(k *writtenKey) error {
	n := k.rotations[0]
	if n == 25 {
		return nil
	}
	k.rotations = []int{n, n + 1}
	_, err := w.c.call("RotateKeyOnDemand", members{"KeyId": k.id})
	if err == nil {
		k.rotations = []int{n + 1}
	}
	return err
}

func (w *keyWriter) grant(k *writtenKey) error {
	k.newGrants++
	out, err := w.c.call("CreateGrant", members{"KeyId": k.id, "GranteePrincipal": "999988887777", "Operations": []string{"Decrypt", "DescribeKey"}})
	if err == nil {
		k.newGrants--
		k.grants[out["GrantId"].(string)] = true
	}
	return err
}

func (w *keyWriter) revoke(k *writtenKey) error {
	for id := range k.grants {
		k.grants[id] = false
		_, err := w.c.call("RevokeGrant", members{"KeyId": k.id, "GrantId": id})
		if err == nil {
			delete(k.grants, id)
		}
		return err
	}
	return nil
}

// alias makes an alias of the key, or deletes the one it has.
func (w *keyWriter) alias(k *writtenKey) error {
	for name := range k.aliases {
		k.aliases[name] = false
		_, err := w.c.call("DeleteAlias", members{"AliasName": name})
		if err == nil {
			delete(k.aliases, name)
		}
		return err
	}
	w.aliases++
	name := fmt.Sprintf("alias/%s-%d", k.id, w.aliases)
	k.aliases[name] = false
	_, err := w.c.call("CreateAlias", members{"AliasName": name, "TargetKeyId": k.id})
	if err == nil {
		k.aliases[name] = true
	}
	return err
}

// check compares every key with what is known, and settles what was in doubt.
func (w *keyWriter) check(t *testing.T, c *kmsClient) {
	t.Helper()
	for _, k := range w.keys {
		about := c.must(t, "DescribeKey", members{"KeyId": k.id})["KeyMetadata"].(members)
		require.Contains(t, k.states, about["KeyState"], "key %s", k.id)
		k.states = []string{about["KeyState"].(string)}
		k.checkMaterials(t, c, about["CurrentKeyMaterialId"].(string))
		k.checkGrants(t, c)
		k.checkAliases(t, c)
	}
}

func (k *writtenKey) checkMaterials(t *testing.T, c *kmsClient, current string) {
	t.Helper()
	ids := c.list(t, "ListKeyRotations", members{"KeyId": k.id, "IncludeKeyMaterial": "ALL_KEY_MATERIAL"}, "Rotations", "KeyMaterialId")
	require.Contains(t, k.rotations, len(ids)-1, "key %s", k.id)
	k.rotations = []int{len(ids) - 1}
	require.Contains(t, ids, current)
	if k.states[0] != "Enabled" {
		return
	}
	for _, blob := range k.blobs {
		out := c.must(t, "Decrypt", members{"CiphertextBlob": blob, "EncryptionContext": members{"key": k.id}})
		require.Equal(t, "eA==", out["Plaintext"])
		require.Contains(t, ids, out["KeyMaterialId"])
	}
}

func (k *writtenKey) checkGrants(t *testing.T, c *kmsClient) {
	t.Helper()
	there := map[string]bool{}
	strangers := 0
	for _, id := range c.list(t, "ListGrants", members{"KeyId": k.id}, "Grants", "GrantId") {
		there[id] = true
		if _, known := k.grants[id]; !known {
			strangers++
		}
	}
	require.LessOrEqual(t, strangers, k.newGrants, "a revoked grant of %s is back, or one that nobody made is there", k.id)
	for id, sure := range k.grants {
		require.True(t, there[id] || !sure, "grant %s of %s is lost", id, k.id)
	}
	k.grants, k.newGrants = there, 0
}

func (k *writtenKey) checkAliases(t *testing.T, c *kmsClient) {
	t.Helper()
	there := c.list(t, "ListAliases", members{"KeyId": k.id}, "Aliases", "AliasName")
	for _, name := range there {
		require.Contains(t, slices.Collect(maps.Keys(k.aliases)), name, "an alias that was deleted")
	}
	for name, sure := range k.aliases {
		require.True(t, !sure || slices.Contains(there, name), "alias %s is lost", name)
	}
	k.aliases = map[string]bool{}
	for _, name := range there {
		k.aliases[name] = true
	}
}

// list makes every page of a list call and returns one member of each item.
func (c *kmsClient) list(t testing.TB, operation string, in members, list, member string) (all []string) {
	t.Helper()
	for {
		out := c.must(t, operation, in)
		for _, item := range out[list].([]any) {
			all = append(all, item.(members)[member].(string))
		}
		if out["Truncated"] != true {
			return all
		}
		in["Marker"] = out["NextMarker"]
	}
}
