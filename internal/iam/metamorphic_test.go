package iam

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMetamorphic evaluates random policies and requests: the order of statements and
// grants means nothing, an added Allow or grant never takes anything away, an added
// Deny never gives anything, and Explain decides as Evaluate does.
func TestMetamorphic(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	g := generator{rand.New(rand.NewPCG(seed, 2))}
	allowed := 0
	for range 4000 {
		r := g.request()
		key, id, session := g.statements(true), g.statements(false), g.statements(false)
		if g.IntN(2) == 0 {
			session = nil
		}
		grants := make([]Grant, g.IntN(3))
		for i := range grants {
			grants[i] = g.grant()
		}
		decide := func() bool {
			p := Policies{Rule: ResourceDecides, Resource: g.parse(t, KeyPolicy, key)}
			p.Identity = []Named{g.parse(t, IdentityPolicy, id)}
			if session != nil {
				p.Session = []Named{g.parse(t, IdentityPolicy, session)}
			}
			d := Evaluate(&r, &p, grants)
			require.Equal(t, d.Allowed, d.Reason <= AllowedByRoot, d.String())
			e := Explain(&r, &p, grants)
			require.Equal(t, d.String(), e.String())
			return d.Allowed
		}
		before := decide()
		if before {
			allowed++
		}
		g.Shuffle(len(key), func(i, j int) { key[i], key[j] = key[j], key[i] })
		g.Shuffle(len(id), func(i, j int) { id[i], id[j] = id[j], id[i] })
		g.Shuffle(len(grants), func(i, j int) { grants[i], grants[j] = grants[j], grants[i] })
		require.Equal(t, before, decide(), "order")

		addTo, resource := &key, true
		if g.IntN(2) == 0 {
			addTo, resource = &id, false
		}
		kept := *addTo
		*addTo = append(kept[:len(kept):len(kept)], g.statement(resource, "Allow"))
		require.False(t, before && !decide(), "an added Allow denies: %v", *addTo)
		*addTo = append(kept[:len(kept):len(kept)], g.statement(resource, "Deny"))
		require.False(t, !before && decide(), "an added Deny allows: %v", *addTo)
		*addTo = kept
		grants = append(grants, g.grant())
		require.False(t, before && !decide(), "an added grant denies")
	}
	require.Greater(t, allowed, 200, "the cases are worth something")
	require.Less(t, allowed, 3800)
}

type generator struct{ *rand.Rand }

func pick[T any](g generator, options ...T) T { return options[g.IntN(len(options))] }

func (g generator) who() string {
	return pick(g, "root", "user/alice", "user/bob", "role/app/s1", "444455556666@root", "444455556666@user/eve", "444455556666@role/app/s1", "infra/i-1", "444455556666@infra/i-1", "repository/app")
}

func (g generator) request() Request {
	action := pick(g, "Decrypt", "Encrypt", "CreateGrant", "PutKeyPolicy")
	r := Request{Principal: principalOf(g.who()), Action: "kms:" + action, Resource: keyARN, ResourceAccount: home, SourceIP: pick(g, "10.0.0.1", "192.0.2.1"),
		Keys: KeyMap{"kms:viaservice": {pick(g, "ec2", "rds")}}}
	if action != "PutKeyPolicy" {
		child := g.grant()
		r.Grant = GrantRequest{Operation: action, EncryptionContext: map[string]string{"a": pick(g, "1", "2")}, Child: &child}
	}
	return r
}

func (g generator) statement(resource bool, effect string) map[string]any {
	s := map[string]any{"Effect": effect, "Resource": pick(g, "*", "*", keyARN, "arn:aws:kms:*:*:key/other")}
	s[pick(g, "Action", "Action", "Action", "NotAction")] = pick(g, "kms:*", "kms:Decrypt", "kms:*crypt", "kms:Put*")
	if resource {
		element := "Principal"
		if effect == "Deny" && g.IntN(4) == 0 {
			element = "NotPrincipal"
		}
		p := principalOf(g.who())
		s[element] = map[string]any{"AWS": pick(g, p.ARN, p.Issuer(), "*", home, "444455556666")}
	}
	if g.IntN(3) == 0 {
		s["Condition"] = pick(g,
			map[string]any{"StringEquals": map[string]any{"kms:ViaService": "ec2"}},
			map[string]any{"NotIpAddress": map[string]any{"aws:SourceIp": "10.0.0.0/8"}},
			map[string]any{"StringNotEqualsIfExists": map[string]any{"aws:username": "alice"}})
	}
	return s
}

func (g generator) statements(resource bool) []map[string]any {
	out := []map[string]any{}
	for range 1 + g.IntN(3) {
		out = append(out, g.statement(resource, pick(g, "Allow", "Allow", "Allow", "Deny")))
	}
	return out
}

func (g generator) grant() Grant {
	p := principalOf(g.who())
	grant := Grant{ID: fmt.Sprint("g", g.IntN(100)), Grantee: pick(g, p.ARN, p.Issuer(), RootARN(home)), Operations: pick(g, []string{"Decrypt"}, []string{"Encrypt", "CreateGrant"}, []string{"Decrypt", "CreateGrant", "Encrypt"})}
	switch g.IntN(3) {
	case 0:
		grant.EncryptionContextEquals = map[string]string{"a": "1"}
	case 1:
		grant.EncryptionContextSubset = map[string]string{"a": "1"}
	}
	return grant
}

func (g generator) parse(t *testing.T, kind Kind, statements []map[string]any) Named {
	text, err := json.Marshal(map[string]any{"Statement": statements})
	require.NoError(t, err)
	p, err := Parse(kind, text)
	require.NoError(t, err, "%s", text)
	return Named{"policy", p}
}
