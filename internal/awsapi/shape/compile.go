package shape

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Shape is a compiled struct type. It is immutable.
type Shape struct {
	of     reflect.Type
	fields []*field
	exact  map[string]*field
	folded map[string]string // lower-case name -> name
}

type kind uint8

const (
	kindString kind = iota + 1
	kindBool
	kindInt
	kindBlob
	kindTime
	kindMap
	kindStrings
	kindStruct
	kindStructs
)

// javaEscape finds the one construct of the models' patterns that Go's syntax spells otherwise.
var javaEscape = regexp.MustCompile(`\\u([0-9A-F]{4})`)

// field is a member of a shape.
type field struct {
	name      string // in the request
	label     string // in messages: lower-case first letter
	index     []int  // through embedded structs
	kind      kind
	pointer   bool
	required  bool
	sensitive bool
	in        string // of lists, in forms
	rules     rules
	elem      rules  // of the strings of a list
	shape     *Shape // of a struct, or of the structs of a list
}

// rules are the constraints of one value; bounds apply if bounded is set.
type rules struct {
	bounded  bool
	min, max int64
	pattern  string
	matches  *regexp.Regexp
	enum     []string
}

// Of compiles the struct type T. It panics on a type or tag that this package does not
// know: shapes are compiled when a service is built, so that is a programmer's error.
func Of[T any]() *Shape { return compile(reflect.TypeFor[T]()) }

// New returns a pointer to a new struct of the shape's type.
func (s *Shape) New() any { return reflect.New(s.of).Interface() }

func compile(t reflect.Type) *Shape {
	if t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("shape: %s is not a struct", t))
	}
	s := &Shape{of: t, exact: map[string]*field{}, folded: map[string]string{}}
	s.add(t, nil)
	return s
}

// add compiles the fields of t, which stands at index in the shape's type. An embedded or
// inline struct's fields count as the outer one's.
func (s *Shape) add(t reflect.Type, index []int) {
	for i := range t.NumField() {
		at := append(slices.Clone(index), i)
		if sf := t.Field(i); sf.Type.Kind() == reflect.Struct && (sf.Anonymous || sf.Tag.Get("api") == ",inline") {
			s.add(sf.Type, at)
			continue
		}
		f := compileField(t.Field(i), at)
		if s.exact[f.name] != nil {
			panic("shape: two fields named " + f.name)
		}
		s.fields = append(s.fields, f)
		s.exact[f.name] = f
		s.folded[strings.ToLower(f.name)] = f.name
	}
}

func compileField(sf reflect.StructField, index []int) *field {
	name, options, _ := strings.Cut(sf.Tag.Get("api"), ",")
	if name == "" || !sf.IsExported() {
		panic("shape: field " + sf.Name + " has no api tag or is not exported")
	}
	f := &field{name: name, label: strings.ToLower(name[:1]) + name[1:], index: index, in: "member"}
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "":
		case "required":
			f.required = true
		case "sensitive":
			f.sensitive = true
		default:
			panic("shape: field " + sf.Name + " has unknown option " + option)
		}
	}
	if in := sf.Tag.Get("in"); in != "" {
		f.in = in
	}
	f.kind, f.pointer, f.shape = kindOf(sf)
	bounds := sf.Tag.Get("len")
	if f.kind == kindInt {
		bounds = sf.Tag.Get("range")
	}
	f.rules = compileRules(bounds, sf.Tag.Get("pattern"), sf.Tag.Get("enum"))
	f.elem = compileRules(sf.Tag.Get("elem_len"), sf.Tag.Get("elem_pattern"), sf.Tag.Get("elem_enum"))
	return f
}

func kindOf(sf reflect.StructField) (k kind, pointer bool, of *Shape) {
	t := sf.Type
	if t.Kind() == reflect.Pointer {
		t, pointer = t.Elem(), true
	}
	switch {
	case t == reflect.TypeFor[time.Time]():
		return kindTime, pointer, nil
	case t.Kind() == reflect.String:
		return kindString, pointer, nil
	case t.Kind() == reflect.Bool:
		return kindBool, pointer, nil
	case t.Kind() == reflect.Int:
		return kindInt, pointer, nil
	case t.Kind() == reflect.Struct:
		return kindStruct, pointer, compile(t)
	case pointer:
	case t == reflect.TypeFor[[]byte]():
		return kindBlob, false, nil
	case t == reflect.TypeFor[map[string]string]():
		return kindMap, false, nil
	case t == reflect.TypeFor[[]string]():
		return kindStrings, false, nil
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		return kindStructs, false, compile(t.Elem())
	}
	panic(fmt.Sprintf("shape: field %s has type %s", sf.Name, sf.Type))
}

func compileRules(bounds, pattern, enum string) rules {
	var r rules
	if bounds != "" {
		low, high, _ := strings.Cut(bounds, "..")
		var errLow, errHigh error
		r.min, errLow = strconv.ParseInt(low, 10, 64)
		r.max, errHigh = strconv.ParseInt(high, 10, 64)
		if errLow != nil || errHigh != nil || r.min > r.max {
			panic("shape: bounds " + bounds)
		}
		r.bounded = true
	}
	if pattern != "" {
		r.pattern = pattern
		r.matches = regexp.MustCompile("^(?:" + javaEscape.ReplaceAllString(pattern, `\x{$1}`) + ")$")
	}
	if enum != "" {
		r.enum = strings.Split(enum, "|")
	}
	return r
}
