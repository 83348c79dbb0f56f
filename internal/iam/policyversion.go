package iam

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
)

// PolicyVersion is a version of a managed policy; its id is "v" and Number.
type PolicyVersion struct {
	Number   int
	Document string
	Created  time.Time
}

// Version returns a version by its id, "v1".
func (p *ManagedPolicy) Version(id string) (PolicyVersion, error) {
	if n, err := strconv.Atoi(strings.TrimPrefix(id, "v")); err == nil {
		for _, v := range p.Versions {
			if v.Number == n && id == "v"+strconv.Itoa(n) {
				return v, nil
			}
		}
	}
	return PolicyVersion{}, refuse(ErrNotFound, "Policy %s version %s does not exist or is not attachable.", p.ARN(), id)
}

// CreatePolicyVersion adds a version to a managed policy.
func (d *Directory) CreatePolicyVersion(ctx context.Context, arn, document string, setDefault bool) (v PolicyVersion, err error) {
	if err := checkManagedText(document); err != nil {
		return v, err
	}
	err = d.updatePolicy(ctx, arn, func(p *ManagedPolicy) (bool, error) {
		if len(p.Versions) >= maxPolicyVersions {
			return true, refuse(ErrLimit, "A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", maxPolicyVersions)
		}
		p.Last++
		v = PolicyVersion{p.Last, document, d.now()}
		p.Versions = append(p.Versions, v)
		p.Updated = v.Created
		if setDefault {
			p.Default = v.Number
		}
		return true, nil
	})
	return v, err
}

// SetDefaultPolicyVersion makes a version the one that counts.
func (d *Directory) SetDefaultPolicyVersion(ctx context.Context, arn, version string) error {
	return d.updatePolicy(ctx, arn, func(p *ManagedPolicy) (bool, error) {
		v, err := p.Version(version)
		p.Default, p.Updated = v.Number, d.now()
		return true, err
	})
}

// DeletePolicyVersion deletes a version other than the default one.
func (d *Directory) DeletePolicyVersion(ctx context.Context, arn, version string) error {
	return d.updatePolicy(ctx, arn, func(p *ManagedPolicy) (bool, error) {
		v, err := p.Version(version)
		if err != nil {
			return true, err
		}
		if v.Number == p.Default {
			return true, refuse(ErrInUse, "Cannot delete the default version of a policy.")
		}
		p.Versions = slices.DeleteFunc(p.Versions, func(o PolicyVersion) bool { return o.Number == v.Number })
		return true, nil
	})
}
