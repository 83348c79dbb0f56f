package shape

import (
	"fmt"
	"strconv"
	"time"

	"coffer.example/internal/awsapi/query"
	"coffer.example/internal/awsapi/strictjson"
)

// DecodeForm decodes the parameters of a Query request. Besides the errors of Decode it
// returns those of package query.
func (s *Shape) DecodeForm(p *query.Params, into any) error {
	v := s.fromForm(p)
	if err := p.Err(); err != nil {
		return err
	}
	return s.Decode(&v, into)
}

// fromForm makes the JSON value that says the same as a form, guided by the shape's types.
func (s *Shape) fromForm(p *query.Params) strictjson.Value {
	out := strictjson.Value{Kind: strictjson.Object}
	for _, f := range s.fields {
		if value, ok := f.fromForm(p); ok {
			out.Members = append(out.Members, strictjson.Member{Name: f.name, Value: value})
		}
	}
	return out
}

func (f *field) fromForm(p *query.Params) (strictjson.Value, bool) {
	if !p.Has(f.name) {
		return strictjson.Value{}, false
	}
	switch f.kind {
	case kindStruct:
		return f.shape.fromForm(p.Struct(f.name)), true
	case kindStructs:
		out := strictjson.Value{Kind: strictjson.Array}
		for _, element := range p.List(f.name + "." + f.in) {
			out.Items = append(out.Items, f.shape.fromForm(element))
		}
		return out, true
	case kindStrings:
		out := strictjson.Value{Kind: strictjson.Array}
		for _, text := range p.Strings(f.name + "." + f.in) {
			out.Items = append(out.Items, strictjson.Value{Kind: strictjson.String, Text: text})
		}
		return out, true
	case kindMap:
		return formMap(p, f.name), true
	case kindBool:
		given := p.Bool(f.name)
		return strictjson.Value{Kind: strictjson.Bool, Text: strconv.FormatBool(given != nil && *given)}, given != nil
	case kindInt:
		n := p.Int(f.name, 0)
		return strictjson.Value{Kind: strictjson.Number, Text: strconv.FormatInt(n, 10)}, p.String(f.name) != ""
	case kindTime:
		t := p.Time(f.name)
		text := fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond())
		return strictjson.Value{Kind: strictjson.Number, Text: text}, t != time.Time{}
	}
	text, given := p.Value(f.name)
	return strictjson.Value{Kind: strictjson.String, Text: text}, given
}

// formMap reads Name.entry.N.key and .value.
func formMap(p *query.Params, name string) strictjson.Value {
	out := strictjson.Value{Kind: strictjson.Object}
	for _, entry := range p.List(name + ".entry") {
		if out.Get(entry.String("key")) != nil {
			entry.Invalid("key", "The key is given twice.")
		}
		out.Members = append(out.Members, strictjson.Member{
			Name:  entry.String("key"),
			Value: strictjson.Value{Kind: strictjson.String, Text: entry.String("value")},
		})
	}
	return out
}
