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
