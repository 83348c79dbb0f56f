package query

import (
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// node is one part of the tree: a value, or a parent of named parts.
type node struct {
	value    string
	set      bool // a parameter of exactly this name was given
	read     bool // a getter has asked for it
	children map[string]*node
}

// form is the tree of one request and the first error of its getters.
type form struct {
	root node
	err  error
}

// Parse reads a form. The returned Params stands at its root.
func Parse(body []byte) (*Params, error) {
	f := &form{}
	count := 0
	for rest := string(body); rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		if pair == "" {
			continue
		}
		if count++; count > MaxParams {
			return nil, &Error{Problem: TooLarge, Detail: "too many parameters"}
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := unescape(name)
		if err != nil {
			return nil, err
		}
		value, err = unescape(value)
		if err != nil {
			return nil, err
		}
		if err := f.insert(name, value); err != nil {
			return nil, err
		}
	}
	return &Params{form: f, node: &f.root}, nil
}

func unescape(s string) (string, error) {
	out, err := url.QueryUnescape(s)
	if err != nil {
		return "", &Error{Problem: Malformed, Detail: "invalid percent-encoding"}
	}
	if !utf8.ValidString(out) {
		return "", &Error{Problem: Malformed, Detail: "invalid UTF-8"}
	}
	return out, nil
}

func (f *form) insert(name, value string) error {
	switch {
	case len(name) > MaxNameLength:
		return &Error{Problem: TooLarge, Detail: "parameter name too long"}
	case strings.Count(name, ".") >= MaxDepth:
		return &Error{Problem: TooLarge, Detail: "parameter name too deep"}
	}
	n := &f.root
	for part := range strings.SplitSeq(name, ".") {
		if part == "" {
			return &Error{Problem: Malformed, Param: name, Detail: "empty part in a parameter name"}
		}
		if n.value != "" {
			return &Error{Problem: Malformed, Param: name, Detail: "parameter is both a value and a parent"}
		}
		child := n.children[part]
		if child == nil {
			child = &node{}
			if n.children == nil {
				n.children = make(map[string]*node)
			}
			n.children[part] = child
		}
		n = child
	}
	if n.set {
		return &Error{Problem: Malformed, Param: name, Detail: "parameter given twice"}
	}
	// An empty value beside children is how clients send an empty list that they then fill.
	if value != "" && n.children != nil {
		return &Error{Problem: Malformed, Param: name, Detail: "parameter is both a value and a parent"}
	}
	n.value, n.set = value, true
	return nil
}

// index reads a list index in its only spelling: decimal, without sign or leading zero.
func index(s string) (int, bool) {
	if len(s) > 1 && s[0] == '0' || s != "" && (s[0] < '0' || s[0] > '9') {
		return 0, false
	}
	i, err := strconv.Atoi(s)
	return i, err == nil && i <= MaxIndex
}
