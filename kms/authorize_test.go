package kms_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/kms"
)

// keyWith makes a key whose policy has, beside the account's statement, statements of its own.
func (w *world) keyWith(statements ...string) *kms.KeyMetadata {
	w.t.Helper()
	all := append([]string{`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account + `:root"},"Action":"kms:*","Resource":"*"}`}, statements...)
	m, err := w.CreateKey(ctx, w.root, kms.CreateKeyInput{Policy: `{"Version":"2012-10-17","Statement":[` + strings.Join(all, ",") + `]}`,
		Tags: []kms.Tag{{Key: "team", Value: "blue"}}})
	require.NoError(w.t, err)
	return m
}

func TestIdentityPolicies(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	require.NoError(t, w.may(user(account, "u", allowAll), key.ID, nil))
	err := w.may(user(account, "u"), key.ID, nil)
	requireRefused(t, err, kms.ErrAccessDenied, "User: arn:aws:iam::"+account+":user/u is not authorized to perform: kms:Decrypt on resource: "+
		key.ARN+" because no identity-based policy allows the kms:Decrypt action")
	deny := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"kms:Decrypt","Resource":"*"}]}`
	err = w.may(user(account, "u", allowAll, deny), key.ID, nil)
	requireRefused(t, err, kms.ErrAccessDenied, "User: arn:aws:iam::"+account+":user/u is not authorized to perform: kms:Decrypt on resource: "+
		key.ARN+" with an explicit deny in an identity-based policy")

	// Without the account's statement identity policies have no effect on the key.
	closed, err := w.CreateKey(ctx, w.root, kms.CreateKeyInput{BypassPolicyLockoutSafetyCheck: true,
		Policy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account + `:user/admin"},"Action":"kms:*","Resource":"*"}]}`})
	require.NoError(t, err)
	_, err = w.DescribeKey(ctx, w.root, kms.DescribeKeyInput{KeyID: closed.ID})
	require.ErrorIs(t, err, kms.ErrAccessDenied)
	_, err = w.DescribeKey(ctx, user(account, "admin"), kms.DescribeKeyInput{KeyID: closed.ID})
	require.NoError(t, err)
}

func TestCrossAccount(t *testing.T) {
	w := newWorld(t)
	key := w.keyWith(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + stranger + `:root"},"Action":["kms:Decrypt","kms:DescribeKey"],"Resource":"*"}`)
	private := w.key()
	eve, bare := user(stranger, "eve", allowAll), user(stranger, "bare")
	require.NoError(t, w.may(eve, key.ID, nil), "both sides allow")
	require.ErrorIs(t, w.may(bare, key.ID, nil), kms.ErrAccessDenied, "the key's side alone")
	require.ErrorIs(t, w.may(eve, private.ID, nil), kms.ErrAccessDenied, "the caller's side alone")
	_, err := w.DescribeKey(ctx, eve, kms.DescribeKeyInput{KeyID: key.ARN})
	require.NoError(t, err)
	_, err = w.DescribeKey(ctx, eve, kms.DescribeKeyInput{KeyID: key.ID})
	require.ErrorIs(t, err, kms.ErrNotFound, "a bare id is one of the caller's account")
	require.ErrorIs(t, w.CreateAlias(ctx, eve, kms.AliasInput{AliasName: "alias/theirs", TargetKeyID: key.ARN}), kms.ErrNotFound)

	// A grant needs the caller's side too.
	w.grant(w.root, kms.CreateGrantInput{KeyID: private.ID, GranteePrincipal: eve.ARN, Operations: []string{"Decrypt"}})
	w.grant(w.root, kms.CreateGrantInput{KeyID: private.ID, GranteePrincipal: bare.ARN, Operations: []string{"Decrypt"}})
	require.NoError(t, w.may(eve, private.ID, nil))
	require.ErrorIs(t, w.may(bare, private.ID, nil), kms.ErrAccessDenied)
}

