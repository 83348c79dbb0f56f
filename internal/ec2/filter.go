package ec2

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Filter narrows a Describe: a resource matches if one of its values under that name
// matches one of Values, where * stands for any text and ? for one character.
type Filter struct {
	Name   string
	Values []string
}

// fields gives a resource's values under a filter's name; known is false if there is no such filter.
type fields[T any] func(r T, name string) (values []string, known bool)

// compile checks filters and returns what tests a resource against all of them.
func compile[T any](filters []Filter, of fields[T], tags func(T) Tags) (func(T) bool, error) {
	if len(filters) > maxFilters {
		return nil, refuse(InvalidParameter, "The maximum number of filters is %d", maxFilters)
	}
	lookup := func(r T, name string) ([]string, bool) {
		if values, ok := tagField(tags(r), name); ok {
			return values, true
		}
		return of(r, name)
	}
	var none T
	for _, f := range filters {
		if _, known := lookup(none, f.Name); !known {
			return nil, refuse(InvalidParameter, "The filter '%s' is invalid", f.Name)
		}
		if len(f.Values) > maxFilterValues {
			return nil, refuse(InvalidParameter, "The maximum number of filter values specified on a single call is %d", maxFilterValues)
		}
		if len(f.Values) == 0 {
			return nil, refuse(MissingParameter, "The filter '%s' has no value", f.Name)
		}
	}
	return func(r T) bool {
		for _, f := range filters {
			values, _ := lookup(r, f.Name)
			if !slices.ContainsFunc(values, func(v string) bool {
				return slices.ContainsFunc(f.Values, func(p string) bool { return matches(p, v) })
			}) {
				return false
			}
		}
		return true
	}, nil
}

func tagField(tags Tags, name string) ([]string, bool) {
	if key, ok := strings.CutPrefix(name, "tag:"); ok {
		if value, has := tags[key]; has {
			return []string{value}, true
		}
		return nil, true
	}
	var out []string
	switch name {
	case "tag-key":
		for key := range tags {
			out = append(out, key)
		}
		return out, true
	case "tag-value":
		for _, value := range tags {
			out = append(out, value)
		}
		return out, true
	}
	return nil, false
}

// matches says whether text matches a pattern of *, ? and \ before a character that
// stands for itself. It takes time proportional to the product of the lengths at most.
func matches(pattern, text string) bool {
	if !strings.ContainsAny(pattern, `*?\`) {
		return pattern == text
	}
	p, t := []rune(pattern), []rune(text)
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(t) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case i < len(p) && p[i] == '?':
			i, j = i+1, j+1
		case i+1 < len(p) && p[i] == '\\' && p[i+1] == t[j]:
			i, j = i+2, j+1
		case i < len(p) && p[i] != '\\' && p[i] == t[j]:
			i, j = i+1, j+1
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}

func one(values ...string) ([]string, bool) { return values, true }

func yes(b bool) ([]string, bool) { return []string{strconv.FormatBool(b)}, true }

func num(n int) ([]string, bool) { return []string{strconv.Itoa(n)}, true }

func stamp(t time.Time) ([]string, bool) {
	if t.IsZero() {
		return nil, true
	}
	return []string{t.UTC().Format("2006-01-02T15:04:05.000Z")}, true
}

// Matches tests something that is no record of this package, such as a zone.
func Matches(filters []Filter, values func(name string) ([]string, bool)) (bool, error) {
	test, err := compile(filters, func(_ struct{}, name string) ([]string, bool) { return values(name) }, func(struct{}) Tags { return nil })
	if err != nil {
		return false, err
	}
	return test(struct{}{}), nil
}
