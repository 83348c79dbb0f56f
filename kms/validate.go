package kms

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"
)

// Limits of requests (AWS KMS API Reference).
const (
	maxKeyName        = 2048
	maxAliasName      = 256
	maxMarker         = 1024
	maxDescription    = 8192
	maxPolicySize     = 32 << 10
	maxPolicyMember   = 131072
	maxTags           = 50
	maxTagKey         = 128
	maxTagValue       = 256
	maxGrantTokens    = 10
	maxGrantToken     = 8192
	maxGrantID        = 128
	maxGrantName      = 256
	maxPrincipal      = 256
	maxPlaintext      = 4096
	maxBlob           = 6144
	maxDataKey        = 1024
	maxRandom         = 1024
	minWindowDays     = 7
	maxWindowDays     = 30
	minRotationDays   = 90
	maxRotationDays   = 2560
	defaultRotation   = 365
	maxPage           = 1000
	maxGrantPage      = 100
	maxConstraint     = 8
	maxConstraintSize = 384
)

// Limits of accounts and keys (AWS KMS quotas).
const (
	maxKeys          = 100_000
	maxAliasesPerKey = 50
	maxGrantsPerKey  = 50_000
	maxOnDemand      = 25
)

// checks collects what a request violates, as AWS words it.
type checks struct{ found []string }

func (c *checks) violate(value, member, constraint string) {
	c.found = append(c.found, fmt.Sprintf("Value %sat '%s' failed to satisfy constraint: Member must %s", value, member, constraint))
}

// err returns the ValidationException of everything found.
func (c *checks) err() error {
	switch len(c.found) {
	case 0:
		return nil
	case 1:
		return refuse(ErrValidation, "1 validation error detected: %s", c.found[0])
	}
	return refuse(ErrValidation, "%d validation errors detected: %s", len(c.found), strings.Join(c.found, "; "))
}

// required is a string that must be there, at most limit characters long.
func (c *checks) required(member, v string, limit int) {
	if v == "" {
		c.violate("null ", member, "not be null")
		return
	}
	c.length(member, v, limit)
}

// length checks characters as AWS counts them: UTF-16 code units.
func (c *checks) length(member, v string, limit int) {
	if len(v) > limit && len(utf16.Encode([]rune(v))) > limit {
		c.violate("'"+v+"' ", member, fmt.Sprintf("have length less than or equal to %d", limit))
	}
}

// blob is a required byte string; its value is not shown.
func (c *checks) blob(member string, v []byte, limit int) {
	switch {
	case v == nil:
		c.violate("null ", member, "not be null")
	case len(v) == 0:
		c.violate("", member, "have length greater than or equal to 1")
	case len(v) > limit:
		c.violate("", member, fmt.Sprintf("have length less than or equal to %d", limit))
	}
}

func (c *checks) between(member string, v *int, low, high int) {
	switch {
	case v == nil:
	case *v < low:
		c.violate(fmt.Sprintf("'%d' ", *v), member, fmt.Sprintf("have value greater than or equal to %d", low))
	case *v > high:
		c.violate(fmt.Sprintf("'%d' ", *v), member, fmt.Sprintf("have value less than or equal to %d", high))
	}
}

// enum is an optional string of a set.
func (c *checks) enum(member, v string, set ...string) {
	if v != "" && !slices.Contains(set, v) {
		c.violate("'"+v+"' ", member, "satisfy enum value set: ["+strings.Join(set, ", ")+"]")
	}
}

func (c *checks) pattern(member, v string, re *regexp.Regexp, shown string) {
	if v != "" && !re.MatchString(v) {
		c.violate("'"+v+"' ", member, "satisfy regular expression pattern: "+shown)
	}
}

func (c *checks) keyID(v string)         { c.required("keyId", v, maxKeyName) }
func (c *checks) optionalKeyID(v string) { c.length("keyId", v, maxKeyName) }

func (c *checks) grantTokens(tokens []string) {
	if len(tokens) > maxGrantTokens {
		c.violate("", "grantTokens", fmt.Sprintf("have length less than or equal to %d", maxGrantTokens))
	}
	for i, t := range tokens {
		if t == "" || len(t) > maxGrantToken {
			c.violate("", fmt.Sprintf("grantTokens.%d.member", i+1), fmt.Sprintf("have length between 1 and %d", maxGrantToken))
		}
	}
}

func (c *checks) page(p Page, max int) {
	c.between("limit", p.Limit, 1, max)
	c.length("marker", p.Marker, maxMarker)
}

func (c *checks) algorithm(member, v string) {
	c.enum(member, v, "SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "SM2PKE")
}

func (c *checks) tags(tags []Tag) {
	for i, t := range tags {
		member := fmt.Sprintf("tags.%d.member.", i+1)
		if t.Key == "" {
			c.violate("'' ", member+"tagKey", "have length greater than or equal to 1")
		}
		c.length(member+"tagKey", t.Key, maxTagKey)
		c.length(member+"tagValue", t.Value, maxTagValue)
	}
}

// limit is a page's limit.
func (p Page) limit(byDefault int) int {
	if p.Limit == nil {
		return byDefault
	}
	return *p.Limit
}
