package kms

import (
	"context"

	"coffer.example/internal/iam"
)

// Principals says which principals exist, so that a key policy or a grant that names
// another is refused when it is made, as AWS does.
type Principals interface {
	// MissingPrincipal returns the first name (an ARN, account or unique id) that no
	// principal has, or "".
	MissingPrincipal(ctx context.Context, names []string) (string, error)
}

// SetPrincipals has new key policies and grants name principals of p only. Without it
// they may name any.
func (k *KMS) SetPrincipals(p Principals) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.principals = p
}

// missingPrincipal is Principals.MissingPrincipal where there is one.
func (k *KMS) missingPrincipal(ctx context.Context, names ...string) (string, error) {
	k.mu.RLock()
	p := k.principals
	k.mu.RUnlock()
	if p == nil || len(names) == 0 {
		return "", nil
	}
	return p.MissingPrincipal(ctx, names)
}

// checkPolicyPrincipals refuses a key policy that names somebody who is not there.
func (k *KMS) checkPolicyPrincipals(ctx context.Context, p *iam.Policy) error {
	name, err := k.missingPrincipal(ctx, p.Principals()...)
	if err != nil || name == "" {
		return err
	}
	return refuse(ErrMalformedPolicy, "Policy contains a statement with one or more invalid principals.")
}

// checkGrantPrincipals refuses a grant to, or to be retired by, somebody who is not there.
func (k *KMS) checkGrantPrincipals(ctx context.Context, g *grantRecord) error {
	names := []string{g.GranteeARN}
	if g.RetiringARN != "" {
		names = append(names, g.RetiringARN)
	}
	name, err := k.missingPrincipal(ctx, names...)
	if err != nil || name == "" {
		return err
	}
	return refuse(ErrInvalidArn, "ARN does not refer to a valid principal: %s", name)
}
