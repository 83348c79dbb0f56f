package kms

import (
	"context"
	"regexp"
	"strings"
)

var aliasPattern = regexp.MustCompile(`^[a-zA-Z0-9:/_-]+$`)

const reservedAliases = "alias/aws/"

// aliasTarget returns the id of the key that an alias stands for. own says that the
// account is the caller's: only then does a predefined alias make its key.
func (k *KMS) aliasTarget(ctx context.Context, account, region, name string, own bool) (string, error) {
	if len(name) > maxAliasName || !aliasPattern.MatchString(name) {
		return "", refuse(ErrNotFound, "Alias %s is not found.", aliasARN(account, region, name))
	}
	var rec aliasRecord
	_, err := k.get(ctx, prefixAliases(account, region)+name, &rec)
	switch {
	case missing(err) && own:
		return k.managedTarget(ctx, account, region, name)
	case missing(err):
		return "", refuse(ErrNotFound, "Alias %s is not found.", aliasARN(account, region, name))
	}
	return rec.KeyID, err
}

// aliasesOf returns the names of a key's aliases.
func (k *KMS) aliasesOf(ctx context.Context, id string) (names []string, err error) {
	prefix := prefixAliasesOf(id)
	err = k.store.Scan(ctx, prefix, "", maxAliasesPerKey, func(name string, _ []byte, _ uint64) error {
		names = append(names, strings.TrimPrefix(name, prefix))
		return nil
	})
	return names, err
}

// checkAliasName validates the name of an alias that a customer may make or change.
func checkAliasName(name string) error {
	var v checks
	v.required("aliasName", name, maxAliasName)
	v.pattern("aliasName", name, aliasPattern, "^[a-zA-Z0-9:/_-]+$")
	if err := v.err(); err != nil {
		return err
	}
	rest, ok := strings.CutPrefix(name, "alias/")
	switch {
	case !ok:
		return refuse(ErrValidation, "Alias must start with the prefix \"alias/\". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html")
	case rest == "" || strings.Contains(rest, ":"):
		return refuse(ErrInvalidAliasName, "%s is not a valid alias name.", name)
	case strings.HasPrefix(name, reservedAliases):
		return refuse(ErrInvalidAliasName, "Alias names that begin with %s are reserved.", reservedAliases)
	}
	return nil
}

// CreateAlias makes a name for a key of the caller's account and Region.
func (k *KMS) CreateAlias(ctx context.Context, c Caller, in AliasInput) error {
	return run(ctx, k, c, "CreateAlias", func(cl *call) error {
		cl.params = keyParams{AliasName: in.AliasName, TargetKeyID: in.TargetKeyID}
		e, err := cl.aliasAndTarget(ctx, in)
		if err != nil {
			return err
		}
		names, err := k.aliasesOf(ctx, e.ID)
		if err != nil {
			return err
		}
		if len(names) >= maxAliasesPerKey {
			return refuse(ErrLimitExceeded, "The key %s has reached its limit of %d aliases.", e.arn, maxAliasesPerKey)
		}
		name := prefixAliases(e.Account, e.Region) + in.AliasName
		return cl.withTarget(ctx, e, func(t *txn) error {
			var old aliasRecord
			if _, err := k.get(ctx, name, &old); !missing(err) {
				if err != nil {
					return err
				}
				return refuse(ErrAlreadyExists, "An alias with the name %s already exists", aliasARN(e.Account, e.Region, in.AliasName))
			}
			now := k.now()
			t.set(name, aliasRecord{KeyID: e.ID, Created: now, Updated: now})
			t.absent(name)
			t.mark(prefixAliasesOf(e.ID) + in.AliasName)
			return nil
		})
	})
}

