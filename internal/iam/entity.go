package iam

import (
	"context"
	"maps"
	"strings"
	"time"
)

// EntityKind is user or role: what can have policies.
type EntityKind string

// The kinds of entity.
const (
	User EntityKind = "user"
	Role EntityKind = "role"
)

// Ref names a user or role.
type Ref struct {
	Kind    EntityKind
	Account string
	Name    string
}

func (r Ref) key() string { return entityPrefix(r.Kind, r.Account) + strings.ToLower(r.Name) }

func entityPrefix(kind EntityKind, account string) string {
	return "iam/" + string(kind) + "/" + account + "/"
}

// String names the entity as IAM's messages do.
func (r Ref) String() string { return "The " + string(r.Kind) + " with name " + r.Name }

// Entity is a user or role.
type Entity struct {
	Ref
	Path    string // begins and ends with "/"; empty at creation means "/"
	ID      string // AIDA…, AROA…
	Created time.Time
	Tags    map[string]string
	// Inline are its inline policies by name, Attached the ARNs of its managed policies.
	Inline   map[string]string
	Attached []string

	// Boundary is the ARN of the managed policy that limits its identity policies; empty: none.
	Boundary string `json:",omitempty"`

	AccessKeys []string // of users: ids
	Profiles   []string // of roles: names of the instance profiles they are in

	Trust              string // of roles: the trust policy document
	Description        string
	MaxSessionDuration time.Duration
}

// ARN returns the entity's ARN.
func (e *Entity) ARN() string {
	if e.Kind == Role {
		return RoleARN(e.Account, e.Path, e.Name)
	}
	return UserARN(e.Account, e.Path, e.Name)
}

func (e *Entity) principal() Principal {
	return Principal{Type: IAMUser, Account: e.Account, ARN: e.ARN(), UserID: e.ID, UserName: e.Name, Tags: e.Tags}
}

// Bounds of a role's sessions.
const (
	MinSessionDuration     = 15 * time.Minute
	DefaultMaxSession      = time.Hour
	MaxMaxSessionDuration  = 12 * time.Hour
	MaxUserSessionDuration = 36 * time.Hour // GetSessionToken of a user; of the root one hour
)

// Create makes a user or role out of e's Ref, Path, Tags, Boundary, Trust, Description
// and MaxSessionDuration.
func (d *Directory) Create(ctx context.Context, e Entity) (Entity, error) {
	prefix := PrefixUser
	if e.Kind == Role {
		prefix = PrefixRole
	}
	id, err := newID(d.rand, prefix)
	if err != nil {
		return Entity{}, err
	}
	made := Entity{Ref: e.Ref, Path: e.Path, ID: id, Created: d.now(), Tags: maps.Clone(e.Tags)}
	if made.Path == "" {
		made.Path = "/"
	}
	if e.Kind == Role {
		made.Trust, made.Description, made.MaxSessionDuration = e.Trust, e.Description, e.MaxSessionDuration
		if made.MaxSessionDuration == 0 {
			made.MaxSessionDuration = DefaultMaxSession
		}
	}
	made.Boundary = e.Boundary
	if err := checkEntity(&made); err != nil {
		return Entity{}, err
	}
	err = d.commit(ctx, func(c *change) error {
		if err := d.absent(ctx, made.key(), made.Ref.String()); err != nil {
			return err
		}
		if err := d.countBoundary(ctx, c, made.Account, made.Boundary, 1); err != nil {
			return err
		}
		return c.set(made.key(), 0, made)
	})
	return made, err
}

// Get returns a user or role.
func (d *Directory) Get(ctx context.Context, r Ref) (Entity, error) {
	e, _, err := d.entity(ctx, r)
	return e, err
}

func (d *Directory) entity(ctx context.Context, r Ref) (e Entity, revision uint64, err error) {
	if err := checkName(r.Name, maxEntityName); err != nil {
		return e, 0, err
	}
	revision, err = d.get(ctx, r.key(), r.String(), &e)
	if err == nil && e.Name != r.Name {
		err = refuse(ErrNotFound, "%s cannot be found.", r)
	}
	return e, revision, err
}

// List returns users or roles of an account in order of their names, without regard to case.
func (d *Directory) List(ctx context.Context, kind EntityKind, account string, p Page) (entities []Entity, more bool, err error) {
	err = list(ctx, d, entityPrefix(kind, account), p.After, func(e *Entity) bool {
		if !p.wants(e.Path) {
			return true
		}
		if more = len(entities) == p.limit(); !more {
			entities = append(entities, *e)
		}
		return !more
	})
	return entities, more, err
}

// update changes a user or role; fn may run more than once.
func (d *Directory) update(ctx context.Context, r Ref, fn func(e *Entity, c *change) error) error {
	return d.commit(ctx, func(c *change) error {
		e, revision, err := d.entity(ctx, r)
		if err != nil {
			return err
		}
		if err := fn(&e, c); err != nil {
			return err
		}
		return c.set(e.key(), revision, e)
	})
}

// Delete deletes a user or role that has nothing attached any more.
func (d *Directory) Delete(ctx context.Context, r Ref) error {
	return d.commit(ctx, func(c *change) error {
		e, revision, err := d.entity(ctx, r)
		if err != nil {
			return err
		}
		switch {
		case len(e.Inline) > 0:
			return refuse(ErrInUse, "Cannot delete entity, must delete policies first.")
		case len(e.Attached) > 0:
			return refuse(ErrInUse, "Cannot delete entity, must detach all policies first.")
		case len(e.AccessKeys) > 0:
			return refuse(ErrInUse, "Cannot delete entity, must delete access keys first.")
		case len(e.Profiles) > 0:
			return refuse(ErrInUse, "Cannot delete entity, must remove roles from instance profile first.")
		}
		if err := d.countBoundary(ctx, c, e.Account, e.Boundary, -1); err != nil {
			return err
		}
		return c.set(e.key(), revision, nil)
	})
}

// UpdateTrust replaces a role's trust policy.
func (d *Directory) UpdateTrust(ctx context.Context, r Ref, document string) error {
	if _, err := Parse(TrustPolicy, []byte(document)); err != nil {
		return err
	}
	return d.update(ctx, r, func(e *Entity, _ *change) error {
		e.Trust = document
		return nil
	})
}

// UpdateRole sets a role's description and longest session, each unless nil.
func (d *Directory) UpdateRole(ctx context.Context, r Ref, description *string, maxSession *time.Duration) error {
	return d.update(ctx, r, func(e *Entity, _ *change) error {
		if description != nil {
			e.Description = *description
		}
		if maxSession != nil {
			e.MaxSessionDuration = *maxSession
		}
		return checkEntity(e)
	})
}
