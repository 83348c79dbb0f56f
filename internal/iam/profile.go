package iam

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// InstanceProfile is the container by which an instance gets a role.
type InstanceProfile struct {
	Account string
	Name    string
	Path    string
	ID      string // AIPA…
	Created time.Time
	Tags    map[string]string
	Role    string // name of its role; empty if it has none
}

// ARN returns the profile's ARN.
func (p *InstanceProfile) ARN() string {
	return "arn:aws:iam::" + p.Account + ":instance-profile" + p.Path + p.Name
}

func profileKey(account, name string) string { return profilePrefix(account) + strings.ToLower(name) }

// CreateInstanceProfile makes an instance profile out of p's Account, Name, Path and Tags.
func (d *Directory) CreateInstanceProfile(ctx context.Context, p InstanceProfile) (InstanceProfile, error) {
	id, err := newID(d.rand, PrefixProfile)
	if err != nil {
		return InstanceProfile{}, err
	}
	made := InstanceProfile{Account: p.Account, Name: p.Name, Path: p.Path, ID: id, Created: d.now(), Tags: maps.Clone(p.Tags)}
	if made.Path == "" {
		made.Path = "/"
	}
	for _, err := range []error{checkName(p.Name, maxPolicyName), checkPath(made.Path), checkTags(p.Tags)} {
		if err != nil {
			return InstanceProfile{}, err
		}
	}
	if !IsAccountID(p.Account) {
		return InstanceProfile{}, refuse(ErrInvalid, "account id")
	}
	err = d.commit(ctx, func(c *change) error {
		if err := d.absent(ctx, profileKey(p.Account, p.Name), "Instance Profile "+p.Name); err != nil {
			return err
		}
		return c.set(profileKey(p.Account, p.Name), 0, made)
	})
	return made, err
}

// GetInstanceProfile returns an instance profile.
func (d *Directory) GetInstanceProfile(ctx context.Context, account, name string) (InstanceProfile, error) {
	p, _, err := d.profile(ctx, account, name)
	return p, err
}

func (d *Directory) profile(ctx context.Context, account, name string) (p InstanceProfile, revision uint64, err error) {
	if err := checkName(name, maxPolicyName); err != nil {
		return p, 0, err
	}
	what := "Instance Profile " + name
	revision, err = d.get(ctx, profileKey(account, name), what, &p)
	if err == nil && p.Name != name {
		err = refuse(ErrNotFound, "%s cannot be found.", what)
	}
	return p, revision, err
}

// ListInstanceProfiles returns the instance profiles of an account in order of their names.
func (d *Directory) ListInstanceProfiles(ctx context.Context, account string, page Page) (profiles []InstanceProfile, more bool, err error) {
	err = list(ctx, d, profilePrefix(account), page.After, func(p *InstanceProfile) bool {
		if !page.wants(p.Path) {
			return true
		}
		if more = len(profiles) == page.limit(); !more {
			profiles = append(profiles, *p)
		}
		return !more
	})
	return profiles, more, err
}

// DeleteInstanceProfile deletes an instance profile that has no role.
func (d *Directory) DeleteInstanceProfile(ctx context.Context, account, name string) error {
	return d.commit(ctx, func(c *change) error {
		p, revision, err := d.profile(ctx, account, name)
		if err != nil {
			return err
		}
		if p.Role != "" {
			return refuse(ErrInUse, "Cannot delete entity, must remove roles from instance profile first.")
		}
		return c.set(profileKey(account, name), revision, nil)
	})
}

// AddRoleToInstanceProfile puts a role into an instance profile, which holds one at most.
func (d *Directory) AddRoleToInstanceProfile(ctx context.Context, account, profile, role string) error {
	return d.update(ctx, Ref{Role, account, role}, func(e *Entity, c *change) error {
		p, revision, err := d.profile(ctx, account, profile)
		switch {
		case err != nil:
			return err
		case p.Role != "":
			return refuse(ErrLimit, "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
		case len(e.Profiles) >= maxProfilesOfRole:
			return refuse(ErrLimit, "a role is in at most %d instance profiles", maxProfilesOfRole)
		}
		p.Role = role
		e.Profiles = append(e.Profiles, p.Name)
		return c.set(profileKey(account, profile), revision, p)
	})
}

// RemoveRoleFromInstanceProfile takes a role out of an instance profile.
func (d *Directory) RemoveRoleFromInstanceProfile(ctx context.Context, account, profile, role string) error {
	return d.update(ctx, Ref{Role, account, role}, func(e *Entity, c *change) error {
		p, revision, err := d.profile(ctx, account, profile)
		switch {
		case err != nil:
			return err
		case p.Role != role:
			return refuse(ErrNotFound, "Role %s in instance profile %s cannot be found.", role, profile)
		}
		p.Role = ""
		e.Profiles = slices.DeleteFunc(e.Profiles, func(name string) bool { return name == p.Name })
		return c.set(profileKey(account, profile), revision, p)
	})
}
