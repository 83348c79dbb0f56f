package iam

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseSizeLimits(t *testing.T) {
	doc := func(kind Kind, pad string) []byte {
		principal, resource := `"Principal":"*",`, `,"Resource":"*"`
		action := "sts:AssumeRole"
		switch kind {
		case IdentityPolicy:
			principal = ""
		case TrustPolicy:
			resource = ""
		}
		return []byte(`{"Statement":[{"Effect":"Allow",` + principal + `"Action":"` + action + pad + `"` + resource + `}]}`)
	}
	for kind, limit := range map[Kind]int{KeyPolicy: MaxKeyPolicy, RepositoryPolicy: MaxRepositoryPolicy, TrustPolicy: MaxTrustPolicy, IdentityPolicy: MaxIdentityPolicy} {
		free := limit - len(doc(kind, ""))
		_, err := Parse(kind, doc(kind, strings.Repeat("x", free)))
		require.NoError(t, err)
		_, err = Parse(kind, doc(kind, strings.Repeat("x", free+1)))
		require.ErrorIs(t, err, ErrPolicyTooLarge)
	}
	spaces := strings.Repeat(" ", MaxTrustPolicy)
	_, err := Parse(TrustPolicy, append(doc(TrustPolicy, ""), spaces...))
	require.NoError(t, err, "white space does not count in a trust policy")
	_, err = Parse(IdentityPolicy, append(doc(IdentityPolicy, ""), strings.Repeat(" ", MaxPolicyText)...))
	require.ErrorIs(t, err, ErrPolicyTooLarge)
}

func TestParseRefusesInvalidUTF8(t *testing.T) {
	_, err := Parse(IdentityPolicy, []byte("{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"arn:\xff\"}]}"))
	require.ErrorIs(t, err, ErrMalformedPolicy)
}

func TestPrincipals(t *testing.T) {
	p, err := Parse(KeyPolicy, []byte(`{"Statement":[
		{"Effect":"Allow","Principal":{"AWS":["111122223333","arn:aws:iam::111122223333:user/a"],"Service":"ec2.amazonaws.com"},"Action":"*","Resource":"*"},
		{"Effect":"Deny","NotPrincipal":{"AWS":["arn:aws:iam::111122223333:user/a","*","AIDAEXAMPLE00000"]},"Action":"*","Resource":"*"}]}`))
	require.NoError(t, err)
	require.Equal(t, []string{"arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:user/a", "AIDAEXAMPLE00000"}, p.Principals())
	text, err := p.Statement(0)
	require.NoError(t, err)
	require.Contains(t, text, `"Service":["ec2.amazonaws.com"]`)
	_, err = p.Statement(2)
	require.ErrorIs(t, err, ErrInvalid)
}

// TestMatchPattern compares with a recursive definition on every short pattern and text.
func TestMatchPattern(t *testing.T) {
	var slow func(p, s string) bool
	slow = func(p, s string) bool {
		switch {
		case p == "":
			return s == ""
		case p[0] == starByte:
			return slow(p[1:], s) || s != "" && slow(p, s[1:])
		case s == "":
			return false
		}
		return (p[0] == anyByte || p[0] == s[0]) && slow(p[1:], s[1:])
	}
	var words func(alphabet string, n int) []string
	words = func(alphabet string, n int) []string {
		if n == 0 {
			return []string{""}
		}
		out := []string{}
		for _, w := range words(alphabet, n-1) {
			out = append(out, w)
			for i := range len(alphabet) {
				out = append(out, w+alphabet[i:i+1])
			}
		}
		return out
	}
	for _, p := range words("ab*?", 4) {
		compiled := compileText(p, true)
		for _, s := range words("ab", 4) {
			require.Equal(t, slow(compiled, s), matchPattern(compiled, s, false), "%q %q", p, s)
		}
	}
	require.True(t, matchPattern(compileText("a?c", true), "aéc", false), "? is one character, not one byte")
	require.False(t, matchPattern("A", "é", true))
	require.False(t, matchPattern("@", "`", true), "only letters fold")
	hostile := compileText(strings.Repeat("*a", 200), true)
	require.False(t, matchPattern(hostile, strings.Repeat("a", 2000)+"b", false), "no exponential blow-up")
}

func TestNormalizePrincipal(t *testing.T) {
	for in, want := range map[string]string{
		"111122223333":                                   "arn:aws:iam::111122223333:root",
		"arn:aws:iam::111122223333:root":                 "arn:aws:iam::111122223333:root",
		"arn:aws:iam::111122223333:user/x":               "arn:aws:iam::111122223333:user/x",
		"111122223333:aws:ec2-infrastructure:i-81e2f56c": "arn:aws:sts::111122223333:assumed-role/aws:ec2-infrastructure/i-81e2f56c",
		"arn:aws:sts::111122223333:assumed-role/r/s":     "arn:aws:sts::111122223333:assumed-role/r/s",
		"ec2.amazonaws.com":                              "ec2.amazonaws.com",
		"arn:aws:sts::111122223333:federated-user/f":     "arn:aws:sts::111122223333:federated-user/f",
	} {
		got, err := NormalizePrincipal(in)
		require.NoError(t, err, in)
		require.Equal(t, want, got)
	}
	for _, bad := range []string{"", "alice", "1111", "arn:aws:iam::111122223333:group/g", "arn:aws:iam::111122223333:user/*", "arn:aws:iam::1:user/a",
		"111122223333:aws:x", "111122223333:aws::i-1", "arn:aws:sts::111122223333:assumed-role/r", "*", "*.amazonaws.com", "arn:aws:s3:::bucket"} {
		_, err := NormalizePrincipal(bad)
		require.ErrorIs(t, err, ErrInvalid, bad)
	}
}

