package iam

import (
	"strings"
)

// family is what an operator compares.
type family uint8

const (
	familyString family = iota
	familyNumeric
	familyDate
	familyBool
	familyBinary
	familyIP
	familyARN
	familyNull
)

// quantifier is the set operator in front of an operator.
type quantifier uint8

const (
	single quantifier = iota
	forAllValues
	forAnyValue
)

// operator is a condition operator as a policy names it.
type operator struct {
	base     *baseOperator
	quant    quantifier
	ifExists bool
}

type baseOperator struct {
	name    string
	family  family
	negated bool
	fold    bool // StringEqualsIgnoreCase
	like    bool // wildcards
	// order accepts the sign of context value − policy value, for numbers and dates.
	order func(sign int) bool
}

func equal(sign int) bool          { return sign == 0 }
func less(sign int) bool           { return sign < 0 }
func lessOrEqual(sign int) bool    { return sign <= 0 }
func greater(sign int) bool        { return sign > 0 }
func greaterOrEqual(sign int) bool { return sign >= 0 }

// baseOperators is the table of AWS's condition operators.
var baseOperators = [...]baseOperator{
	{name: "StringEquals"},
	{name: "StringNotEquals", negated: true},
	{name: "StringEqualsIgnoreCase", fold: true},
	{name: "StringNotEqualsIgnoreCase", fold: true, negated: true},
	{name: "StringLike", like: true},
	{name: "StringNotLike", like: true, negated: true},
	{name: "NumericEquals", family: familyNumeric, order: equal},
	{name: "NumericNotEquals", family: familyNumeric, order: equal, negated: true},
	{name: "NumericLessThan", family: familyNumeric, order: less},
	{name: "NumericLessThanEquals", family: familyNumeric, order: lessOrEqual},
	{name: "NumericGreaterThan", family: familyNumeric, order: greater},
	{name: "NumericGreaterThanEquals", family: familyNumeric, order: greaterOrEqual},
	{name: "DateEquals", family: familyDate, order: equal},
	{name: "DateNotEquals", family: familyDate, order: equal, negated: true},
	{name: "DateLessThan", family: familyDate, order: less},
	{name: "DateLessThanEquals", family: familyDate, order: lessOrEqual},
	{name: "DateGreaterThan", family: familyDate, order: greater},
	{name: "DateGreaterThanEquals", family: familyDate, order: greaterOrEqual},
	{name: "Bool", family: familyBool},
	{name: "BinaryEquals", family: familyBinary},
	{name: "IpAddress", family: familyIP},
	{name: "NotIpAddress", family: familyIP, negated: true},
	{name: "ArnEquals", family: familyARN, like: true},
	{name: "ArnLike", family: familyARN, like: true},
	{name: "ArnNotEquals", family: familyARN, like: true, negated: true},
	{name: "ArnNotLike", family: familyARN, like: true, negated: true},
	{name: "Null", family: familyNull},
}

const suffixIfExists = "IfExists"

// parseOperator reads an operator's name; like AWS it does not mind the case.
func parseOperator(written string) (operator, error) {
	var op operator
	name := written
	if set, rest, ok := strings.Cut(name, ":"); ok {
		switch {
		case strings.EqualFold(set, "ForAllValues"):
			op.quant = forAllValues
		case strings.EqualFold(set, "ForAnyValue"):
			op.quant = forAnyValue
		default:
			return op, malformed("invalid condition operator %q", written)
		}
		name = rest
	}
	if n := len(name) - len(suffixIfExists); n > 0 && strings.EqualFold(name[n:], suffixIfExists) {
		op.ifExists, name = true, name[:n]
	}
	for i := range baseOperators {
		if strings.EqualFold(baseOperators[i].name, name) {
			op.base = &baseOperators[i]
		}
	}
	if op.base == nil {
		return op, malformed("invalid condition operator %q", written)
	}
	if op.base.family == familyNull && (op.ifExists || op.quant != single) {
		return op, malformed("condition operator %q: Null takes neither a set operator nor IfExists", written)
	}
	return op, nil
}

// name is the operator's canonical name.
func (op operator) name() string {
	name := op.base.name
	if op.ifExists {
		name += suffixIfExists
	}
	switch op.quant {
	case forAllValues:
		return "ForAllValues:" + name
	case forAnyValue:
		return "ForAnyValue:" + name
	}
	return name
}
