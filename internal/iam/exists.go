package iam

import (
	"context"
	"errors"
	"strings"
)

// MissingPrincipal returns the first of the names that a policy or grant gives to
// principals and that no principal has, or "". AWS refuses such a policy when it is
// put. Principals of accounts that the directory does not have are taken to exist:
// they are somebody else's.
func (d *Directory) MissingPrincipal(ctx context.Context, names []string) (string, error) {
	for _, name := range names {
		exists, err := d.principalExists(ctx, name)
		if err != nil || !exists {
			return name, err
		}
	}
	return "", nil
}

func (d *Directory) principalExists(ctx context.Context, name string) (bool, error) {
	a, ok := ParseARN(name)
	if !ok {
		return true, nil // a unique id: of something that may be gone, as AWS shows it
	}
	if _, err := d.GetAccount(ctx, a.Account); err != nil {
		return true, unlessMissing(err)
	}
	kind, rest, _ := strings.Cut(a.Resource, "/")
	ref := Ref{EntityKind(kind), a.Account, rest[strings.LastIndexByte(rest, '/')+1:]}
	switch kind {
	case "assumed-role":
		role, _, _ := strings.Cut(rest, "/")
		if strings.HasPrefix(role, "aws:") {
			return true, nil // a service's own
		}
		ref.Kind, ref.Name = Role, role
	case string(User), string(Role):
	default: // the root, a federated user, a repository
		return true, nil
	}
	e, err := d.Get(ctx, ref)
	if err != nil {
		return false, unlessMissing(err)
	}
	return kind == "assumed-role" || e.ARN() == name, nil
}

// unlessMissing drops an error that says that there is no such thing.
func unlessMissing(err error) error {
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrInvalid) {
		return nil
	}
	return err
}
