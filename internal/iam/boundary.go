package iam

import "context"

// SetBoundary makes a managed policy the permissions boundary of a user or role: its
// identity policies allow only what the boundary allows too. Empty removes it.
func (d *Directory) SetBoundary(ctx context.Context, r Ref, arn string) error {
	return d.update(ctx, r, func(e *Entity, c *change) error {
		if arn == "" && e.Boundary == "" {
			return refuse(ErrNotFound, "%s does not have a permissions boundary.", r)
		}
		if arn == e.Boundary {
			return nil
		}
		if err := d.countBoundary(ctx, c, e.Account, e.Boundary, -1); err != nil {
			return err
		}
		if err := d.countBoundary(ctx, c, e.Account, arn, 1); err != nil {
			return err
		}
		e.Boundary = arn
		return nil
	})
}

// countBoundary checks that an account may use a policy as a boundary, and counts that
// one entity more or less does. AWS's own policies are not counted; "" is none.
func (d *Directory) countBoundary(ctx context.Context, c *change, account, arn string, by int) error {
	if arn == "" {
		return nil
	}
	p, revision, err := d.policy(ctx, arn)
	switch {
	case err != nil:
		return err
	case p.Account == "aws":
		return nil
	case p.Account != account:
		return refuse(ErrNotFound, "Policy %s does not exist or is not attachable.", arn)
	}
	key, err := policyKey(arn)
	if err != nil {
		return err
	}
	p.Boundaries += by
	return c.set(key, revision, p)
}

// policiesOf collects the documents that apply to a user or role.
func (d *Directory) policiesOf(ctx context.Context, e *Entity) (identity, boundary []NamedText, err error) {
	if identity, err = d.identityPolicies(ctx, e); err != nil || e.Boundary == "" {
		return identity, nil, err
	}
	text, err := d.policyText(ctx, e.Boundary)
	return identity, []NamedText{{"permissions boundary " + e.Boundary, text}}, err
}
