package iam

// Grant is what evaluation needs of a grant on the requested key.
type Grant struct {
	ID         string
	Grantee    string // normalised principal ARN; see NormalizePrincipal
	Operations []string
	// At most one constraint is set.
	EncryptionContextEquals map[string]string
	EncryptionContextSubset map[string]string
}

// Allows reports whether the grant allows the request to p.
func (g *Grant) Allows(p *Principal, r *GrantRequest) bool { return false }

// Covers reports whether child is no wider than g: its operations are a subset and
// its constraint is as strict or stricter.
func (g *Grant) Covers(child *Grant) bool { return false }

// GranteeForms returns every normalised grantee that stands for p: its ARN, its
// role's ARN, its account. An index of grants by grantee needs to look at no others.
func (p *Principal) GranteeForms() []string { return nil }

// NormalizePrincipal returns the ARN form of a principal id: a 12-digit account
// becomes its root ARN, N:aws:ec2-infrastructure:i-… the ARN of that session. It
// fails on what cannot name a principal.
func NormalizePrincipal(id string) (string, error) { return id, nil }
