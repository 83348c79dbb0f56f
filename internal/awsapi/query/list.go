package query

import (
	"cmp"
	"maps"
	"slices"
)

// List returns the elements of a list in the order of their indexes.
func (p *Params) List(name string) []*Params {
	n := p.find(name)
	if n == nil {
		return nil
	}
	n.read = true // the list itself may stand in the form as an empty value
	type element struct {
		index  int
		params *Params
	}
	elements := make([]element, 0, len(n.children))
	for key, child := range n.children {
		i, ok := index(key)
		if !ok {
			p.Fail(&Error{Problem: Unknown, Param: p.Name(name + "." + key)})
			continue
		}
		elements = append(elements, element{i, &Params{form: p.form, node: child, path: p.Name(name + "." + key)}})
	}
	slices.SortFunc(elements, func(a, b element) int { return cmp.Compare(a.index, b.index) })
	out := make([]*Params, len(elements))
	for i, e := range elements {
		out[i] = e.params
	}
	return out
}

// Strings returns the values of a list of strings in the order of their indexes.
func (p *Params) Strings(name string) []string {
	list := p.List(name)
	if list == nil {
		return nil
	}
	out := make([]string, len(list))
	for i, e := range list {
		e.node.read = true
		out[i] = e.node.value
		if e.node.children != nil {
			p.Fail(&Error{Problem: Unknown, Param: e.Name(firstKey(e.node.children))})
		}
	}
	return out
}

func firstKey(m map[string]*node) string { return slices.Min(slices.Collect(maps.Keys(m))) }
