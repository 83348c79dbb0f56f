package kms_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"coffer.example/kms"
)

func TestRotation(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	status := func() *kms.KeyRotationStatus {
		s, err := w.GetKeyRotationStatus(ctx, w.root, kms.KeyInput{KeyID: key.ID})
		require.NoError(t, err)
		return s
	}
	require.False(t, status().Enabled)
	for _, days := range []int{89, 2561} {
		require.ErrorIs(t, w.EnableKeyRotation(ctx, w.root, kms.EnableKeyRotationInput{KeyID: key.ID, RotationPeriodInDays: &days}), kms.ErrValidation)
	}
	require.NoError(t, w.EnableKeyRotation(ctx, w.root, kms.EnableKeyRotationInput{KeyID: key.ID, RotationPeriodInDays: ptr(90)}))
	start := w.clock.now()
	require.Equal(t, start.AddDate(0, 0, 90), status().Next)

	// Every material decrypts what it sealed; the bytes really change.
	var blobs [][]byte
	seen := map[string]bool{}
	seal := func() {
		enc, err := w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: key.ID, Plaintext: []byte("same")})
		require.NoError(t, err)
		blobs = append(blobs, enc.CiphertextBlob)
		id := w.describe(key.ID).CurrentMaterialID
		require.False(t, seen[id])
		seen[id] = true
	}
	seal()
	w.clock.days(89)
	require.Len(t, seen, 1)
	w.clock.days(1)
	seal() // by use
	w.clock.days(90)
	require.NoError(t, w.Tick(ctx))
	seal() // by Tick
	_, err := w.RotateKeyOnDemand(ctx, w.root, kms.KeyInput{KeyID: key.ID})
	require.NoError(t, err)
	seal()
	require.Equal(t, start.AddDate(0, 0, 270), status().Next, "on demand does not move the schedule")

	// A disabled key waits, and is rotated once when it is enabled.
	require.NoError(t, w.DisableKey(ctx, w.root, kms.KeyInput{KeyID: key.ID}))
	w.clock.days(300)
	require.NoError(t, w.Tick(ctx))
	require.Len(t, seen, 4)
	require.True(t, seen[w.describe(key.ID).CurrentMaterialID])
	require.NoError(t, w.EnableKey(ctx, w.root, kms.KeyInput{KeyID: key.ID}))
	seal()
	require.True(t, status().Next.After(w.clock.now()))
	require.NoError(t, w.Close())
	w.reopen()
	materials := map[string]bool{}
	for _, blob := range blobs {
		dec, err := w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: blob})
		require.NoError(t, err)
		require.Equal(t, "same", string(dec.Plaintext))
		materials[dec.KeyMaterialID] = true
	}
	require.Equal(t, seen, materials)

	list, err := w.ListKeyRotations(ctx, w.root, kms.ListKeyRotationsInput{KeyID: key.ID})
	require.NoError(t, err)
	var types []string
	for _, r := range list.Rotations {
		types = append(types, r.Type+" "+r.MaterialState)
		require.False(t, r.Date.IsZero())
	}
	require.Equal(t, []string{"AUTOMATIC NON_CURRENT", "AUTOMATIC NON_CURRENT", "ON_DEMAND NON_CURRENT", "AUTOMATIC CURRENT"}, types)
	page, err := w.ListKeyRotations(ctx, w.root, kms.ListKeyRotationsInput{KeyID: key.ID, Page: kms.Page{Limit: ptr(3)}})
	require.NoError(t, err)
	require.True(t, page.Truncated)
	rest, err := w.ListKeyRotations(ctx, w.root, kms.ListKeyRotationsInput{KeyID: key.ID, Page: kms.Page{Limit: ptr(3), Marker: page.Marker}})
	require.NoError(t, err)
	require.Equal(t, list.Rotations, append(page.Rotations, rest.Rotations...))

	require.NoError(t, w.DisableKeyRotation(ctx, w.root, kms.KeyInput{KeyID: key.ID}))
	require.False(t, status().Enabled)
	w.clock.days(1000)
	require.NoError(t, w.Tick(ctx))
	require.True(t, seen[w.describe(key.ID).CurrentMaterialID])
	require.Contains(t, w.trail.names(), "RotateKey")
}

func TestOnDemandRotationLimit(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	for range 25 {
		_, err := w.RotateKeyOnDemand(ctx, w.root, kms.KeyInput{KeyID: key.ID})
		require.NoError(t, err)
	}
	_, err := w.RotateKeyOnDemand(ctx, w.root, kms.KeyInput{KeyID: key.ID})
	requireRefused(t, err, kms.ErrLimitExceeded, "The on-demand rotations limit has been reached for the given keyId. "+
		"No more on-demand rotations can be performed for this key: "+key.ARN)
	all, err := w.ListKeyRotations(ctx, w.root, kms.ListKeyRotationsInput{KeyID: key.ID, IncludeKeyMaterial: "ALL_KEY_MATERIAL"})
	require.NoError(t, err)
	require.Len(t, all.Rotations, 26)
}

func TestRotationPeriodChanges(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	next := func(days *int) time.Time {
		require.NoError(t, w.EnableKeyRotation(ctx, w.root, kms.EnableKeyRotationInput{KeyID: key.ID, RotationPeriodInDays: days}))
		s, err := w.GetKeyRotationStatus(ctx, w.root, kms.KeyInput{KeyID: key.ID})
		require.NoError(t, err)
		return s.Next
	}
	start := w.clock.now()
	require.Equal(t, start.AddDate(0, 0, 365), next(nil))
	w.clock.days(10)
	require.Equal(t, start.AddDate(0, 0, 100), next(ptr(100)))
	require.Equal(t, start.AddDate(0, 0, 100), next(nil), "asking again moves nothing")
}
