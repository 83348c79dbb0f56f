package kms_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"coffer.example/kms"
)

func TestDescribeFreshKey(t *testing.T) {
	w := newWorld(t)
	m, err := w.CreateKey(ctx, w.root, kms.CreateKeyInput{Description: "d", Tags: []kms.Tag{{Key: "b"}, {Key: "a", Value: "1"}}})
	require.NoError(t, err)
	require.Equal(t, w.describe(m.ID), m)
	require.Equal(t, &kms.KeyMetadata{
		Account: account, Region: "us-east-1", ID: m.ID, ARN: "arn:aws:kms:us-east-1:" + account + ":key/" + m.ID,
		Created: w.clock.now(), Description: "d", Usage: "ENCRYPT_DECRYPT", Spec: "SYMMETRIC_DEFAULT", Origin: "AWS_KMS",
		Manager: "CUSTOMER", State: kms.Enabled, CurrentMaterialID: m.CurrentMaterialID, EncryptionAlgorithms: []string{"SYMMETRIC_DEFAULT"},
	}, m)
	require.Len(t, m.CurrentMaterialID, 64)
	tags, err := w.ListResourceTags(ctx, w.root, kms.ListResourceTagsInput{KeyID: m.ID})
	require.NoError(t, err)
	require.Equal(t, []kms.Tag{{Key: "a", Value: "1"}, {Key: "b"}}, tags.Tags)
}

func TestKeyNames(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	require.NoError(t, w.CreateAlias(ctx, w.root, kms.AliasInput{AliasName: "alias/a/b_c-1", TargetKeyID: key.ID}))
	for _, name := range []string{key.ID, key.ARN, "alias/a/b_c-1", "arn:aws:kms:us-east-1:" + account + ":alias/a/b_c-1"} {
		require.Equal(t, key, w.describe(name))
	}
	elsewhere := w.root
	elsewhere.Region = "eu-west-1"
	absent := "00000000-0000-4000-8000-000000000000"
	for name, c := range map[string]struct {
		caller        kms.Caller
		kind          error
		name, message string
	}{
		"no key":             {w.root, kms.ErrNotFound, absent, "Key 'arn:aws:kms:us-east-1:" + account + ":key/" + absent + "' does not exist"},
		"no id":              {w.root, kms.ErrNotFound, "fake-key-id", "Invalid keyId 'fake-key-id'"},
		"another Region":     {elsewhere, kms.ErrNotFound, key.ID, "Key 'arn:aws:kms:eu-west-1:" + account + ":key/" + key.ID + "' does not exist"},
		"another Region ARN": {elsewhere, kms.ErrNotFound, key.ARN, "Invalid arn us-east-1"},
		"another account":    {user("999988887777", "u"), kms.ErrNotFound, key.ID, "Key 'arn:aws:kms:us-east-1:999988887777:key/" + key.ID + "' does not exist"},
		"no alias":           {w.root, kms.ErrNotFound, "alias/none", "Alias arn:aws:kms:us-east-1:" + account + ":alias/none is not found."},
		"no ARN":             {w.root, kms.ErrInvalidArn, "arn:aws:kms", "Invalid arn arn:aws:kms"},
		"missing":            {w.root, kms.ErrValidation, "", "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null"},
		"upper case":         {w.root, kms.ErrNotFound, strings.ToUpper(key.ID), "Invalid keyId '" + strings.ToUpper(key.ID) + "'"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.DescribeKey(ctx, c.caller, kms.DescribeKeyInput{KeyID: c.name})
			requireRefused(t, err, c.kind, c.message)
		})
	}
	// Management operations take no alias.
	err := w.DisableKey(ctx, w.root, kms.KeyInput{KeyID: "alias/a/b_c-1"})
	requireRefused(t, err, kms.ErrNotFound, "Invalid keyId 'alias/a/b_c-1'")
}

