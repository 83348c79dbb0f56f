package iam

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ManagedPolicy is a policy that can be attached to users and roles.
type ManagedPolicy struct {
	Account     string // "aws" for AWS's own
	Name        string
	Path        string
	ID          string // ANPA…
	Description string
	Created     time.Time
	Updated     time.Time
	Tags        map[string]string
	Attachments int
	Boundaries  int `json:",omitempty"` // users and roles whose permissions boundary it is
	Default     int // number of the default version
	Last        int // the highest version number ever used
	Versions    []PolicyVersion
}

// ARN returns the policy's ARN.
func (p *ManagedPolicy) ARN() string { return PolicyARN(p.Account, p.Path, p.Name) }

// awsPolicies are the managed policies of AWS that exist here.
var awsPolicies = [...]ManagedPolicy{
	{Account: "aws", Name: "AdministratorAccess", Path: "/", ID: "ANPAADMINISTRATORACCE", Default: 1, Versions: []PolicyVersion{{Number: 1,
		Document: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`}}},
	{Account: "aws", Name: "AWSKeyManagementServicePowerUser", Path: "/", ID: "ANPAKMSPOWERUSERAAAAA", Default: 1, Versions: []PolicyVersion{{Number: 1,
		Document: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kms:CreateAlias","kms:CreateKey","kms:DeleteAlias","kms:Describe*","kms:GenerateRandom","kms:Get*","kms:List*","kms:TagResource","kms:UntagResource","iam:ListGroups","iam:ListRoles","iam:ListUsers"],"Resource":"*"}]}`}}},
}

// policyKey returns the store key that an ARN points to.
func policyKey(arn string) (string, error) {
	a, ok := ParseARN(arn)
	name := a.Resource[strings.LastIndexByte(a.Resource, '/')+1:]
	if !ok || a.Service != "iam" || !IsAccountID(a.Account) || !strings.HasPrefix(a.Resource, "policy/") || checkName(name, maxPolicyName) != nil {
		return "", refuse(ErrInvalid, "ARN %s is not valid.", arn)
	}
	return policyPrefix(a.Account) + strings.ToLower(name), nil
}

// GetPolicy returns a managed policy by its ARN.
func (d *Directory) GetPolicy(ctx context.Context, arn string) (ManagedPolicy, error) {
	p, _, err := d.policy(ctx, arn)
	return p, err
}

func (d *Directory) policy(ctx context.Context, arn string) (p ManagedPolicy, revision uint64, err error) {
	what := "Policy " + arn
	if strings.HasPrefix(arn, "arn:aws:iam::aws:") {
		for _, p := range awsPolicies {
			if p.ARN() == arn {
				return p, 0, nil
			}
		}
		return p, 0, refuse(ErrNotFound, "%s does not exist or is not attachable.", what)
	}
	key, err := policyKey(arn)
	if err != nil {
		return p, 0, err
	}
	revision, err = d.get(ctx, key, what, &p)
	if err == nil && p.ARN() != arn {
		err = refuse(ErrNotFound, "%s does not exist or is not attachable.", what)
	}
	return p, revision, err
}

// policyText returns the default version of a managed policy.
func (d *Directory) policyText(ctx context.Context, arn string) (string, error) {
	p, err := d.GetPolicy(ctx, arn)
	if err != nil {
		return "", err
	}
	v, err := p.Version("v" + strconv.Itoa(p.Default))
	return v.Document, err
}

func checkManagedText(document string) error {
	if _, err := Parse(IdentityPolicy, []byte(document)); err != nil {
		return err
	}
	if PolicySize(document) > MaxManagedPolicy {
		return refuse(ErrLimit, "Cannot exceed quota for PolicySize: %d", MaxManagedPolicy)
	}
	return nil
}

// CreatePolicy makes a managed policy out of p's Account, Name, Path, Description and
// Tags, with a first version.
func (d *Directory) CreatePolicy(ctx context.Context, p ManagedPolicy, document string) (ManagedPolicy, error) {
	id, err := newID(d.rand, PrefixPolicy)
	if err != nil {
		return ManagedPolicy{}, err
	}
	now := d.now()
	made := ManagedPolicy{
		Account: p.Account, Name: p.Name, Path: p.Path, ID: id, Description: p.Description, Created: now, Updated: now, Tags: maps.Clone(p.Tags),
		Default: 1, Last: 1, Versions: []PolicyVersion{{1, document, now}},
	}
	if made.Path == "" {
		made.Path = "/"
	}
	for _, err := range []error{checkName(p.Name, maxPolicyName), checkPath(made.Path), checkTags(p.Tags), checkManagedText(document)} {
		if err != nil {
			return ManagedPolicy{}, err
		}
	}
	if !IsAccountID(p.Account) || len(p.Description) > maxDescription {
		return ManagedPolicy{}, refuse(ErrInvalid, "account id or description")
	}
	key := policyPrefix(p.Account) + strings.ToLower(p.Name)
	err = d.commit(ctx, func(c *change) error {
		if err := d.absent(ctx, key, "A policy called "+p.Name); err != nil {
			return err
		}
		return c.set(key, 0, made)
	})
	return made, err
}

// ListPolicies returns the managed policies of an account in order of their names.
func (d *Directory) ListPolicies(ctx context.Context, account string, p Page) (policies []ManagedPolicy, more bool, err error) {
	err = list(ctx, d, policyPrefix(account), p.After, func(m *ManagedPolicy) bool {
		if !p.wants(m.Path) {
			return true
		}
		if more = len(policies) == p.limit(); !more {
			policies = append(policies, *m)
		}
		return !more
	})
	return policies, more, err
}

// AWSPolicies returns the managed policies of AWS that exist here.
func AWSPolicies() []ManagedPolicy { return slices.Clone(awsPolicies[:]) }

// updatePolicy changes a customer's managed policy; fn returning false deletes it.
func (d *Directory) updatePolicy(ctx context.Context, arn string, fn func(p *ManagedPolicy) (keep bool, err error)) error {
	return d.commit(ctx, func(c *change) error {
		p, revision, err := d.policy(ctx, arn)
		if err != nil {
			return err
		}
		if p.Account == "aws" {
			return refuse(ErrInvalid, "Policy is outside your own account.")
		}
		keep, err := fn(&p)
		if err != nil {
			return err
		}
		key, err := policyKey(arn)
		if err != nil {
			return err
		}
		if !keep {
			return c.set(key, revision, nil)
		}
		return c.set(key, revision, p)
	})
}

// DeletePolicy deletes a managed policy that is attached to nothing and has no other version than its default.
func (d *Directory) DeletePolicy(ctx context.Context, arn string) error {
	return d.updatePolicy(ctx, arn, func(p *ManagedPolicy) (bool, error) {
		switch {
		case p.Attachments > 0, p.Boundaries > 0:
			return true, refuse(ErrInUse, "Cannot delete a policy attached to entities.")
		case len(p.Versions) > 1:
			return true, refuse(ErrInUse, "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
		}
		return false, nil
	})
}
