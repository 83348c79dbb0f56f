package iam

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestManagedPolicies(t *testing.T) {
	f := newFixture(t)
	p, err := f.CreatePolicy(ctx, ManagedPolicy{Account: home, Name: "P", Description: "d"}, allowDecrypt)
	require.NoError(t, err)
	_, err = f.CreatePolicy(ctx, ManagedPolicy{Account: home, Name: "p", Path: "/other/"}, allowDecrypt)
	require.ErrorIs(t, err, ErrExists)
	for i := range 4 {
		v, err := f.CreatePolicyVersion(ctx, p.ARN(), allowEncrypt, i == 0)
		require.NoError(t, err)
		require.Equal(t, i+2, v.Number)
	}
	_, err = f.CreatePolicyVersion(ctx, p.ARN(), allowEncrypt, false)
	require.ErrorIs(t, err, ErrLimit)
	require.ErrorIs(t, f.DeletePolicyVersion(ctx, p.ARN(), "v2"), ErrInUse, "the default")
	require.ErrorIs(t, f.DeletePolicyVersion(ctx, p.ARN(), "v9"), ErrNotFound)
	require.ErrorIs(t, f.DeletePolicyVersion(ctx, p.ARN(), "2"), ErrNotFound)
	require.NoError(t, f.DeletePolicyVersion(ctx, p.ARN(), "v5"))
	v, err := f.CreatePolicyVersion(ctx, p.ARN(), allowEncrypt, false)
	require.NoError(t, err)
	require.Equal(t, 6, v.Number, "numbers are not used again")
	require.NoError(t, f.SetDefaultPolicyVersion(ctx, p.ARN(), "v1"))
	text, err := f.policyText(ctx, p.ARN())
	require.NoError(t, err)
	require.Equal(t, allowDecrypt, text)
	require.ErrorIs(t, f.DeletePolicy(ctx, p.ARN()), ErrInUse, "it has versions")
	for _, arn := range []string{"arn:aws:iam::111122223333:policy/x/P", "arn:aws:iam::aws:policy/NoSuch", "arn:aws:iam::444455556666:policy/P"} {
		_, err = f.GetPolicy(ctx, arn)
		require.ErrorIs(t, err, ErrNotFound, arn)
	}
	for _, arn := range []string{"", "P", "arn:aws:iam::111122223333:role/P", "arn:aws:iam::111122223333:policy/"} {
		_, err = f.GetPolicy(ctx, arn)
		require.ErrorIs(t, err, ErrInvalid, arn)
	}
	require.ErrorIs(t, f.DeletePolicy(ctx, "arn:aws:iam::aws:policy/AdministratorAccess"), ErrInvalid)
	_, err = f.CreatePolicy(ctx, ManagedPolicy{Account: home, Name: "big"}, strings.Replace(allowDecrypt, "Decrypt", strings.Repeat("x", MaxManagedPolicy), 1))
	require.ErrorIs(t, err, ErrLimit)
	_, err = f.CreatePolicy(ctx, ManagedPolicy{Account: home, Name: "bad"}, "{}")
	require.ErrorIs(t, err, ErrMalformedPolicy)
	require.NoError(t, f.SetPolicyTags(ctx, p.ARN(), map[string]string{"a": "1"}))
	require.NoError(t, f.RemovePolicyTags(ctx, p.ARN(), []string{"a", "b"}))
	list, more, err := f.ListPolicies(ctx, home, Page{})
	require.NoError(t, err)
	require.False(t, more)
	require.Len(t, list, 1)
	require.Empty(t, list[0].Tags)
	for _, p := range AWSPolicies() {
		_, err := Parse(IdentityPolicy, []byte(p.Versions[0].Document))
		require.NoError(t, err)
	}
}

func TestRoleUpdatesAndProfiles(t *testing.T) {
	f := newFixture(t)
	r := Ref{Role, home, "r"}
	_, err := f.Create(ctx, Entity{Ref: r, Trust: trustHome})
	require.NoError(t, err)
	require.ErrorIs(t, f.UpdateTrust(ctx, r, "{}"), ErrMalformedPolicy)
	require.NoError(t, f.UpdateTrust(ctx, r, strings.Replace(trustHome, home, "444455556666", 1)))
	text, long, tooLong := "text", 12*time.Hour, 13*time.Hour
	require.NoError(t, f.UpdateRole(ctx, r, &text, &long))
	require.ErrorIs(t, f.UpdateRole(ctx, r, nil, &tooLong), ErrInvalid)
	require.NoError(t, f.SetTags(ctx, r, map[string]string{"k": "v"}))
	require.ErrorIs(t, f.SetTags(ctx, r, map[string]string{"<": "v"}), ErrInvalid)
	require.NoError(t, f.RemoveTags(ctx, r, []string{"k"}))
	big := strings.Replace(allowDecrypt, "Decrypt", strings.Repeat("x", MaxIdentityPolicy-len(allowDecrypt)), 1)
	require.NoError(t, f.PutInlinePolicy(ctx, r, "big", big))
	require.ErrorIs(t, f.PutInlinePolicy(ctx, r, "more", allowDecrypt), ErrLimit)
	require.ErrorIs(t, f.DeleteInlinePolicy(ctx, r, "more"), ErrNotFound)
	require.NoError(t, f.DeleteInlinePolicy(ctx, r, "big"))
	got, err := f.Get(ctx, r)
	require.NoError(t, err)
	require.Equal(t, "text", got.Description)
	require.Equal(t, long, got.MaxSessionDuration)
	require.Contains(t, got.Trust, "444455556666")

	_, err = f.CreateInstanceProfile(ctx, InstanceProfile{Account: home, Name: "ip"})
	require.NoError(t, err)
	_, err = f.CreateInstanceProfile(ctx, InstanceProfile{Account: home, Name: "IP"})
	require.ErrorIs(t, err, ErrExists)
	require.NoError(t, f.AddRoleToInstanceProfile(ctx, home, "ip", "r"))
	require.ErrorIs(t, f.AddRoleToInstanceProfile(ctx, home, "ip", "r"), ErrLimit)
	require.ErrorIs(t, f.Delete(ctx, r), ErrInUse)
	require.ErrorIs(t, f.DeleteInstanceProfile(ctx, home, "ip"), ErrInUse)
	p, err := f.GetInstanceProfile(ctx, home, "ip")
	require.NoError(t, err)
	require.Equal(t, "r", p.Role)
	require.Equal(t, "arn:aws:iam::111122223333:instance-profile/ip", p.ARN())
	profiles, more, err := f.ListInstanceProfiles(ctx, home, Page{PathPrefix: "/"})
	require.NoError(t, err)
	require.False(t, more)
	require.Equal(t, []InstanceProfile{p}, profiles)
	_, err = f.GetInstanceProfile(ctx, home, "Ip")
	require.ErrorIs(t, err, ErrNotFound)
	s, err := f.Summarize(ctx, home)
	require.NoError(t, err)
	require.Equal(t, Summary{Roles: 1, InstanceProfiles: 1}, s)
	require.NoError(t, f.RemoveRoleFromInstanceProfile(ctx, home, "ip", "r"))
	require.ErrorIs(t, f.RemoveRoleFromInstanceProfile(ctx, home, "ip", "r"), ErrNotFound)
	require.NoError(t, f.DeleteInstanceProfile(ctx, home, "ip"))
	require.NoError(t, f.Delete(ctx, r))
}