func TestListKeysPages(t *testing.T) {
	w := newWorld(t)
	want := map[string]bool{}
	for range 7 {
		want[w.key().ID] = true
	}
	var got []string
	in := kms.ListKeysInput{Page: kms.Page{Limit: ptr(3)}}
	for pages := 1; ; pages++ {
		out, err := w.ListKeys(ctx, w.root, in)
		require.NoError(t, err)
		for _, k := range out.Keys {
			require.True(t, want[k.KeyID])
			got = append(got, k.KeyID)
		}
		if !out.Truncated {
			require.Equal(t, 3, pages)
			break
		}
		in.Marker = out.Marker
	}
	require.Len(t, got, 7)
	require.IsIncreasing(t, got)

	// A marker belongs to its operation, account and Region.
	elsewhere := w.root
	elsewhere.Region = "eu-west-1"
	_, err := w.ListKeys(ctx, elsewhere, in)
	require.ErrorIs(t, err, kms.ErrInvalidMarker)
	_, err = w.ListAliases(ctx, w.root, kms.ListAliasesInput{Page: in.Page})
	require.ErrorIs(t, err, kms.ErrInvalidMarker)
	_, err = w.ListKeys(ctx, w.root, kms.ListKeysInput{Page: kms.Page{Limit: ptr(0)}})
	requireRefused(t, err, kms.ErrValidation,
		"1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1")
	_, err = w.ListKeys(ctx, w.root, kms.ListKeysInput{Page: kms.Page{Limit: ptr(1001), Marker: strings.Repeat("m", 1025)}})
	require.ErrorContains(t, err, "2 validation errors detected: Value '1001' at 'limit'")
}

