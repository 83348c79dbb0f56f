package iam

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHypothetical(t *testing.T) {
	f := newFixture(t)
	const allow = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*"}]}`
	user, err := f.Create(ctx, Entity{Ref: Ref{User, home, "alice"}, Path: "/team/", Tags: map[string]string{"a": "b"}})
	require.NoError(t, err)
	require.NoError(t, f.PutInlinePolicy(ctx, user.Ref, "p", allow))

	got, err := f.Hypothetical(ctx, user.ARN())
	require.NoError(t, err)
	require.Equal(t, user.ID, got.Principal.UserID)
	require.Equal(t, "b", got.Principal.Tags["a"])
	require.Len(t, got.Identity, 1)
	require.Empty(t, got.Secret)

	for arn, want := range map[string]PrincipalType{
		home:                                 Root,
		"arn:aws:iam::999999999999:user/eve": IAMUser, // of an account that is not here
		SessionARN(home, "aws:ec2-infrastructure", "i-1"): AssumedRole,
	} {
		got, err := f.Hypothetical(ctx, arn)
		require.NoError(t, err, arn)
		require.Equal(t, want, got.Principal.Type)
		require.Empty(t, got.Identity)
	}
	_, err = f.Hypothetical(ctx, UserARN(home, "/", "nobody"))
	require.ErrorIs(t, err, ErrNotFound)
	_, err = f.Hypothetical(ctx, "alice")
	require.ErrorIs(t, err, ErrInvalid)
}