func TestPolicyChangesCountAtOnce(t *testing.T) {
	w := newWorld(t)
	key, u := w.key(), user(account, "u")
	put := func(statement string) {
		policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account + `:root"},"Action":"kms:*","Resource":"*"}` + statement + `]}`
		require.NoError(t, w.PutKeyPolicy(ctx, w.root, kms.PutKeyPolicyInput{KeyID: key.ID, Policy: policy}))
		out, err := w.GetKeyPolicy(ctx, w.root, kms.GetKeyPolicyInput{KeyID: key.ID, PolicyName: "default"})
		require.NoError(t, err)
		require.Equal(t, policy, out.Policy)
	}
	for range 3 {
		require.ErrorIs(t, w.may(u, key.ID, nil), kms.ErrAccessDenied)
		put(`,{"Effect":"Allow","Principal":{"AWS":"` + u.ARN + `"},"Action":"kms:Decrypt","Resource":"*"}`)
		require.NoError(t, w.may(u, key.ID, nil))
		put("")
	}
	requireRefused(t, w.PutKeyPolicy(ctx, w.root, kms.PutKeyPolicyInput{KeyID: key.ID, Policy: rootPolicy(stranger)}), kms.ErrMalformedPolicy,
		"The new key policy will not allow you to update the key policy in the future.")
	require.ErrorIs(t, w.PutKeyPolicy(ctx, w.root, kms.PutKeyPolicyInput{KeyID: key.ID, PolicyName: "other", Policy: rootPolicy(account)}), kms.ErrNotFound)
}