func TestAliases(t *testing.T) {
	w := newWorld(t)
	a, b := w.key(), w.key()
	name := "alias/app"
	require.NoError(t, w.CreateAlias(ctx, w.root, kms.AliasInput{AliasName: name, TargetKeyID: a.ID}))
	requireRefused(t, w.CreateAlias(ctx, w.root, kms.AliasInput{AliasName: name, TargetKeyID: b.ID}), kms.ErrAlreadyExists,
		"An alias with the name arn:aws:kms:us-east-1:"+account+":alias/app already exists")
	require.NoError(t, w.CreateAlias(ctx, w.root, kms.AliasInput{AliasName: "alias/App", TargetKeyID: b.ID}), "names are case-sensitive")
	created := w.clock.now()
	w.clock.advance(time.Hour)
	require.NoError(t, w.UpdateAlias(ctx, w.root, kms.AliasInput{AliasName: name, TargetKeyID: b.ARN}))
	require.Equal(t, b.ID, w.describe(name).ID)

	out, err := w.ListAliases(ctx, w.root, kms.ListAliasesInput{KeyID: b.ID})
	require.NoError(t, err)
	require.Len(t, out.Aliases, 2)
	require.Equal(t, kms.Alias{Name: name, ARN: "arn:aws:kms:us-east-1:" + account + ":alias/app", TargetKeyID: b.ID,
		Created: created, LastUpdated: w.clock.now()}, out.Aliases[1])
	out, err = w.ListAliases(ctx, w.root, kms.ListAliasesInput{KeyID: a.ID})
	require.NoError(t, err)
	require.Empty(t, out.Aliases)

	require.NoError(t, w.DeleteAlias(ctx, w.root, kms.AliasInput{AliasName: name}))
	requireRefused(t, w.DeleteAlias(ctx, w.root, kms.AliasInput{AliasName: name}), kms.ErrNotFound,
		"Alias arn:aws:kms:us-east-1:"+account+":alias/app is not found.")
	require.ErrorIs(t, w.UpdateAlias(ctx, w.root, kms.AliasInput{AliasName: name, TargetKeyID: b.ID}), kms.ErrNotFound)

	mac, err := w.CreateKey(ctx, w.root, kms.CreateKeyInput{KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC"})
	require.NoError(t, err)
	require.ErrorIs(t, w.UpdateAlias(ctx, w.root, kms.AliasInput{AliasName: "alias/App", TargetKeyID: mac.ID}), kms.ErrValidation)
}

func TestAliasNames(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	for name, kind := range map[string]error{
		"":                                  kms.ErrValidation,
		"app":                               kms.ErrValidation,
		"alias/":                            kms.ErrInvalidAliasName,
		"alias/a b":                         kms.ErrValidation,
		"alias/a:b":                         kms.ErrInvalidAliasName,
		"alias/aws/ebs":                     kms.ErrInvalidAliasName,
		"alias/" + strings.Repeat("a", 251): kms.ErrValidation,
	} {
		err := w.CreateAlias(ctx, w.root, kms.AliasInput{AliasName: name, TargetKeyID: key.ID})
		require.ErrorIs(t, err, kind, name)
	}
	requireRefused(t, w.CreateAlias(ctx, w.root, kms.AliasInput{AliasName: "app", TargetKeyID: key.ID}), kms.ErrValidation,
		`Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html`)
	for i := range 50 {
		require.NoError(t, w.CreateAlias(ctx, w.root, kms.AliasInput{AliasName: fmt.Sprintf("alias/n%d", i), TargetKeyID: key.ID}))
	}
	require.ErrorIs(t, w.CreateAlias(ctx, w.root, kms.AliasInput{AliasName: "alias/n50", TargetKeyID: key.ID}), kms.ErrLimitExceeded)
}

func TestCreateKeyRefusals(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		in      kms.CreateKeyInput
		kind    error
		message string
	}{
		"usage needed":   {kms.CreateKeyInput{KeySpec: "HMAC_256"}, kms.ErrValidation, "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."},
		"multi-Region":   {kms.CreateKeyInput{MultiRegion: true}, kms.ErrUnsupported, ""},
		"asymmetric":     {kms.CreateKeyInput{KeySpec: "RSA_2048", KeyUsage: "SIGN_VERIFY"}, kms.ErrUnsupported, ""},
		"key store":      {kms.CreateKeyInput{Origin: "AWS_CLOUDHSM"}, kms.ErrUnsupported, ""},
		"unknown spec":   {kms.CreateKeyInput{KeySpec: "X"}, kms.ErrValidation, ""},
		"unknown origin": {kms.CreateKeyInput{Origin: "X"}, kms.ErrValidation, ""},
		"incompatible":   {kms.CreateKeyInput{KeyUsage: "GENERATE_VERIFY_MAC"}, kms.ErrValidation, ""},
		"bad policy":     {kms.CreateKeyInput{Policy: "{"}, kms.ErrMalformedPolicy, ""},
		"big policy":     {kms.CreateKeyInput{Policy: rootPolicy(account) + strings.Repeat(" ", 32<<10)}, kms.ErrLimitExceeded, ""},
		"lockout":        {kms.CreateKeyInput{Policy: rootPolicy("999988887777")}, kms.ErrMalformedPolicy, "The new key policy will not allow you to update the key policy in the future."},
		"duplicate tags": {kms.CreateKeyInput{Tags: []kms.Tag{{Key: "a"}, {Key: "a"}}}, kms.ErrTag, "Duplicate tag keys"},
		"reserved tag":   {kms.CreateKeyInput{Tags: []kms.Tag{{Key: "aws:a"}}}, kms.ErrTag, "Tags beginning with aws: are reserved"},
		"long tag": {kms.CreateKeyInput{Tags: []kms.Tag{{Key: strings.Repeat("k", 129)}}}, kms.ErrValidation,
			"1 validation error detected: Value '" + strings.Repeat("k", 129) + "' at 'tags.1.member.tagKey' failed to satisfy constraint: Member must have length less than or equal to 128"},
		"long description": {kms.CreateKeyInput{Description: strings.Repeat("d", 8193)}, kms.ErrValidation, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.CreateKey(ctx, w.root, c.in)
			if c.message != "" {
				requireRefused(t, err, c.kind, c.message)
			}
			require.ErrorIs(t, err, c.kind)
		})
	}
	list, err := w.ListKeys(ctx, w.root, kms.ListKeysInput{})
	require.NoError(t, err)
	require.Empty(t, list.Keys)
}

