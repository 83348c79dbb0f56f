package iam

// Grant is what evaluation needs of a grant on the requested key.
type Grant struct {
	ID         string
	Grantee    string   // normalised, see NormalizePrincipal
	Operations []string // "Decrypt"
	// At most one constraint is set.
	EncryptionContextEquals map[string]string
	EncryptionContextSubset map[string]string
	// Retiring and IssuingAccount matter to EvaluateRetire only.
	Retiring       string // normalised; may be empty
	IssuingAccount string // 12 digits
}

// GrantRequest is the part of a request that grants look at.
type GrantRequest struct {
	Operation         string            // "Decrypt"
	EncryptionContext map[string]string // what constraints are compared with, in operations that take one
	// Child is the grant that a CreateGrant request asks for: a parent grant allows it only if it is no wider.
	Child *Grant
}

// Covers reports whether child is no wider than g: its operations are a subset, and
// its constraint is as strict or stricter.
func (g *Grant) Covers(child *Grant) bool {
	for _, op := range child.Operations {
		if !g.has(op) {
			return false
		}
	}
	switch {
	case len(g.EncryptionContextEquals) > 0:
		return samePairs(g.EncryptionContextEquals, child.EncryptionContextEquals)
	case len(g.EncryptionContextSubset) > 0:
		return hasPairs(child.EncryptionContextEquals, g.EncryptionContextSubset) ||
			hasPairs(child.EncryptionContextSubset, g.EncryptionContextSubset)
	}
	return true
}

// allows reports how the grant allows a request of p; the miss says why not.
func (g *Grant) allows(p *Principal, r *GrantRequest) (match, miss) {
	level := p.own(p.named(g.Grantee))
	switch {
	case level == matchNone:
		return matchNone, miss{element: "grantee principal"}
	case !g.has(r.Operation):
		return matchNone, miss{element: "operations"}
	case r.Operation == "CreateGrant" && (r.Child == nil || !g.Covers(r.Child)):
		return matchNone, miss{element: "parent grant"}
	case takesContext(r.Operation) && !g.constraintHolds(r.EncryptionContext):
		return matchNone, miss{element: "encryption context constraint"}
	}
	return level, miss{}
}

func (g *Grant) has(op string) bool {
	for _, o := range g.Operations {
		if o == op {
			return true
		}
	}
	return false
}

// takesContext says whether an operation takes an encryption context; constraints are
// ignored for the others.
func takesContext(op string) bool {
	switch op {
	case "Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext",
		"GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext":
		return true
	}
	return false
}

func (g *Grant) constraintHolds(context map[string]string) bool {
	switch {
	case len(g.EncryptionContextEquals) > 0:
		return samePairs(g.EncryptionContextEquals, context)
	case len(g.EncryptionContextSubset) > 0:
		return hasPairs(context, g.EncryptionContextSubset)
	}
	return true
}

func samePairs(a, b map[string]string) bool { return len(a) == len(b) && hasPairs(a, b) }

// hasPairs reports whether all has every pair of some.
func hasPairs(all, some map[string]string) bool {
	for k, v := range some {
		if have, ok := all[k]; !ok || have != v {
			return false
		}
	}
	return true
}