// aliasAndTarget validates and authorises an alias and the key it is to stand for.
func (cl *call) aliasAndTarget(ctx context.Context, in AliasInput) (*keyEntry, error) {
	if err := checkAliasName(in.AliasName); err != nil {
		return nil, err
	}
	var v checks
	v.required("targetKeyId", in.TargetKeyID, maxKeyName)
	if err := v.err(); err != nil {
		return nil, err
	}
	if err := cl.authorizeAlias(ctx, in.AliasName); err != nil {
		return nil, err
	}
	e, _, err := cl.find(ctx, in.TargetKeyID, idsOnly)
	if err != nil {
		return nil, err
	}
	if e.Account != cl.c.Account {
		return nil, refuse(ErrNotFound, "Key '%s' does not exist", e.arn)
	}
	if err := cl.authorize(ctx, access{action: cl.op, key: e}); err != nil {
		return nil, err
	}
	if e.Manager == managerAWS {
		return nil, refuse(ErrValidation, "The key %s is managed by AWS and can have no other alias.", e.arn)
	}
	return e, cl.requireState(e, Enabled, Disabled, PendingImport)
}

// authorizeAlias asks the identity policies about the alias itself.
func (cl *call) authorizeAlias(ctx context.Context, name string) error {
	return cl.authorize(ctx, access{action: cl.op, resource: aliasARN(cl.c.Account, cl.c.Region, name)})
}

// withTarget commits a change of aliases on condition that the target key is still there.
func (cl *call) withTarget(ctx context.Context, e *keyEntry, stage func(*txn) error) error {
	return retry(func() error {
		var rec keyRecord
		revision, err := cl.k.get(ctx, nameKey(e.ID), &rec)
		if missing(err) {
			return errKeyGone
		}
		if err != nil {
			return err
		}
		if err := stateError(&rec, Enabled, Disabled, PendingImport); err != nil {
			cl.state = rec.State
			return err
		}
		t := newTxn()
		t.at(nameKey(e.ID), revision)
		if err := stage(t); err != nil {
			return err
		}
		return cl.k.commit(ctx, t)
	})
}

// ListAliases lists the aliases of the caller's account and Region, or those of a key.
func (k *KMS) ListAliases(ctx context.Context, c Caller, in ListAliasesInput) (*ListAliasesOutput, error) {
	return perform(ctx, k, c, "ListAliases", func(cl *call) (*ListAliasesOutput, error) {
		cl.params = keyParams{KeyID: in.KeyID, Limit: in.Limit}
		var v checks
		v.page(in.Page, maxPage)
		v.optionalKeyID(in.KeyID)
		if err := v.err(); err != nil {
			return nil, err
		}
		if err := cl.authorize(ctx, access{action: "ListAliases"}); err != nil {
			return nil, err
		}
		out := &ListAliasesOutput{}
		prefix, add := prefixAliases(cl.c.Account, cl.c.Region), func(name string, value []byte) (bool, error) {
			return true, out.add(cl.c.Account, cl.c.Region, name, value)
		}
		if in.KeyID != "" {
			e, _, err := cl.find(ctx, in.KeyID, idsOnly)
			if err != nil {
				return nil, err
			}
			prefix, add = prefixAliasesOf(e.ID), func(name string, _ []byte) (bool, error) {
				value, _, err := k.store.Get(ctx, prefixAliases(e.Account, e.Region)+name)
				if missing(err) {
					return false, nil
				}
				if err != nil {
					return false, err
				}
				return true, out.add(e.Account, e.Region, name, value)
			}
		}
		var err error
		out.Next, err = cl.scanPage(ctx, in.Page, defaultGrantPage, prefix, add)
		return out, err
	})
}

func (o *ListAliasesOutput) add(account, region, name string, value []byte) error {
	var rec aliasRecord
	if err := decodeRecord(value, &rec); err != nil {
		return err
	}
	o.Aliases = append(o.Aliases, Alias{Name: name, ARN: aliasARN(account, region, name), TargetKeyID: rec.KeyID,
		Created: rec.Created, LastUpdated: rec.Updated})
	return nil
}