func TestTags(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	var tags []kms.Tag
	for i := range 50 {
		tags = append(tags, kms.Tag{Key: fmt.Sprintf("k%02d", i), Value: "v"})
	}
	require.NoError(t, w.TagResource(ctx, w.root, kms.TagResourceInput{KeyID: key.ID, Tags: tags}))
	requireRefused(t, w.TagResource(ctx, w.root, kms.TagResourceInput{KeyID: key.ID, Tags: []kms.Tag{{Key: "k50"}}}), kms.ErrTag, "Too many tags")
	require.NoError(t, w.TagResource(ctx, w.root, kms.TagResourceInput{KeyID: key.ID, Tags: []kms.Tag{{Key: "k07", Value: "new"}}}))
	require.NoError(t, w.UntagResource(ctx, w.root, kms.UntagResourceInput{KeyID: key.ID, TagKeys: []string{"k00", "absent"}}))

	var got []kms.Tag
	in := kms.ListResourceTagsInput{KeyID: key.ID, Page: kms.Page{Limit: ptr(20)}}
	for {
		out, err := w.ListResourceTags(ctx, w.root, in)
		require.NoError(t, err)
		got = append(got, out.Tags...)
		if !out.Truncated {
			break
		}
		in.Marker = out.Marker
	}
	tags[7].Value = "new"
	require.Equal(t, tags[1:], got)
}

func TestDeletion(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	require.NoError(t, w.CreateAlias(ctx, w.root, kms.AliasInput{AliasName: "alias/gone", TargetKeyID: key.ID}))
	_, err := w.CreateGrant(ctx, w.root, kms.CreateGrantInput{KeyID: key.ID, GranteePrincipal: w.root.ARN, RetiringPrincipal: w.root.ARN,
		Operations: []string{"Decrypt"}, Name: "n"})
	require.NoError(t, err)
	enc, err := w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: key.ID, Plaintext: []byte("x")})
	require.NoError(t, err)
	for _, days := range []int{6, 31} {
		_, err := w.ScheduleKeyDeletion(ctx, w.root, kms.ScheduleKeyDeletionInput{KeyID: key.ID, PendingWindowInDays: ptr(days)})
		require.ErrorIs(t, err, kms.ErrValidation)
	}
	out, err := w.ScheduleKeyDeletion(ctx, w.root, kms.ScheduleKeyDeletionInput{KeyID: key.ID, PendingWindowInDays: ptr(7)})
	require.NoError(t, err)
	require.Equal(t, w.clock.now().AddDate(0, 0, 7), out.DeletionDate)
	require.Equal(t, 7, w.describe(key.ID).PendingWindowDays)

	// A restart in the window changes nothing; neither does Tick.
	w.clock.days(6)
	require.NoError(t, w.Close())
	w.reopen()
	require.NoError(t, w.Tick(ctx))
	require.Equal(t, kms.PendingDeletion, w.describe(key.ID).State)
	_, err = w.CancelKeyDeletion(ctx, w.root, kms.KeyInput{KeyID: key.ID})
	require.NoError(t, err)
	require.Equal(t, kms.Disabled, w.describe(key.ID).State)
	require.NoError(t, w.Tick(ctx))
	_, err = w.ScheduleKeyDeletion(ctx, w.root, kms.ScheduleKeyDeletionInput{KeyID: key.ID, PendingWindowInDays: ptr(7)})
	require.NoError(t, err)

	// When the window has passed the key is gone, before and after Tick.
	w.clock.days(7)
	for range 2 {
		_, err = w.DescribeKey(ctx, w.root, kms.DescribeKeyInput{KeyID: key.ID})
		requireRefused(t, err, kms.ErrNotFound, "Key '"+key.ARN+"' does not exist")
		_, err = w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob})
		requireRefused(t, err, kms.ErrInvalidCiphertext, "")
		_, err = w.CancelKeyDeletion(ctx, w.root, kms.KeyInput{KeyID: key.ID})
		require.ErrorIs(t, err, kms.ErrNotFound)
		require.NoError(t, w.Tick(ctx))
	}
	require.Contains(t, w.trail.names(), "DeleteKey")
	require.Empty(t, w.keysOf(key.ID), "nothing of the key is left in the store")
	_, err = w.DescribeKey(ctx, w.root, kms.DescribeKeyInput{KeyID: "alias/gone"})
	require.ErrorIs(t, err, kms.ErrNotFound)
}

// keysOf returns the names in the store that have to do with a key.
func (w *world) keysOf(id string) (names []string) {
	require.NoError(w.t, w.opts.Store.Scan(ctx, "kms/", "", 0, func(name string, _ []byte, _ uint64) error {
		if strings.Contains(name, id) {
			names = append(names, name)
		}
		return nil
	}))
	return names
}

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

