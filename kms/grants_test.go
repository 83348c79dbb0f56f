package kms_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/kms"
)

const (
	allowAll    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]}`
	allowRetire = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:RetireGrant","Resource":"*"}]}`
	stranger    = "999988887777"
)

// may reports whether c may decrypt, under a context, what the root has encrypted.
func (w *world) may(c kms.Caller, keyID string, ec pairs, tokens ...string) error {
	w.t.Helper()
	enc, err := w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: keyID, Plaintext: []byte("x"), EncryptionContext: ec})
	require.NoError(w.t, err)
	_, err = w.Decrypt(ctx, c, kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob, EncryptionContext: ec, GrantTokens: tokens})
	return err
}

func (w *world) grant(c kms.Caller, in kms.CreateGrantInput) *kms.CreateGrantOutput {
	w.t.Helper()
	out, err := w.CreateGrant(ctx, c, in)
	require.NoError(w.t, err)
	return out
}

func TestGrantTakesEffectAndGoesAtOnce(t *testing.T) {
	w := newWorld(t)
	key, alice := w.key(), user(account, "alice")
	require.ErrorIs(t, w.may(alice, key.ID, nil), kms.ErrAccessDenied)
	g := w.grant(w.root, kms.CreateGrantInput{KeyID: key.ID, GranteePrincipal: alice.ARN, Operations: []string{"Decrypt"}})
	require.NoError(t, w.may(alice, key.ID, nil))
	require.NoError(t, w.may(alice, key.ID, nil, g.GrantToken))
	_, err := w.Encrypt(ctx, alice, kms.EncryptInput{KeyID: key.ID, Plaintext: []byte("x")})
	require.ErrorIs(t, err, kms.ErrAccessDenied, "not granted")
	require.NoError(t, w.RevokeGrant(ctx, w.root, kms.RevokeGrantInput{KeyID: key.ID, GrantID: g.GrantID}))
	require.ErrorIs(t, w.may(alice, key.ID, nil), kms.ErrAccessDenied)
	require.ErrorIs(t, w.may(alice, key.ID, nil, g.GrantToken), kms.ErrAccessDenied, "a token is no permission")
	requireRefused(t, w.RevokeGrant(ctx, w.root, kms.RevokeGrantInput{KeyID: key.ID, GrantID: g.GrantID}), kms.ErrNotFound,
		"Grant ID "+g.GrantID+" not found")
	require.ErrorIs(t, w.may(alice, key.ID, nil, "bm9uc2Vuc2U="), kms.ErrInvalidGrantToken)
	var many []string
	for range 11 {
		many = append(many, g.GrantToken)
	}
	err = w.may(w.root, key.ID, nil, many...)
	require.ErrorIs(t, err, kms.ErrValidation)
	require.NotContains(t, err.Error(), g.GrantToken)
}

func TestGrantConstraints(t *testing.T) {
	w := newWorld(t)
	key, alice := w.key(), user(account, "alice")
	equals := w.grant(w.root, kms.CreateGrantInput{KeyID: key.ID, GranteePrincipal: alice.ARN, Operations: []string{"Decrypt", "DescribeKey"},
		EncryptionContextEquals: pairs{"a": "1"}})
	require.NoError(t, w.may(alice, key.ID, pairs{"a": "1"}))
	for _, ec := range []pairs{nil, {"a": "2"}, {"A": "1"}, {"a": "1", "b": "2"}} {
		require.ErrorIs(t, w.may(alice, key.ID, ec), kms.ErrAccessDenied)
	}
	_, err := w.DescribeKey(ctx, alice, kms.DescribeKeyInput{KeyID: key.ID})
	require.NoError(t, err, "constraints do not concern DescribeKey")
	require.NoError(t, w.RevokeGrant(ctx, w.root, kms.RevokeGrantInput{KeyID: key.ID, GrantID: equals.GrantID}))
	w.grant(w.root, kms.CreateGrantInput{KeyID: key.ID, GranteePrincipal: alice.ARN, Operations: []string{"Decrypt"},
		EncryptionContextSubset: pairs{"a": "1"}})
	require.NoError(t, w.may(alice, key.ID, pairs{"a": "1", "b": "2"}))
	require.ErrorIs(t, w.may(alice, key.ID, pairs{"b": "2"}), kms.ErrAccessDenied)
}

