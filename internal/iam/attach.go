package iam

import (
	"context"
	"slices"
	"strings"
)

// Attach attaches a managed policy to a user or role; attaching it twice is no error.
func (d *Directory) Attach(ctx context.Context, r Ref, arn string) error {
	return d.setAttached(ctx, r, arn, true)
}

// Detach detaches a managed policy.
func (d *Directory) Detach(ctx context.Context, r Ref, arn string) error {
	return d.setAttached(ctx, r, arn, false)
}

func (d *Directory) setAttached(ctx context.Context, r Ref, arn string, attach bool) error {
	return d.update(ctx, r, func(e *Entity, c *change) error {
		i := slices.Index(e.Attached, arn)
		p, revision, err := d.policy(ctx, arn)
		switch {
		case err != nil:
			return err
		case p.Account != "aws" && p.Account != e.Account:
			return refuse(ErrNotFound, "Policy %s does not exist or is not attachable.", arn)
		case attach && i >= 0:
			return nil
		case attach && len(e.Attached) >= maxAttachedPolicies:
			return refuse(ErrLimit, "Cannot exceed quota for PoliciesPer%s: %d", strings.ToUpper(string(e.Kind[:1]))+string(e.Kind[1:]), maxAttachedPolicies)
		case !attach && i < 0:
			return refuse(ErrNotFound, "Policy %s was not found.", arn)
		case attach:
			e.Attached = append(e.Attached, arn)
			p.Attachments++
		default:
			e.Attached = slices.Delete(e.Attached, i, i+1)
			p.Attachments--
		}
		if p.Account == "aws" {
			return nil
		}
		key, err := policyKey(arn)
		if err != nil {
			return err
		}
		return c.set(key, revision, p)
	})
}