func TestManagedKeys(t *testing.T) {
	w := newWorld(t)
	m := w.describe("alias/aws/ebs") // as DescribeKey makes it on AWS
	require.Equal(t, "AWS", m.Manager)
	require.Equal(t, m, w.describe("alias/aws/ebs"))
	require.Equal(t, m, w.describe(m.ID))
	_, err := w.DescribeKey(ctx, w.root, kms.DescribeKeyInput{KeyID: "alias/aws/lambda"})
	require.ErrorIs(t, err, kms.ErrNotFound)
	_, err = w.DescribeKey(ctx, w.root, kms.DescribeKeyInput{KeyID: "arn:aws:kms:us-east-1:999988887777:alias/aws/ebs"})
	require.ErrorIs(t, err, kms.ErrNotFound, "nobody makes keys in another account")

	// Only through its service, by anybody in the account.
	_, err = w.GenerateDataKey(ctx, w.root, kms.GenerateDataKeyInput{KeyID: "alias/aws/ebs", KeySpec: "AES_256"})
	require.ErrorIs(t, err, kms.ErrAccessDenied)
	via := user(account, "u", `{"Version":"2012-10-17","Statement":[]}`)
	via.Policies = nil
	via.ViaService = "ec2.us-east-1.amazonaws.com"
	_, blob, arn, err := w.KeyringFor(via).NewDataKey(ctx, "alias/aws/ebs", pairs{"aws:ebs:id": "vol-1"})
	require.NoError(t, err)
	require.Equal(t, m.ARN, arn)
	via.ViaService = "rds.us-east-1.amazonaws.com"
	_, err = w.KeyringFor(via).Unwrap(ctx, blob, pairs{"aws:ebs:id": "vol-1"})
	require.ErrorIs(t, err, kms.ErrAccessDenied)

	// The customer looks, and changes nothing.
	status, err := w.GetKeyRotationStatus(ctx, w.root, kms.KeyInput{KeyID: m.ID})
	require.NoError(t, err)
	require.True(t, status.Enabled)
	_, err = w.GetKeyPolicy(ctx, w.root, kms.GetKeyPolicyInput{KeyID: m.ID})
	require.NoError(t, err)
	for name, err := range map[string]error{
		"disable": w.DisableKey(ctx, w.root, kms.KeyInput{KeyID: m.ID}),
		"rotate":  w.DisableKeyRotation(ctx, w.root, kms.KeyInput{KeyID: m.ID}),
		"policy":  w.PutKeyPolicy(ctx, w.root, kms.PutKeyPolicyInput{KeyID: m.ID, Policy: rootPolicy(account)}),
		"tag":     w.TagResource(ctx, w.root, kms.TagResourceInput{KeyID: m.ID, Tags: []kms.Tag{{Key: "a"}}}),
		"alias":   w.CreateAlias(ctx, w.root, kms.AliasInput{AliasName: "alias/mine", TargetKeyID: m.ID}),
	} {
		require.ErrorIs(t, err, kms.ErrAccessDenied, name)
	}
	_, err = w.ScheduleKeyDeletion(ctx, w.root, kms.ScheduleKeyDeletionInput{KeyID: m.ID})
	require.ErrorIs(t, err, kms.ErrAccessDenied)
	_, err = w.RotateKeyOnDemand(ctx, w.root, kms.KeyInput{KeyID: m.ID})
	require.ErrorIs(t, err, kms.ErrAccessDenied)

	// It rotates by itself, yearly.
	w.clock.days(366)
	require.NoError(t, w.Tick(ctx))
	require.NotEqual(t, m.CurrentMaterialID, w.describe(m.ID).CurrentMaterialID)
	elsewhere := w.root
	elsewhere.Region = "eu-west-1"
	other, err := w.DescribeKey(ctx, elsewhere, kms.DescribeKeyInput{KeyID: "alias/aws/ebs"})
	require.NoError(t, err)
	require.NotEqual(t, m.ID, other.ID)
}

