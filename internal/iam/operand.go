package iam

import (
	"encoding/base64"
	"math/big"
	"net/netip"
	"strings"
	"time"
)

// operand is a policy's value, parsed as its operator needs it.
type operand struct {
	source string
	text   pattern // strings and ARNs
	number *big.Rat
	date   time.Time
	truth  bool // Bool and Null
	binary string
	prefix netip.Prefix
}

func parseOperand(base *baseOperator, source string, variables bool) (o operand, err error) {
	o.source = source
	ok := true
	switch base.family {
	case familyString, familyARN:
		o.text, err = compilePattern(source, base.like, variables)
	case familyNumeric:
		o.number, ok = parseNumber(source)
	case familyDate:
		o.date, ok = parseDate(source)
	case familyBool, familyNull:
		o.truth, ok = parseBool(source)
	case familyBinary:
		o.binary, ok = parseBinary(source)
	case familyIP:
		o.prefix, ok = parsePrefix(source)
	}
	if err == nil && !ok {
		err = malformed("invalid value %q for condition operator %s", source, base.name)
	}
	return o, err
}

// matches compares one value of the request with o.
func (o *operand) matches(base *baseOperator, value string, r *Request) bool {
	switch base.family {
	case familyString:
		want, ok := o.text.expand(r)
		switch {
		case !ok:
			return false
		case base.fold:
			return strings.EqualFold(want, value)
		case base.like:
			return matchPattern(want, value, false)
		}
		return want == value
	case familyARN:
		want, ok := o.text.expand(r)
		return ok && matchARN(want, value)
	case familyNumeric:
		n, ok := parseNumber(value)
		return ok && base.order(n.Cmp(o.number))
	case familyDate:
		d, ok := parseDate(value)
		return ok && base.order(d.Compare(o.date))
	case familyBool:
		b, ok := parseBool(value)
		return ok && b == o.truth
	case familyBinary:
		b, ok := parseBinary(value)
		return ok && b == o.binary
	case familyIP:
		a, err := netip.ParseAddr(value)
		return err == nil && o.prefix.Contains(a.Unmap().WithZone(""))
	}
	return false
}

// maxNumber is enough for any number a condition compares; it bounds what an
// exponent could blow up.
const maxNumber = 64

func parseNumber(s string) (*big.Rat, bool) {
	if len(s) > maxNumber || !only(s, "+-.") || strings.ContainsFunc(s, func(c rune) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }) {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

func parseBool(s string) (value, ok bool) {
	switch {
	case strings.EqualFold(s, "true"):
		return true, true
	case strings.EqualFold(s, "false"):
		return false, true
	}
	return false, false
}

func parseBinary(s string) (string, bool) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return string(b), err == nil
}

// parsePrefix reads a CIDR block or one address.
func parsePrefix(s string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err == nil
}

// parseDate reads W3C's profile of ISO 8601 or epoch seconds.
func parseDate(s string) (time.Time, bool) {
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01", "2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	n, ok := parseNumber(s)
	if !ok {
		return time.Time{}, false
	}
	whole := new(big.Int).Quo(n.Num(), n.Denom())
	if !whole.IsInt64() || whole.Int64() > maxEpoch || whole.Int64() < -maxEpoch {
		return time.Time{}, false
	}
	frac := new(big.Rat).Sub(n, new(big.Rat).SetInt(whole))
	nanos, _ := frac.Mul(frac, big.NewRat(int64(time.Second), 1)).Float64()
	return time.Unix(whole.Int64(), int64(nanos)), true
}

// maxEpoch keeps dates inside the years that time.Time formats.
const maxEpoch = 250_000_000_000
