package query

import (
	"strconv"
	"strings"
	"time"
)

// Params is a place in the tree of a form: its root, a structure, or an element of a
// list. Names given to its methods are relative to it and may be paths. It is not
// safe for concurrent use.
type Params struct {
	form *form
	node *node // nil: nothing was given here
	path string
}

// Err returns the first error of any getter of this form.
func (p *Params) Err() error { return p.form.err }

// Fail makes err the error of the form unless it has one: for checks that a handler
// adds to the getters' own.
func (p *Params) Fail(err error) {
	if p.form.err == nil {
		p.form.err = err
	}
}

// Name returns the full name of a parameter of p.
func (p *Params) Name(name string) string {
	if p.path == "" {
		return name
	}
	return p.path + "." + name
}

// Struct returns the structure of that name; all of its parameters are absent if it was not given.
func (p *Params) Struct(name string) *Params {
	return &Params{form: p.form, node: p.find(name), path: p.Name(name)}
}

// Has says whether a value, a structure or a list of that name was given.
func (p *Params) Has(name string) bool { return p.find(name) != nil }

// Value returns the value of a parameter and whether it was given.
func (p *Params) Value(name string) (string, bool) {
	n := p.find(name)
	if n == nil || !n.set {
		return "", false
	}
	n.read = true
	return n.value, true
}

// String returns the value of a parameter, empty if it was not given.
func (p *Params) String(name string) string {
	v, _ := p.Value(name)
	return v
}

// Required returns the value of a parameter that must be given and not be empty.
func (p *Params) Required(name string) string {
	v, _ := p.Value(name)
	if v == "" {
		p.Fail(&Error{Problem: Missing, Param: p.Name(name)})
	}
	return v
}

// Int returns the value of an integer parameter, or absent if it was not given.
func (p *Params) Int(name string, absent int64) int64 {
	v, ok := p.Value(name)
	if !ok || v == "" {
		return absent
	}
	i, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		p.Invalid(name, "Expected an integer.")
	}
	return i
}

// Bool returns the value of a boolean parameter, nil if it was not given.
func (p *Params) Bool(name string) *bool {
	v, ok := p.Value(name)
	if !ok || v == "" {
		return nil
	}
	b := strings.EqualFold(v, "true")
	if !b && !strings.EqualFold(v, "false") {
		p.Invalid(name, "Expected true or false.")
	}
	return &b
}

// Flag returns the value of a boolean parameter, false if it was not given.
func (p *Params) Flag(name string) bool {
	b := p.Bool(name)
	return b != nil && *b
}

// Time returns the value of an ISO 8601 timestamp, the zero time if it was not given.
func (p *Params) Time(name string) time.Time {
	v, ok := p.Value(name)
	if !ok || v == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, v)
	if err != nil {
		p.Invalid(name, "Expected an ISO 8601 timestamp.")
	}
	return t
}

// Invalid reports the value of a parameter as invalid.
func (p *Params) Invalid(name, detail string) {
	p.Fail(&Error{Problem: Invalid, Param: p.Name(name), Value: p.String(name), Detail: detail})
}

// Text returns the value that stands at p itself, as for an element of a list of strings.
func (p *Params) Text() (string, bool) {
	if p.node == nil || !p.node.set {
		return "", false
	}
	p.node.read = true
	return p.node.value, true
}

func (p *Params) find(name string) *node {
	n := p.node
	for part := range strings.SplitSeq(name, ".") {
		if n == nil {
			return nil
		}
		n = n.children[part]
	}
	return n
}
