package rdsapi

import (
	"encoding/xml"
	"maps"
	"slices"
	"strconv"
	"time"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/rds"
)

// element is an element of an answer: text, or others.
type element struct {
	name string
	text string
	in   elements // nil: text
}

// elements are the contents of a structure, in order.
type elements []element

// MarshalXML implements xml.Marshaler.
func (list elements) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	if err := e.EncodeToken(start); err != nil {
		return err
	}
	for _, one := range list {
		at := xml.StartElement{Name: xml.Name{Local: one.name}}
		var err error
		if one.in != nil {
			err = one.in.MarshalXML(e, at)
		} else {
			err = e.EncodeElement(one.text, at)
		}
		if err != nil {
			return err
		}
	}
	return e.EncodeToken(start.End())
}

// text adds a text unless it is empty.
func (list *elements) text(name, text string) {
	if text != "" {
		*list = append(*list, element{name: name, text: text})
	}
}

func (list *elements) number(name string, n int) { list.text(name, strconv.Itoa(n)) }

func (list *elements) flag(name string, b bool) { list.text(name, strconv.FormatBool(b)) }

// time adds a time unless there is none.
func (list *elements) time(name string, t time.Time) {
	if !t.IsZero() {
		list.text(name, awsapi.Timestamp(t))
	}
}

// structure adds a structure.
func (list *elements) structure(name string, in elements) {
	*list = append(*list, element{name: name, in: append(elements{}, in...)})
}

// texts adds a list of texts, also an empty one.
func (list *elements) texts(name, each string, values []string) {
	var in elements
	for _, value := range values {
		in = append(in, element{name: each, text: value})
	}
	list.structure(name, in)
}

// structures adds a list of structures, also an empty one.
func structures[T any](list *elements, name, each string, values []T, of func(T) elements) {
	var in elements
	for _, value := range values {
		in.structure(each, of(value))
	}
	list.structure(name, in)
}

func (list *elements) tags(tags rds.Tags) {
	structures(list, "TagList", "Tag", slices.Sorted(maps.Keys(tags)), func(key string) elements {
		return elements{{name: "Key", text: key}, {name: "Value", text: tags[key]}}
	})
}

// within is a structure with one member.
func within(name string, in elements) elements {
	return elements{{name: name, in: append(elements{}, in...)}}
}
