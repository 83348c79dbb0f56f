package iam

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzPolicy(f *testing.F) {
	for _, doc := range scriptDocuments(f) {
		f.Add(doc)
	}
	f.Add(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"arn:a:${aws:PrincipalTag/x, 'y'}","Condition":{"ArnLike":{"a:b":"*"}}}]}`)
	f.Fuzz(func(t *testing.T, doc string) {
		for _, kind := range []Kind{IdentityPolicy, KeyPolicy, RepositoryPolicy, TrustPolicy} {
			p, err := Parse(kind, []byte(doc))
			if err != nil {
				require.True(t, strings.Contains(err.Error(), ErrMalformedPolicy.Error()) || strings.Contains(err.Error(), ErrPolicyTooLarge.Error()))
				continue
			}
			canonical, err := json.Marshal(p)
			require.NoError(t, err)
			if len(canonical) > MaxTrustPolicy/2 {
				continue // writing every list as an array may pass the limit of a kind
			}
			q, err := Parse(kind, canonical)
			require.NoError(t, err, "%s", canonical)
			again, err := json.Marshal(q)
			require.NoError(t, err)
			require.Equal(t, string(canonical), string(again))
			for _, r := range fuzzRequests {
				req := r
				require.Equal(t, decide(&req, p), decide(&req, q), "%s", canonical)
			}
		}
	})
}

var fuzzRequests = []Request{
	{Principal: principalOf("user/alice"), Action: "kms:Decrypt", Resource: keyARN, ResourceAccount: home, SourceIP: "10.0.0.1", Keys: KeyMap{"kms:viaservice": {"ec2.us-east-1.amazonaws.com"}, "a:b": {"1", "x"}}},
	{Principal: principalOf("role/app/s1"), Action: "sts:AssumeRole", Resource: RoleARN(home, "/", "target"), ResourceAccount: home},
	{Principal: principalOf("444455556666@root"), Action: "ecr:PutImage", Resource: repoARN, ResourceAccount: home},
}

// decide evaluates with p where its kind belongs, and returns all there is to see.
func decide(r *Request, p *Policy) string {
	docs := Policies{Rule: ResourceDecides, Resource: Named{"doc", p}}
	if p.Kind() == IdentityPolicy {
		docs = Policies{Identity: []Named{{"doc", p}}}
	}
	d := Explain(r, &docs, nil)
	out := d.String()
	for _, s := range d.Trace {
		out += "\n" + s.String()
	}
	return out
}
