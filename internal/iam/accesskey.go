package iam

import (
	"context"
	"errors"
	"slices"
	"time"
)

// AccessKey describes an access key of a user. Secret is set by CreateAccessKey alone.
type AccessKey struct {
	ID      string
	User    string
	Active  bool
	Created time.Time
	Secret  string
}

// newAccessKey makes an access key; empty id or secret are generated.
func (d *Directory) newAccessKey(account, user, id, secret string) (accessKey, error) {
	var err error
	if id == "" {
		if id, err = newAccessKeyID(d.rand, PrefixAccessKey, account); err != nil {
			return accessKey{}, err
		}
	}
	if secret == "" {
		if secret, err = newSecret(d.rand); err != nil {
			return accessKey{}, err
		}
	}
	if err := errors.Join(checkAccessKeyID(id), checkSecret(secret)); err != nil {
		return accessKey{}, err
	}
	return accessKey{ID: id, Account: account, User: user, Secret: secret, Active: true, Created: d.now()}, nil
}

// CreateAccessKey makes an access key of a user.
func (d *Directory) CreateAccessKey(ctx context.Context, account, user string) (AccessKey, error) {
	key, err := d.newAccessKey(account, user, "", "")
	if err != nil {
		return AccessKey{}, err
	}
	err = d.update(ctx, Ref{User, account, user}, func(e *Entity, c *change) error {
		if len(e.AccessKeys) >= maxUserAccessKeys {
			return refuse(ErrLimit, "Cannot exceed quota for AccessKeysPerUser: %d", maxUserAccessKeys)
		}
		e.AccessKeys = append(e.AccessKeys, key.ID)
		return c.set(accessKeyKey(key.ID), 0, key)
	})
	return AccessKey{key.ID, user, true, key.Created, key.Secret}, err
}

// ListAccessKeys returns the access keys of a user, oldest first.
func (d *Directory) ListAccessKeys(ctx context.Context, account, user string) ([]AccessKey, error) {
	e, err := d.Get(ctx, Ref{User, account, user})
	if err != nil {
		return nil, err
	}
	var keys []AccessKey
	for _, id := range e.AccessKeys {
		var k accessKey
		if _, err := d.get(ctx, accessKeyKey(id), "access key "+id, &k); err != nil {
			return nil, err
		}
		keys = append(keys, AccessKey{ID: id, User: user, Active: k.Active, Created: k.Created})
	}
	return keys, nil
}

// SetAccessKeyActive makes an access key of a user active or inactive.
func (d *Directory) SetAccessKeyActive(ctx context.Context, account, user, id string, active bool) error {
	return d.update(ctx, Ref{User, account, user}, func(e *Entity, c *change) error {
		key, revision, err := d.accessKeyOf(ctx, e, id)
		if err != nil {
			return err
		}
		key.Active = active
		return c.set(accessKeyKey(id), revision, key)
	})
}

// DeleteAccessKey deletes an access key of a user.
func (d *Directory) DeleteAccessKey(ctx context.Context, account, user, id string) error {
	return d.update(ctx, Ref{User, account, user}, func(e *Entity, c *change) error {
		_, revision, err := d.accessKeyOf(ctx, e, id)
		if err != nil {
			return err
		}
		e.AccessKeys = slices.DeleteFunc(e.AccessKeys, func(k string) bool { return k == id })
		return c.set(accessKeyKey(id), revision, nil)
	})
}

func (d *Directory) accessKeyOf(ctx context.Context, e *Entity, id string) (key accessKey, revision uint64, err error) {
	if !slices.Contains(e.AccessKeys, id) {
		return key, 0, refuse(ErrNotFound, "The Access Key with id %s cannot be found.", id)
	}
	revision, err = d.get(ctx, accessKeyKey(id), "The Access Key with id "+id, &key)
	return key, revision, err
}

// AccessKeyAccount returns the account of an access key, as GetAccessKeyInfo does: of
// one that exists, or what the id of a session's key says.
func (d *Directory) AccessKeyAccount(ctx context.Context, id string) (string, error) {
	if err := checkAccessKeyID(id); err != nil {
		return "", err
	}
	var key accessKey
	_, err := d.get(ctx, accessKeyKey(id), "access key "+id, &key)
	if account, ok := accountInID(id); ok && errors.Is(err, ErrNotFound) {
		return account, nil
	}
	return key.Account, err
}
