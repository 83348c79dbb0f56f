package strictjson

import (
	"strings"
	"unicode/utf8"
)

// Parse parses a JSON text (RFC 8259). Errors are of type *SyntaxError.
func Parse(text []byte) (*Value, error) {
	if !utf8.Valid(text) {
		return nil, &SyntaxError{Reason: "invalid UTF-8"}
	}
	p := &parser{text: string(text)}
	p.space()
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.at != len(p.text) {
		return nil, p.fail("text after the value")
	}
	return &v, nil
}

type parser struct {
	text   string
	at     int
	values int
}

func (p *parser) fail(reason string) error { return &SyntaxError{p.at, reason} }

func (p *parser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// peek returns the next byte, 0 at the end (a NUL byte is no JSON either).
func (p *parser) peek() byte {
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *parser) value(depth int) (Value, error) {
	if p.values++; p.values > MaxValues {
		return Value{}, p.fail("too many values")
	}
	if depth > MaxDepth {
		return Value{}, p.fail("nested too deep")
	}
	switch c := p.peek(); {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		s, err := p.string()
		return Value{Kind: String, Text: s}, err
	case c == '-' || '0' <= c && c <= '9':
		return p.number()
	}
	for _, literal := range []string{"true", "false", "null"} {
		if strings.HasPrefix(p.text[p.at:], literal) {
			p.at += len(literal)
			if literal == "null" {
				return Value{}, nil
			}
			return Value{Kind: Bool, Text: literal}, nil
		}
	}
	return Value{}, p.fail("not a JSON value")
}

func (p *parser) array(depth int) (Value, error) {
	v := Value{Kind: Array}
	p.at++
	p.space()
	if p.peek() == ']' {
		p.at++
		return v, nil
	}
	for {
		p.space()
		item, err := p.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		v.Items = append(v.Items, item)
		if done, err := p.next(']'); done || err != nil {
			return v, err
		}
	}
}

// seenAfter is the number of members from which names are kept in a map to find repeated ones.
const seenAfter = 16

func (p *parser) object(depth int) (Value, error) {
	v := Value{Kind: Object}
	var seen map[string]bool
	p.at++
	p.space()
	if p.peek() == '}' {
		p.at++
		return v, nil
	}
	for {
		p.space()
		if p.peek() != '"' {
			return Value{}, p.fail("expected a member name")
		}
		name, err := p.string()
		if err != nil {
			return Value{}, err
		}
		if seen[name] || seen == nil && v.Get(name) != nil {
			return Value{}, p.fail("a member name is given twice")
		}
		p.space()
		if p.peek() != ':' {
			return Value{}, p.fail("expected a colon")
		}
		p.at++
		p.space()
		value, err := p.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		v.Members = append(v.Members, Member{name, value})
		if seen = remember(seen, v.Members); seen != nil {
			seen[name] = true
		}
		if done, err := p.next('}'); done || err != nil {
			return v, err
		}
	}
}

// remember starts the map of names when there are enough of them.
func remember(seen map[string]bool, members []Member) map[string]bool {
	if seen != nil || len(members) < seenAfter {
		return seen
	}
	seen = make(map[string]bool, 2*len(members))
	for _, m := range members {
		seen[m.Name] = true
	}
	return seen
}

// next passes the comma before the next element, or the end of the array or object.
func (p *parser) next(end byte) (done bool, err error) {
	p.space()
	switch p.peek() {
	case ',':
		p.at++
		return false, nil
	case end:
		p.at++
		return true, nil
	}
	return false, p.fail("expected a comma or the end of an array or object")
}

func (p *parser) number() (Value, error) {
	start := p.at
	if p.peek() == '-' {
		p.at++
	}
	switch whole := p.digits(); {
	case whole == 0:
		return Value{}, p.fail("malformed number")
	case whole > 1 && p.text[p.at-whole] == '0':
		return Value{}, p.fail("number with a leading zero")
	}
	if p.peek() == '.' {
		p.at++
		if p.digits() == 0 {
			return Value{}, p.fail("malformed number")
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.at++
		if c := p.peek(); c == '+' || c == '-' {
			p.at++
		}
		if p.digits() == 0 {
			return Value{}, p.fail("malformed number")
		}
	}
	return Value{Kind: Number, Text: p.text[start:p.at]}, nil
}

func (p *parser) digits() int {
	start := p.at
	for '0' <= p.peek() && p.peek() <= '9' {
		p.at++
	}
	return p.at - start
}