// TestConditionKeys has, per condition key, a request that the statement allows and
// one that it does not.
func TestConditionKeys(t *testing.T) {
	w := newWorld(t)
	const u = "arn:aws:iam::" + account + ":user/u"
	decrypt := func(ec pairs) func(kms.Caller, string) error {
		return func(c kms.Caller, key string) error { return w.may(c, key, ec) }
	}
	via := func(service string) func(kms.Caller, string) error {
		return func(c kms.Caller, key string) error { c.ViaService = service; return w.may(c, key, nil) }
	}
	createGrant := func(in kms.CreateGrantInput, service string) func(kms.Caller, string) error {
		return func(c kms.Caller, key string) error {
			in.KeyID, c.ViaService = key, service
			if in.GranteePrincipal == "" {
				in.GranteePrincipal = u
			}
			if in.Operations == nil {
				in.Operations = []string{"Decrypt"}
			}
			_, err := w.CreateGrant(ctx, c, in)
			return err
		}
	}
	byAlias := func(name string) func(kms.Caller, string) error {
		return func(c kms.Caller, key string) error {
			_ = w.DeleteAlias(ctx, w.root, kms.AliasInput{AliasName: name}) // of the case before
			require.NoError(t, w.CreateAlias(ctx, w.root, kms.AliasInput{AliasName: name, TargetKeyID: key}))
			_, err := w.DescribeKey(ctx, c, kms.DescribeKeyInput{KeyID: name})
			return err
		}
	}
	schedule := func(days int) func(kms.Caller, string) error {
		return func(c kms.Caller, key string) error {
			_, err := w.ScheduleKeyDeletion(ctx, c, kms.ScheduleKeyDeletionInput{KeyID: key, PendingWindowInDays: &days})
			return err
		}
	}
	reEncrypt := func(other bool) func(kms.Caller, string) error {
		return func(c kms.Caller, key string) error {
			enc, err := w.Encrypt(ctx, w.root, kms.EncryptInput{KeyID: key, Plaintext: []byte("x")})
			require.NoError(t, err)
			if other {
				c.Policies = []kms.Policy{{Name: "p", Document: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:ReEncryptTo","Resource":"*"}]}`}}
				key = w.key().ID
			}
			_, err = w.ReEncrypt(ctx, c, kms.ReEncryptInput{CiphertextBlob: enc.CiphertextBlob, DestinationKeyID: key})
			return err
		}
	}
	tag := func(key string) func(kms.Caller, string) error {
		return func(c kms.Caller, id string) error {
			return w.TagResource(ctx, c, kms.TagResourceInput{KeyID: id, Tags: []kms.Tag{{Key: key, Value: "v"}}})
		}
	}
	const ec2 = "ec2.us-east-1.amazonaws.com"
	for _, c := range []struct {
		condition     string
		allowed, deny func(kms.Caller, string) error
	}{
		{`"StringEquals":{"kms:EncryptionContext:dept":"it"}`, decrypt(pairs{"dept": "it"}), decrypt(pairs{"dept": "IT"})},
		{`"StringEquals":{"kms:EncryptionContext:aws:ebs:id":"vol-1"}`, decrypt(pairs{"aws:ebs:id": "vol-1"}), decrypt(pairs{"aws:ebs:id": "vol-2"})},
		{`"ForAllValues:StringEquals":{"kms:EncryptionContextKeys":["a","b"]},"Null":{"kms:EncryptionContextKeys":"false"}`, decrypt(pairs{"a": "1"}), decrypt(pairs{"c": "1"})},
		{`"ForAnyValue:StringEquals":{"kms:EncryptionContextKeys":"a"}`, decrypt(pairs{"a": "1", "c": "2"}), decrypt(nil)},
		{`"StringEquals":{"kms:ViaService":"` + ec2 + `"}`, via(ec2), via("")},
		{`"StringEquals":{"kms:CallerAccount":"` + account + `"}`, decrypt(nil), nil},
		{`"StringEquals":{"kms:CallerAccount":"` + stranger + `"}`, nil, decrypt(nil)},
		{`"Bool":{"kms:GrantIsForAWSResource":"true"}`, createGrant(kms.CreateGrantInput{}, ec2), createGrant(kms.CreateGrantInput{}, "")},
		{`"ForAllValues:StringEquals":{"kms:GrantOperations":["Decrypt","Encrypt"]}`, createGrant(kms.CreateGrantInput{}, ""), createGrant(kms.CreateGrantInput{Operations: []string{"Decrypt", "CreateGrant"}}, "")},
		{`"StringEquals":{"kms:GranteePrincipal":"` + u + `"}`, createGrant(kms.CreateGrantInput{}, ""), createGrant(kms.CreateGrantInput{GranteePrincipal: u + "2"}, "")},
		{`"StringEquals":{"kms:RetiringPrincipal":"` + u + `"}`, createGrant(kms.CreateGrantInput{RetiringPrincipal: u}, ""), createGrant(kms.CreateGrantInput{}, "")},
		{`"StringEquals":{"kms:GrantConstraintType":"EncryptionContextEquals"}`, createGrant(kms.CreateGrantInput{EncryptionContextEquals: pairs{"a": "b"}}, ""), createGrant(kms.CreateGrantInput{EncryptionContextSubset: pairs{"a": "b"}}, "")},
		{`"StringEquals":{"kms:EncryptionContext:a":"b"}`, createGrant(kms.CreateGrantInput{EncryptionContextSubset: pairs{"a": "b"}}, ""), createGrant(kms.CreateGrantInput{}, "")},
		{`"StringEquals":{"kms:KeySpec":"SYMMETRIC_DEFAULT","kms:KeyUsage":"ENCRYPT_DECRYPT","kms:KeyOrigin":"AWS_KMS"},"Bool":{"kms:MultiRegion":"false"}`, decrypt(nil), nil},
		{`"StringEquals":{"kms:KeyOrigin":"EXTERNAL"}`, nil, decrypt(nil)},
		{`"StringLike":{"kms:RequestAlias":"alias/app-*"}`, byAlias("alias/app-1"), byAlias("alias/web-1")},
		{`"ForAnyValue:StringEquals":{"kms:ResourceAliases":"alias/app-2"}`, byAlias("alias/app-2"), byAlias("alias/app-3")},
		{`"NumericGreaterThanEquals":{"kms:ScheduleKeyDeletionPendingWindowInDays":"14"}`, schedule(14), schedule(7)},
		{`"Bool":{"kms:ReEncryptOnSameKey":"true"}`, reEncrypt(false), reEncrypt(true)},
		{`"StringEquals":{"kms:EncryptionAlgorithm":"SYMMETRIC_DEFAULT"}`, decrypt(nil), nil},
		{`"StringEquals":{"aws:ResourceTag/team":"blue"}`, decrypt(nil), nil},
		{`"StringEquals":{"aws:ResourceTag/team":"red"}`, nil, decrypt(nil)},
		{`"StringEquals":{"aws:RequestTag/stage":"v"}`, tag("stage"), tag("other")},
		{`"ForAllValues:StringEquals":{"aws:TagKeys":["stage"]}`, tag("stage"), tag("other")},
		{`"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}`, decrypt(nil), func(c kms.Caller, key string) error { c.SourceIP = "198.51.100.1"; return w.may(c, key, nil) }},
		{`"StringEquals":{"aws:PrincipalArn":"` + u + `","aws:username":"u"}`, decrypt(nil), nil},
	} {
		t.Run(c.condition, func(t *testing.T) {
			caller := user(account, "u")
			caller.SourceIP = "192.0.2.7"
			key := w.keyWith(fmt.Sprintf(`{"Effect":"Allow","Principal":{"AWS":"%s"},"Action":"kms:*","Resource":"*","Condition":{%s}}`, u, c.condition))
			if c.deny != nil {
				require.ErrorIs(t, c.deny(caller, key.ID), kms.ErrAccessDenied)
			}
			if c.allowed != nil {
				require.NoError(t, c.allowed(caller, key.ID))
			}
		})
	}
}

func TestSessionPoliciesLimit(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	c := kms.Caller{Account: account, ARN: "arn:aws:sts::" + account + ":assumed-role/app/s1", UserID: "AROAX:s1", UserName: "app", Type: "AssumedRole",
		Policies: []kms.Policy{{Name: "p", Document: allowAll}}}
	require.NoError(t, w.may(c, key.ID, nil))
	c.SessionPolicies = []kms.Policy{{Name: "session", Document: allowRetire}}
	require.ErrorIs(t, w.may(c, key.ID, nil), kms.ErrAccessDenied)
	e := w.trail.last(t)
	issuer := e["userIdentity"].(map[string]any)["sessionContext"].(map[string]any)["sessionIssuer"].(map[string]any)
	require.Equal(t, "arn:aws:iam::"+account+":role/app", issuer["arn"])
	require.Equal(t, "AROAX", issuer["principalId"])
}

// TestEC2InfrastructureFlow is the call sequence of an EBS attachment.
func TestEC2InfrastructureFlow(t *testing.T) {
	w := newWorld(t)
	key := w.key()
	host := kms.Caller{Account: account, ARN: "arn:aws:sts::" + account + ":assumed-role/aws:ec2-infrastructure/i-1", UserID: account + ":aws:ec2-infrastructure:i-1",
		UserName: "aws:ec2-infrastructure", Type: "AssumedRole"}
	creator := user(account, "creator", allowAll)
	creator.ViaService = "ec2.us-east-1.amazonaws.com"
	vol := pairs{"aws:ebs:id": "vol-1"}
	dek, blob, _, err := w.KeyringFor(creator).NewDataKey(ctx, key.ID, vol)
	require.NoError(t, err)
	g := w.grant(creator, kms.CreateGrantInput{KeyID: key.ID, GranteePrincipal: account + ":aws:ec2-infrastructure:i-1",
		Operations: []string{"Decrypt"}, EncryptionContextSubset: vol})
	again, err := w.KeyringFor(host, g.GrantToken).Unwrap(ctx, blob, vol)
	require.NoError(t, err)
	require.True(t, dek.Secret().Equal(again.Secret()))
	e := w.trail.last(t)
	require.Equal(t, "Decrypt", e["eventName"])
	require.Equal(t, g.GrantID, e["cofferDecision"].(map[string]any)["grantId"])
	require.NoError(t, w.RevokeGrant(ctx, w.root, kms.RevokeGrantInput{KeyID: key.ID, GrantID: g.GrantID}))
	_, err = w.KeyringFor(host, g.GrantToken).Unwrap(ctx, blob, vol)
	require.ErrorIs(t, err, kms.ErrAccessDenied)
}
