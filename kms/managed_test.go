package kms_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/kms"
)

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