func TestMacs(t *testing.T) {
	w := newWorld(t)
	for _, size := range []string{"224", "256", "384", "512"} {
		key, err := w.CreateKey(ctx, w.root, kms.CreateKeyInput{KeySpec: "HMAC_" + size, KeyUsage: "GENERATE_VERIFY_MAC"})
		require.NoError(t, err)
		require.Equal(t, []string{"HMAC_SHA_" + size}, key.MACAlgorithms)
		in := kms.MacInput{KeyID: key.ID, Message: []byte("m"), MacAlgorithm: "HMAC_SHA_" + size}
		out, err := w.GenerateMac(ctx, w.root, in)
		require.NoError(t, err)
		_, err = w.VerifyMac(ctx, w.root, kms.VerifyMacInput{MacInput: in, Mac: out.Mac})
		require.NoError(t, err)
		out.Mac[0] ^= 1
		_, err = w.VerifyMac(ctx, w.root, kms.VerifyMacInput{MacInput: in, Mac: out.Mac})
		requireRefused(t, err, kms.ErrInvalidMac, "")
		in.MacAlgorithm = map[string]string{"HMAC_SHA_224": "HMAC_SHA_256"}[in.MacAlgorithm]
		if in.MacAlgorithm != "" {
			_, err = w.GenerateMac(ctx, w.root, in)
			requireRefused(t, err, kms.ErrInvalidKeyUsage, "Algorithm HMAC_SHA_256 is incompatible with key spec HMAC_224.")
		}
		_, err = w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: key.ID, Plaintext: []byte("x")})
		require.ErrorIs(t, err, kms.ErrInvalidKeyUsage)
		requireRefused(t, w.EnableKeyRotation(ctx, w.root, kms.EnableKeyRotationInput{KeyID: key.ID}), kms.ErrUnsupported, "")
	}
	sym := w.key()
	_, err := w.GenerateMac(ctx, w.root, kms.MacInput{KeyID: sym.ID, Message: []byte("m"), MacAlgorithm: "HMAC_SHA_256"})
	requireRefused(t, err, kms.ErrInvalidKeyUsage, sym.ARN+" key usage is ENCRYPT_DECRYPT which is not valid for GenerateMac.")
}

func TestDataKeyPairs(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	for _, spec := range []string{"RSA_2048", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521"} {
		out, err := w.GenerateDataKeyPair(ctx, w.root, kms.GenerateDataKeyPairInput{KeyID: key.ID, KeyPairSpec: spec, EncryptionContext: pairs{"a": "b"}})
		require.NoError(t, err)
		dec, err := w.Decrypt(ctx, w.root, kms.DecryptInput{CiphertextBlob: out.PrivateKeyCiphertextBlob, EncryptionContext: pairs{"a": "b"}})
		require.NoError(t, err)
		require.Equal(t, out.PrivateKeyPlaintext, dec.Plaintext)
		requirePair(t, out.PrivateKeyPlaintext, out.PublicKey)
	}
	out, err := w.GenerateDataKeyPairWithoutPlaintext(ctx, w.root, kms.GenerateDataKeyPairInput{KeyID: key.ID, KeyPairSpec: "ECC_NIST_P256"})
	require.NoError(t, err)
	require.Nil(t, out.PrivateKeyPlaintext)
	_, err = w.GenerateDataKeyPair(ctx, w.root, kms.GenerateDataKeyPairInput{KeyID: key.ID, KeyPairSpec: "SM2"})
	require.ErrorIs(t, err, kms.ErrUnsupported)
}

func TestLastUsage(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	last := func() *kms.KeyLastUsage {
		u, err := w.GetKeyLastUsage(ctx, w.root, kms.KeyInput{KeyID: key.ID})
		require.NoError(t, err)
		return u
	}
	require.Empty(t, last().Operation)
	w.clock.advance(time.Minute)
	_, err := w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: key.ID, Plaintext: []byte("x")})
	require.NoError(t, err)
	want := &kms.KeyLastUsage{KeyID: key.ID, Created: key.Created, TrackingStart: key.Created, Operation: "Encrypt",
		Time: w.clock.now(), EventID: w.trail.last(t)["eventID"].(string), RequestID: "req"}
	require.Equal(t, want, last())
	_, err = w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: key.ID, Plaintext: []byte("x"), DryRun: true})
	require.ErrorIs(t, err, kms.ErrDryRun)
	require.Equal(t, want, last())
	require.NoError(t, w.Close())
	w.reopen()
	require.Equal(t, want, last(), "Close saves it")
}
