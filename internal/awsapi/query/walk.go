package query

import (
	"iter"
	"maps"
	"slices"
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