func TestGrantIsOnePerNameAndParameters(t *testing.T) {
	w := newWorld(t)
	key, other, alice := w.key(), w.key(), user(account, "alice")
	in := kms.CreateGrantInput{KeyID: key.ID, GranteePrincipal: alice.ARN, Operations: []string{"Decrypt", "Encrypt"}, Name: "n"}
	first := w.grant(w.root, in)
	in.Operations = []string{"Encrypt", "Decrypt", "Decrypt"} // the same set
	again := w.grant(w.root, in)
	require.Equal(t, first.GrantID, again.GrantID)
	require.NotEqual(t, first.GrantToken, again.GrantToken)
	in.KeyID = other.ID
	require.NotEqual(t, first.GrantID, w.grant(w.root, in).GrantID, "the same name on another key")
	in.KeyID, in.Operations = key.ID, []string{"Decrypt"}
	require.NotEqual(t, first.GrantID, w.grant(w.root, in).GrantID, "other parameters")
	in.Name = ""
	require.NotEqual(t, w.grant(w.root, in).GrantID, w.grant(w.root, in).GrantID, "without a name")
	require.NoError(t, w.RevokeGrant(ctx, w.root, kms.RevokeGrantInput{KeyID: key.ID, GrantID: first.GrantID}))
	in.Name, in.Operations = "n", []string{"Decrypt", "Encrypt"}
	require.NotEqual(t, first.GrantID, w.grant(w.root, in).GrantID, "revoked, and made anew")
}

func TestChildGrants(t *testing.T) {
	w := newWorld(t)
	key, alice, bob := w.key(), user(account, "alice"), user(account, "bob")
	child := func(ops []string, equals, subset pairs) error {
		_, err := w.CreateGrant(ctx, alice, kms.CreateGrantInput{KeyID: key.ID, GranteePrincipal: bob.ARN, Operations: ops,
			EncryptionContextEquals: equals, EncryptionContextSubset: subset})
		return err
	}
	require.ErrorIs(t, child([]string{"Decrypt"}, nil, nil), kms.ErrAccessDenied)
	w.grant(w.root, kms.CreateGrantInput{KeyID: key.ID, GranteePrincipal: alice.ARN, Operations: []string{"Decrypt", "CreateGrant"},
		EncryptionContextSubset: pairs{"a": "1"}})
	require.NoError(t, child([]string{"Decrypt"}, nil, pairs{"a": "1"}))
	require.NoError(t, child([]string{"Decrypt"}, nil, pairs{"a": "1", "b": "2"}))
	require.NoError(t, child([]string{"Decrypt"}, pairs{"a": "1", "b": "2"}, nil))
	require.ErrorIs(t, child([]string{"Decrypt"}, nil, nil), kms.ErrAccessDenied, "no constraint")
	require.ErrorIs(t, child([]string{"Decrypt"}, nil, pairs{"b": "2"}), kms.ErrAccessDenied, "a wider constraint")
	require.ErrorIs(t, child([]string{"Encrypt"}, nil, pairs{"a": "1"}), kms.ErrAccessDenied, "an operation the parent has not")
	require.NoError(t, w.may(bob, key.ID, pairs{"a": "1", "c": "3"}))
}

