package kms_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"coffer.example/kms"
)

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
