package awsapitest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// violation is a value that breaks a constraint, and what AWS says of it.
type violation struct {
	value any
	texts []string
}

func bound(what, how string, n int) string {
	return fmt.Sprintf("Member must have %s %s than or equal to %d", what, how, n)
}

// violations returns the ways to break a shape's own constraints.
func (m *model) violations(s *modelShape, patterns bool) []violation {
	switch s.Type {
	case "string":
		return stringViolations(s, patterns)
	case "integer", "long":
		var out []violation
		if s.Min != nil && *s.Min > 0 {
			out = append(out, violation{*s.Min - 1, []string{bound("value", "greater", *s.Min)}})
		}
		if s.Max != nil {
			out = append(out, violation{*s.Max + 1, []string{bound("value", "less", *s.Max)}})
		}
		return out
	case "blob":
		out := []violation{{make([]byte, *s.Max+1), []string{bound("length", "less", *s.Max)}}}
		if *s.Min > 0 {
			out = append(out, violation{[]byte{}, []string{bound("length", "greater", *s.Min)}})
		}
		return out
	case "list":
		return m.listViolations(s, patterns)
	}
	return nil
}

// javaEscape finds the one construct of the models' patterns that Go's syntax spells otherwise.
var javaEscape = regexp.MustCompile(`\\u([0-9A-F]{4})`)

// matches says whether a text matches a shape's pattern.
func (s *modelShape) matches(text string) bool {
	if s.Pattern == "" {
		return true
	}
	pattern := javaEscape.ReplaceAllString(s.Pattern, `\x{$1}`)
	pattern = strings.ReplaceAll(pattern, "0-9-_", `0-9\-_`) // a hyphen after a range stands for itself in Java's syntax
	return regexp.MustCompile("^(?:" + pattern + ")$").MatchString(text)
}

func stringViolations(s *modelShape, patterns bool) []violation {
	var out []violation
	pattern := "Member must satisfy regular expression pattern: " + s.Pattern
	matches := func(text string) bool { return !patterns || s.matches(text) }
	add := func(value, text string) {
		v := violation{value, nil}
		if !matches(value) {
			v.texts = append(v.texts, pattern)
		}
		if text != "" {
			v.texts = append(v.texts, text)
		}
		if v.texts != nil {
			out = append(out, v)
		}
	}
	if s.Min != nil && *s.Min > 0 {
		add(strings.Repeat("a", *s.Min-1), bound("length", "greater", *s.Min))
	}
	if s.Max != nil {
		add(strings.Repeat("a", *s.Max+1), bound("length", "less", *s.Max))
	}
	if s.Enum != nil {
		add("NOTHING", "Member must satisfy enum value set: ["+strings.Join(s.Enum, ", ")+"]")
	}
	if s.Pattern != "" {
		add(strings.Repeat("€", max(1, number(s.Min))), "")
	}
	return out
}

func (m *model) listViolations(s *modelShape, patterns bool) []violation {
	var out []violation
	element := m.Shapes[s.Element]
	if s.Max != nil {
		out = append(out, violation{slices.Repeat([]any{m.valid(element)}, *s.Max+1), []string{bound("length", "less", *s.Max)}})
	}
	if element.Type != "string" {
		return out
	}
	var all []string
	value := "NOTHING"
	if element.Max != nil {
		value = strings.Repeat("a", *element.Max+1)
		all = append(all, bound("length", "less", *element.Max), bound("length", "greater", *element.Min))
	}
	if element.Pattern != "" && patterns {
		all = append(all, "Member must satisfy regular expression pattern: "+element.Pattern)
	}
	if element.Enum != nil {
		all = append(all, "Member must satisfy enum value set: ["+strings.Join(element.Enum, ", ")+"]")
	}
	if all != nil {
		out = append(out, violation{[]any{value}, []string{"Member must satisfy constraint: [" + strings.Join(all, ", ") + "]"}})
	}
	return out
}
