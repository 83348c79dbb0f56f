package iam

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// PutInlinePolicy adds or replaces an inline policy.
func (d *Directory) PutInlinePolicy(ctx context.Context, r Ref, name, document string) error {
	if err := checkName(name, maxPolicyName); err != nil {
		return err
	}
	if _, err := Parse(IdentityPolicy, []byte(document)); err != nil {
		return err
	}
	limit := MaxUserInline
	if r.Kind == Role {
		limit = MaxIdentityPolicy
	}
	return d.update(ctx, r, func(e *Entity, _ *change) error {
		if e.Inline == nil {
			e.Inline = map[string]string{}
		}
		e.Inline[name] = document
		total := 0
		for _, text := range e.Inline {
			total += PolicySize(text)
		}
		if total > limit {
			return refuse(ErrLimit, "Maximum policy size of %d bytes exceeded for %s %s", limit, r.Kind, r.Name)
		}
		return nil
	})
}

// DeleteInlinePolicy deletes an inline policy.
func (d *Directory) DeleteInlinePolicy(ctx context.Context, r Ref, name string) error {
	return d.update(ctx, r, func(e *Entity, _ *change) error {
		if _, ok := e.Inline[name]; !ok {
			return refuse(ErrNotFound, "The %s policy with name %s cannot be found.", r.Kind, name)
		}
		delete(e.Inline, name)
		return nil
	})
}

// identityPolicies collects the documents of a user or role.
func (d *Directory) identityPolicies(ctx context.Context, e *Entity) ([]NamedText, error) {
	var out []NamedText
	for _, name := range slices.Sorted(maps.Keys(e.Inline)) {
		out = append(out, NamedText{fmt.Sprintf("inline policy %s of %s %s", name, e.Kind, e.Name), e.Inline[name]})
	}
	for _, arn := range e.Attached {
		text, err := d.policyText(ctx, arn)
		if err != nil {
			return nil, err
		}
		out = append(out, NamedText{"managed policy " + arn, text})
	}
	return out, nil
}
