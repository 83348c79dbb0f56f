package query

import (
	"iter"
	"maps"
	"slices"
	"strings"
)

// CheckUnknown fails with the first parameter, in the order of names, that no getter
// has asked for. Call it on the root, after the last getter.
func (p *Params) CheckUnknown() {
	if name := unread(p.node, p.path); name != "" {
		p.Fail(&Error{Problem: Unknown, Param: name})
	}
}

func unread(n *node, path string) string {
	if n == nil {
		return ""
	}
	if n.set && !n.read {
		return path
	}
	for _, key := range slices.Sorted(maps.Keys(n.children)) {
		child := key
		if path != "" {
			child = path + "." + key
		}
		if name := unread(n.children[key], child); name != "" {
			return name
		}
	}
	return ""
}

// All yields every parameter of the form below p with its full name, in the order of names.
func (p *Params) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		if p.node != nil {
			p.node.all(p.path, yield)
		}
	}
}

func (n *node) all(path string, yield func(string, string) bool) bool {
	if n.set && !yield(path, n.value) {
		return false
	}
	for _, key := range slices.Sorted(maps.Keys(n.children)) {
		child := key
		if path != "" {
			child = path + "." + key
		}
		if !n.children[key].all(child, yield) {
			return false
		}
	}
	return true
}

// Accept reads parameters, and all below them, that have no effect on the answer. Call it on
// the root, as CheckUnknown.
func (p *Params) Accept(names ...string) {
	var found []string
	for full := range p.All() {
		for _, name := range names {
			if full == name || strings.HasPrefix(full, name+".") {
				found = append(found, full)
			}
		}
	}
	for _, full := range found {
		p.Value(full)
	}
}

// Done ends the reading of parameters: the first error of any, else the first parameter
// that was not read.
func (p *Params) Done() error {
	p.CheckUnknown()
	return p.Err()
}
