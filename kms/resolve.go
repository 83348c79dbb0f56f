package kms

import (
	"context"
	"errors"
	"strings"
)

// Which names an operation accepts for a key.
type keyNames uint8

const (
	idsOnly keyNames = iota // key id or key ARN: management operations
	anyName                 // aliases and alias ARNs too: cryptographic operations, DescribeKey
)

// find resolves the name of a key and notes it for the event. alias is the alias name
// that the request used, if it did.
func (cl *call) find(ctx context.Context, name string, accept keyNames) (e *keyEntry, alias string, err error) {
	id, account, region := name, cl.c.Account, cl.c.Region
	if strings.HasPrefix(name, "arn:") {
		if id, account, err = cl.parseARN(name); err != nil {
			return nil, "", err
		}
	}
	if strings.HasPrefix(id, "alias/") {
		if accept == idsOnly {
			return nil, "", refuse(ErrNotFound, "Invalid keyId '%s'", name)
		}
		alias = id
		if id, err = cl.k.aliasTarget(ctx, account, region, alias, account == cl.c.Account); err != nil {
			return nil, "", err
		}
	}
	if _, ok := parseUUID(id); !ok {
		return nil, "", refuse(ErrNotFound, "Invalid keyId '%s'", id)
	}
	e, err = cl.k.entry(ctx, id)
	if errors.Is(err, ErrNotFound) || err == nil && (e.Account != account || e.Region != region || e.Reserved) {
		return nil, "", refuse(ErrNotFound, "Key '%s' does not exist", keyARN(account, region, id))
	}
	if err != nil {
		return nil, "", err
	}
	cl.keys = append(cl.keys, e)
	return e, alias, nil
}

// parseARN splits arn:aws:kms:REGION:ACCOUNT:key/ID or …:alias/NAME.
func (cl *call) parseARN(arn string) (id, account string, err error) {
	part := strings.SplitN(arn, ":", 6)
	if len(part) != 6 || part[1] != "aws" || part[2] != "kms" || !validAccount(part[4]) {
		return "", "", refuse(ErrInvalidArn, "Invalid arn %s", arn)
	}
	if part[3] != cl.c.Region {
		return "", "", refuse(ErrNotFound, "Invalid arn %s", part[3])
	}
	if strings.HasPrefix(part[5], "alias/") {
		return part[5], part[4], nil
	}
	id, ok := strings.CutPrefix(part[5], "key/")
	if !ok {
		return "", "", refuse(ErrInvalidArn, "Invalid arn %s", arn)
	}
	return id, part[4], nil
}

// findByID finds the key that a blob names, in whatever account it is. What the blob
// says wrongly is an invalid ciphertext: the API shows nothing about other keys.
func (cl *call) findByID(ctx context.Context, id string) (*keyEntry, error) {
	e, err := cl.k.entry(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return nil, errInvalidCiphertext
	}
	if err != nil {
		return nil, err
	}
	if e.Reserved || e.Region != cl.c.Region {
		return nil, errInvalidCiphertext
	}
	cl.keys = append(cl.keys, e)
	return e, nil
}