// TestGranteeForms: an index of grants by grantee, asked for the forms, misses no grant that evaluation would accept.
func TestGranteeForms(t *testing.T) {
	who := []string{"root", "user/alice", "user/a/b", "role/app/s", "role/p/app/s", "infra/i-1", "repository/x", "444455556666@user/alice", "ec2.amazonaws.com"}
	grantees := []string{"111122223333", "444455556666", "ec2.amazonaws.com"}
	for _, w := range who {
		p := principalOf(w)
		grantees = append(grantees, p.ARN, p.Issuer())
	}
	for _, w := range who {
		p := principalOf(w)
		for _, id := range grantees {
			grantee, err := NormalizePrincipal(id)
			require.NoError(t, err)
			g := Grant{Grantee: grantee, Operations: []string{"Decrypt"}}
			level, _ := g.allows(&p, &GrantRequest{Operation: "Decrypt"})
			require.Equal(t, level != matchNone, contains(p.GranteeForms(), grantee), "%s %s", w, grantee)
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func TestDeciding(t *testing.T) {
	one, two := StatementRef{"a", "s", 1}, StatementRef{"b", "", 2}
	for reason, want := range map[Reason]StatementRef{AllowedByResource: one, AllowedByRoot: one, DeniedByResource: one,
		AllowedByIdentity: two, DeniedByIdentity: two, DeniedBySession: two, AllowedByGrant: {}, DeniedNoIdentityAllow: {}} {
		d := Decision{Reason: reason, Resource: one, Identity: two}
		require.Equal(t, want, d.Deciding())
		require.NotEqual(t, "not decided", d.String())
	}
	d := Decision{}
	require.Equal(t, "not decided", d.String())
}

func TestARN(t *testing.T) {
	for _, s := range []string{keyARN, "arn:aws:s3:::bucket/a:b", "arn:aws-cn:iam::111122223333:root"} {
		a, ok := ParseARN(s)
		require.True(t, ok)
		require.Equal(t, s, a.String())
	}
	for _, s := range []string{"", "arn", "arn:aws:kms:r:1", "arn:aws:kms:r:1:", "x:aws:kms:r:1:k", "arn::kms:r:1:k", "arn:aws::r:1:k"} {
		_, ok := ParseARN(s)
		require.False(t, ok, s)
	}
	require.True(t, isRootOf("arn:aws-cn:iam::111122223333:root", home))
	require.False(t, isRootOf("arn:aws:iam::111122223333:root", "444455556666"))
	require.False(t, isRootOf("arn:aws:iam:::root", ""))
}

func TestMessage(t *testing.T) {
	_, err := Parse(TrustPolicy, []byte(`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"}]}`))
	require.ErrorIs(t, err, ErrMalformedPolicy)
	require.Equal(t, "Has prohibited field Resource", Message(err))
	require.Equal(t, "no such entity", Message(ErrNotFound))
}

func TestCache(t *testing.T) {
	doc := func(i int) string {
		return fmt.Sprintf(`{"Statement":{"Effect":"Allow","Action":"kms:X%04d","Resource":"*"}}`, i)
	}
	c := NewCache(10 * len(doc(0)))
	first, err := c.Parse(IdentityPolicy, doc(0))
	require.NoError(t, err)
	for i := range 1000 {
		again, err := c.Parse(IdentityPolicy, doc(0))
		require.NoError(t, err)
		require.Same(t, first, again, "what is used stays")
		_, err = c.Parse(IdentityPolicy, doc(i))
		require.NoError(t, err)
		require.LessOrEqual(t, len(c.young)+len(c.old), 10)
	}
	_, err = c.Parse(KeyPolicy, doc(0))
	require.ErrorIs(t, err, ErrMalformedPolicy, "the kind is part of the key")
	long := `{"Statement":{"Effect":"Allow","Action":"kms:X","Resource":"*"}}` + strings.Repeat(" ", 2000)
	_, err = c.Parse(IdentityPolicy, long)
	require.NoError(t, err, "too long to keep, not too long to parse")
}

// BenchmarkEvaluate is a Decrypt by a user under the default key policy: the case that
// the KMS meets most.
func BenchmarkEvaluate(b *testing.B) {
	key, err := Parse(KeyPolicy, []byte(`{"Version":"2012-10-17","Statement":[{"Sid":"Enable IAM policies","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"}]}`))
	require.NoError(b, err)
	id, err := Parse(IdentityPolicy, []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kms:Encrypt","kms:Decrypt"],"Resource":"arn:aws:kms:*:111122223333:key/*","Condition":{"StringEquals":{"kms:EncryptionContext:app":"web"}}}]}`))
	require.NoError(b, err)
	r := Request{Principal: principalOf("user/alice"), Action: "kms:Decrypt", Resource: keyARN, ResourceAccount: home, Keys: KeyMap{"kms:encryptioncontext:app": {"web"}}}
	p := Policies{Rule: ResourceDecides, Resource: Named{"key policy default", key}, Identity: []Named{{"inline policy p of user alice", id}}}
	b.ReportAllocs()
	for b.Loop() {
		if d := Evaluate(&r, &p, nil); !d.Allowed {
			b.Fatal(d.String())
		}
	}
}

func BenchmarkCache(b *testing.B) {
	c := NewCache(1 << 20)
	text := `{"Version":"2012-10-17","Statement":[{"Sid":"Enable IAM policies","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"}]}`
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Parse(KeyPolicy, text); err != nil {
			b.Fatal(err)
		}
	}
}