func TestRetireGrant(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	alice, bob, carol := user(account, "alice"), user(account, "bob"), user(account, "carol")
	carol.Policies = []kms.Policy{{Name: "p", Document: allowRetire}}
	outsider := user(stranger, "eve", allowRetire)
	root := w.root
	for name, c := range map[string]struct {
		caller  kms.Caller
		ops     []string
		allowed bool
	}{
		"retiring principal":       {bob, []string{"Decrypt"}, true},
		"grantee":                  {alice, []string{"Decrypt"}, false},
		"grantee with RetireGrant": {alice, []string{"Decrypt", "RetireGrant"}, true},
		"account root":             {root, []string{"Decrypt"}, true},
		"delegated in the account": {carol, []string{"Decrypt"}, true},
		"delegated elsewhere":      {outsider, []string{"Decrypt"}, false},
		"another of the account":   {user(account, "dave"), []string{"Decrypt"}, false},
	} {
		for _, byToken := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/token=%v", name, byToken), func(t *testing.T) {
				g := w.grant(w.root, kms.CreateGrantInput{KeyID: key.ID, GranteePrincipal: alice.ARN, RetiringPrincipal: bob.ARN, Operations: c.ops})
				in := kms.RetireGrantInput{KeyID: key.ARN, GrantID: g.GrantID}
				if byToken {
					in = kms.RetireGrantInput{GrantToken: g.GrantToken}
				}
				in.DryRun = true
				err := w.RetireGrant(ctx, c.caller, in)
				in.DryRun = false
				if !c.allowed {
					require.ErrorIs(t, err, kms.ErrAccessDenied)
					require.ErrorIs(t, w.RetireGrant(ctx, c.caller, in), kms.ErrAccessDenied)
					require.NoError(t, w.RevokeGrant(ctx, w.root, kms.RevokeGrantInput{KeyID: key.ID, GrantID: g.GrantID}))
					return
				}
				require.ErrorIs(t, err, kms.ErrDryRun)
				require.NoError(t, w.RetireGrant(ctx, c.caller, in))
				e := w.trail.last(t)
				require.Nil(t, e["requestParameters"])
				require.Equal(t, map[string]any{"grantId": g.GrantID}, e["additionalEventData"])
				require.ErrorIs(t, w.RetireGrant(ctx, c.caller, in), kms.ErrNotFound)
			})
		}
	}
	for _, in := range []kms.RetireGrantInput{{}, {KeyID: key.ARN}, {GrantID: "x"}, {GrantToken: "t", KeyID: key.ARN, GrantID: "x"}} {
		require.ErrorIs(t, w.RetireGrant(ctx, w.root, in), kms.ErrValidation)
	}
	require.ErrorIs(t, w.RetireGrant(ctx, w.root, kms.RetireGrantInput{GrantToken: "AAAA"}), kms.ErrInvalidGrantToken)
}

func TestListGrants(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	alice, bob := user(account, "alice"), user(account, "bob")
	var all []string
	for i := range 7 {
		grantee := alice
		if i%2 == 1 {
			grantee = bob
		}
		all = append(all, w.grant(w.root, kms.CreateGrantInput{KeyID: key.ID, GranteePrincipal: grantee.ARN, RetiringPrincipal: bob.ARN,
			Operations: []string{"Decrypt"}, EncryptionContextSubset: pairs{"i": fmt.Sprint(i)}}).GrantID)
	}
	in := kms.ListGrantsInput{KeyID: key.ID, Page: kms.Page{Limit: ptr(3)}}
	var got []string
	for {
		out, err := w.ListGrants(ctx, w.root, in)
		require.NoError(t, err)
		for _, g := range out.Grants {
			got = append(got, g.ID)
			require.Equal(t, key.ARN, g.KeyID)
			require.Equal(t, "arn:aws:iam::"+account+":root", g.IssuingAccount)
			require.Contains(t, g.EncryptionContextSubset, "i")
		}
		if !out.Truncated {
			break
		}
		in.Marker = out.Marker
	}
	require.ElementsMatch(t, all, got)

	out, err := w.ListGrants(ctx, w.root, kms.ListGrantsInput{KeyID: key.ID, GranteePrincipal: bob.ARN})
	require.NoError(t, err)
	require.Len(t, out.Grants, 3)
	out, err = w.ListGrants(ctx, w.root, kms.ListGrantsInput{KeyID: key.ID, GrantID: all[2]})
	require.NoError(t, err)
	require.Len(t, out.Grants, 1)
	_, err = w.ListGrants(ctx, w.root, kms.ListGrantsInput{KeyID: key.ID, GrantID: "no-id"})
	require.ErrorIs(t, err, kms.ErrInvalidGrantID)
	out, err = w.ListRetirableGrants(ctx, w.root, kms.ListRetirableGrantsInput{RetiringPrincipal: bob.ARN, Page: kms.Page{Limit: ptr(5)}})
	require.NoError(t, err)
	require.Len(t, out.Grants, 5)
	out, err = w.ListRetirableGrants(ctx, w.root, kms.ListRetirableGrantsInput{RetiringPrincipal: bob.ARN, Page: kms.Page{Limit: ptr(5), Marker: out.Marker}})
	require.NoError(t, err)
	require.Len(t, out.Grants, 2)
	out, err = w.ListRetirableGrants(ctx, w.root, kms.ListRetirableGrantsInput{RetiringPrincipal: alice.ARN})
	require.NoError(t, err)
	require.Empty(t, out.Grants)
}

