package kms

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"coffer.example/internal/iam"
)

// conditions answers for the condition keys of a request. What costs a look into the
// store is looked up only when a policy asks.
type conditions struct {
	ctx context.Context
	cl  *call
	a   *access
	err error // of the store
}

// Values implements iam.ConditionKeys.
func (c *conditions) Values(lower, written string) ([]string, bool) {
	if v, ok := c.a.keys[lower]; ok {
		return v, true
	}
	if name, ok := strings.CutPrefix(lower, "kms:"); ok {
		return c.kms(name, written[len("kms:"):])
	}
	if name, ok := strings.CutPrefix(lower, "aws:"); ok {
		return c.tags(name, written[len("aws:"):])
	}
	return nil, false
}

func (c *conditions) kms(lower, written string) ([]string, bool) {
	const contextPrefix = "encryptioncontext:"
	if strings.HasPrefix(lower, contextPrefix) {
		return iam.PairValues(c.a.context, written[len(contextPrefix):])
	}
	switch lower {
	case "encryptioncontextkeys":
		return slices.Sorted(maps.Keys(c.a.context)), len(c.a.context) > 0
	case "calleraccount":
		if c.cl.principal.Type == iam.Service {
			return nil, false // a service, or a resource that acts, is no caller of the account
		}
		return one(c.cl.c.Account)
	case "viaservice":
		return one(c.cl.c.ViaService)
	case "grantisforawsresource":
		return one(strconv.FormatBool(c.cl.c.ViaService != ""))
	case "requestalias":
		return one(c.a.alias)
	case "encryptionalgorithm":
		return one(c.a.algorithm)
	case "resourcealiases":
		return c.resourceAliases()
	}
	rec := c.a.spec
	if c.a.key != nil {
		rec = &c.a.key.keyRecord
	}
	if rec == nil {
		return nil, false
	}
	switch lower {
	case "keyorigin":
		return one(rec.Origin)
	case "keyspec":
		return one(rec.Spec)
	case "keyusage":
		return one(rec.Usage)
	case "multiregion":
		return one("false")
	}
	return nil, false
}

// tags answers for aws:ResourceTag/…, aws:RequestTag/… and aws:TagKeys.
func (c *conditions) tags(lower, written string) ([]string, bool) {
	switch {
	case strings.HasPrefix(lower, "resourcetag/") && c.a.key != nil:
		return iam.PairValues(tagMap(c.a.key.Tags), written[len("resourcetag/"):])
	case strings.HasPrefix(lower, "requesttag/"):
		return iam.PairValues(tagMap(c.a.tags), written[len("requesttag/"):])
	case lower == "tagkeys":
		var keys []string
		for _, t := range c.a.tags {
			keys = append(keys, t.Key)
		}
		return keys, len(keys) > 0
	}
	return nil, false
}

func (c *conditions) resourceAliases() ([]string, bool) {
	if c.a.key == nil {
		return nil, false
	}
	names, err := c.cl.k.aliasesOf(c.ctx, c.a.key.ID)
	if err != nil {
		c.err = err
	}
	return names, len(names) > 0
}

// one is a key with one value, absent if it is empty.
func one(v string) ([]string, bool) { return []string{v}, v != "" }

func tagMap(tags []Tag) map[string]string {
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[t.Key] = t.Value
	}
	return m
}

func boolKey(b bool) []string { return []string{strconv.FormatBool(b)} }
func intKey(n int) []string   { return []string{strconv.Itoa(n)} }
