package iam

import (
	"cmp"
	"slices"
	"strings"
)

// condition is one operator applied to one key: a test of the request.
type condition struct {
	op      operator
	key     string // in lower case
	written string // as the policy writes it
	values  []operand
}

// parseConditions reads a Condition element.
func parseConditions(v *jsonValue, variables bool) ([]condition, error) {
	if v.kind != '{' {
		return nil, malformed("Condition is not an object")
	}
	var out []condition
	seen := map[string]bool{}
	for i := range v.members {
		op, err := parseOperator(v.members[i].name)
		if err != nil {
			return nil, err
		}
		keys := &v.members[i].value
		if keys.kind != '{' || len(keys.members) == 0 {
			return nil, malformed("condition operator %s has no keys", op.name())
		}
		for j := range keys.members {
			c, err := parseCondition(op, &keys.members[j], variables)
			if err != nil {
				return nil, err
			}
			id := op.name() + " " + c.written
			if seen[id] {
				return nil, malformed("condition %s appears twice", id)
			}
			seen[id] = true
			out = append(out, c)
		}
	}
	// The order of JSON members means nothing; a fixed one keeps explanations stable.
	slices.SortFunc(out, func(a, b condition) int {
		return cmp.Or(cmp.Compare(a.op.name(), b.op.name()), cmp.Compare(a.written, b.written))
	})
	return out, nil
}

func parseCondition(op operator, m *jsonMember, variables bool) (condition, error) {
	c := condition{op: op, key: strings.ToLower(m.name), written: m.name}
	if prefix, name, ok := strings.Cut(m.name, ":"); !ok || prefix == "" || name == "" {
		return c, malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: %q", m.name)
	}
	items := m.value.items
	if m.value.kind != '[' {
		items = []jsonValue{m.value}
	}
	if len(items) == 0 {
		return c, malformed("condition key %s has no values", m.name)
	}
	for i := range items {
		switch items[i].kind {
		case 's', 'n', 'b': // quotation marks are optional for numbers and booleans
		default:
			return c, malformed("condition key %s has a value that is not a string", m.name)
		}
		o, err := parseOperand(op.base, items[i].text, variables)
		if err != nil {
			return c, err
		}
		c.values = append(c.values, o)
	}
	return c, nil
}

// holds tests the request. An absent key fails every operator but the negated ones,
// …IfExists, ForAllValues and Null.
func (c *condition) holds(r *Request) bool {
	values, present := r.values(c.key, c.written)
	present = present && len(values) > 0
	if c.op.base.family == familyNull {
		for i := range c.values {
			if c.values[i].truth == !present {
				return true
			}
		}
		return false
	}
	negated := c.op.base.negated
	switch c.op.quant {
	case forAllValues: // IfExists adds nothing: no values is all values
		for _, v := range values {
			if c.anyOperand(v, r) == negated {
				return false
			}
		}
		return true
	case forAnyValue: // IfExists adds nothing: it is tested value by value
		for _, v := range values {
			if c.anyOperand(v, r) != negated {
				return true
			}
		}
		return false
	}
	if !present {
		return negated || c.op.ifExists
	}
	for _, v := range values {
		if c.anyOperand(v, r) {
			return !negated
		}
	}
	return negated
}

// anyOperand reports whether a value of the request matches one of the policy's.
func (c *condition) anyOperand(value string, r *Request) bool {
	for i := range c.values {
		if c.values[i].matches(c.op.base, value, r) {
			return true
		}
	}
	return false
}

func (c *condition) sources() []string {
	out := make([]string, len(c.values))
	for i := range c.values {
		out[i] = c.values[i].source
	}
	return out
}

// String says what the condition asks, for an explanation.
func (c *condition) String() string {
	return c.op.name() + " " + c.written + " " + strings.Join(c.sources(), " | ")
}