func TestCreateGrantRefusals(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	mac, err := w.CreateKey(ctx, w.root, kms.CreateKeyInput{KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC"})
	require.NoError(t, err)
	good := kms.CreateGrantInput{KeyID: key.ID, GranteePrincipal: w.root.ARN, Operations: []string{"Decrypt"}}
	nine := pairs{}
	for i := range 9 {
		nine[fmt.Sprint(i)] = "v"
	}
	for name, c := range map[string]struct {
		change func(*kms.CreateGrantInput)
		kind   error
	}{
		"no grantee":         {func(in *kms.CreateGrantInput) { in.GranteePrincipal = "" }, kms.ErrValidation},
		"no principal":       {func(in *kms.CreateGrantInput) { in.GranteePrincipal = "nobody" }, kms.ErrInvalidArn},
		"wildcard principal": {func(in *kms.CreateGrantInput) { in.GranteePrincipal = "*" }, kms.ErrValidation},
		"no operations":      {func(in *kms.CreateGrantInput) { in.Operations = nil }, kms.ErrValidation},
		"empty operations":   {func(in *kms.CreateGrantInput) { in.Operations = []string{} }, kms.ErrValidation},
		"unknown operation":  {func(in *kms.CreateGrantInput) { in.Operations = []string{"PutKeyPolicy"} }, kms.ErrValidation},
		"unfit operation":    {func(in *kms.CreateGrantInput) { in.Operations = []string{"GenerateMac"} }, kms.ErrValidation},
		"unfit for a MAC":    {func(in *kms.CreateGrantInput) { in.KeyID = mac.ID }, kms.ErrValidation},
		"context on a MAC": {func(in *kms.CreateGrantInput) {
			in.KeyID, in.Operations, in.EncryptionContextEquals = mac.ID, []string{"GenerateMac"}, pairs{"a": "b"}
		}, kms.ErrValidation},
		"two constraints": {func(in *kms.CreateGrantInput) {
			in.EncryptionContextEquals, in.EncryptionContextSubset = pairs{"a": "b"}, pairs{"a": "b"}
		}, kms.ErrValidation},
		"nine pairs":  {func(in *kms.CreateGrantInput) { in.EncryptionContextSubset = nine }, kms.ErrValidation},
		"bad name":    {func(in *kms.CreateGrantInput) { in.Name = "a b" }, kms.ErrValidation},
		"by an alias": {func(in *kms.CreateGrantInput) { in.KeyID = "alias/a" }, kms.ErrNotFound},
		"dry run":     {func(in *kms.CreateGrantInput) { in.DryRun = true }, kms.ErrDryRun},
	} {
		t.Run(name, func(t *testing.T) {
			in := good
			c.change(&in)
			_, err := w.CreateGrant(ctx, w.root, in)
			require.ErrorIs(t, err, c.kind)
		})
	}
	out, err := w.ListGrants(ctx, w.root, kms.ListGrantsInput{KeyID: key.ID})
	require.NoError(t, err)
	require.Empty(t, out.Grants)
}
