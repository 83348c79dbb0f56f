package iam

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// jsonValue is a JSON value that keeps the order of members. Exactly one of the
// fields counts, by kind.
type jsonValue struct {
	kind    byte // '{', '[', 's' string, 'n' number, 'b' bool, '0' null
	text    string
	items   []jsonValue
	members []jsonMember
}

type jsonMember struct {
	name  string
	value jsonValue
}

// decodeStrict reads one JSON value. It refuses what two readers could understand
// differently: invalid UTF-8, lone surrogates, repeated member names, trailing data.
func decodeStrict(text []byte) (jsonValue, error) {
	if !utf8.Valid(text) {
		return jsonValue{}, malformed("not valid UTF-8")
	}
	if !json.Valid(text) {
		return jsonValue{}, malformed("not valid JSON")
	}
	if loneSurrogate(text) {
		return jsonValue{}, malformed("a lone surrogate in a string")
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	return decodeValue(dec, 0)
}

func decodeValue(dec *json.Decoder, depth int) (jsonValue, error) {
	if depth > maxPolicyDepth {
		return jsonValue{}, malformed("nested too deeply")
	}
	tok, err := dec.Token()
	if err != nil {
		return jsonValue{}, malformed("not valid JSON")
	}
	switch t := tok.(type) {
	case json.Delim:
		if t == '{' {
			return decodeObject(dec, depth)
		}
		return decodeArray(dec, depth)
	case string:
		return jsonValue{kind: 's', text: t}, nil
	case json.Number:
		return jsonValue{kind: 'n', text: t.String()}, nil
	case bool:
		return jsonValue{kind: 'b', text: fmt.Sprint(t)}, nil
	}
	return jsonValue{kind: '0'}, nil
}

func decodeObject(dec *json.Decoder, depth int) (jsonValue, error) {
	v := jsonValue{kind: '{'}
	seen := map[string]bool{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return v, malformed("not valid JSON")
		}
		name := tok.(string)
		if seen[name] {
			return v, malformed("member %q appears twice", name)
		}
		seen[name] = true
		val, err := decodeValue(dec, depth+1)
		if err != nil {
			return v, err
		}
		v.members = append(v.members, jsonMember{name, val})
	}
	_, err := dec.Token() // the closing brace, which json.Valid has seen
	return v, err
}

func decodeArray(dec *json.Decoder, depth int) (jsonValue, error) {
	v := jsonValue{kind: '['}
	for dec.More() {
		val, err := decodeValue(dec, depth+1)
		if err != nil {
			return v, err
		}
		v.items = append(v.items, val)
	}
	_, err := dec.Token()
	return v, err
}

// loneSurrogate reports whether valid JSON has a \u escape of half a surrogate pair.
func loneSurrogate(text []byte) bool {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		i++ // at the escaped character
		if text[i] != 'u' {
			continue
		}
		switch unit := hex4(text[i+1:]); {
		case unit >= 0xdc00 && unit < 0xe000:
			return true
		case unit >= 0xd800 && unit < 0xdc00:
			rest := text[i+5:]
			if len(rest) < 6 || rest[0] != '\\' || rest[1] != 'u' {
				return true
			}
			if low := hex4(rest[2:]); low < 0xdc00 || low >= 0xe000 {
				return true
			}
			i += 6
		}
		i += 4
	}
	return false
}

// hex4 reads four hexadecimal digits, which json.Valid has seen.
func hex4(b []byte) (v uint32) {
	for _, c := range b[:4] {
		switch {
		case c <= '9':
			v = v<<4 | uint32(c-'0')
		default:
			v = v<<4 | uint32(c|0x20-'a'+10)
		}
	}
	return v
}
