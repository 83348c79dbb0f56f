package iam

import (
	"strings"
	"unicode/utf8"
)

// In a compiled pattern a wildcard is a byte that valid UTF-8 never contains, so
// that a literal '*' (from ${*}, or from a variable's value) is just a character.
const (
	starByte = 0xff // '*': any characters
	anyByte  = 0xfe // '?': one character
)

// pattern is a compiled Action, Resource or condition value. A pattern with policy
// variables is compiled anew for each request, by expand.
type pattern struct {
	source   string
	compiled string
	parts    []patternPart // only if the source has variables
}

// patternPart is compiled text or a variable.
type patternPart struct {
	text        string // compiled text, or the variable's default
	variable    string // in lower case; empty for text
	written     string // the variable as the policy writes it
	hasFallback bool
}

// compilePattern compiles text. Wildcards are special if wild is set, ${…} if
// variables is (policy version 2012-10-17).
func compilePattern(text string, wild, variables bool) (pattern, error) {
	p := pattern{source: text}
	if !variables || !strings.Contains(text, "${") {
		p.compiled = compileText(text, wild)
		return p, nil
	}
	var lit strings.Builder
	for rest := text; rest != ""; {
		before, after, found := strings.Cut(rest, "${")
		lit.WriteString(compileText(before, wild))
		if !found {
			break
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed || name == "" {
			return p, malformed("policy variable in %q is not closed or has no name", text)
		}
		rest = tail
		if name == "*" || name == "?" || name == "$" {
			lit.WriteString(name)
			continue
		}
		part, err := compileVariable(name)
		if err != nil {
			return p, err
		}
		if lit.Len() > 0 {
			p.parts = append(p.parts, patternPart{text: lit.String()})
			lit.Reset()
		}
		p.parts = append(p.parts, part)
	}
	if p.parts == nil {
		p.compiled = lit.String()
	} else if lit.Len() > 0 {
		p.parts = append(p.parts, patternPart{text: lit.String()})
	}
	return p, nil
}

// compileVariable reads the inside of ${…}: a key, or key, 'default'.
func compileVariable(inside string) (patternPart, error) {
	key, fallback, has := strings.Cut(inside, ",")
	key = strings.TrimSpace(key)
	part := patternPart{variable: strings.ToLower(key), written: key, hasFallback: has}
	if key == "" || strings.ContainsAny(key, "*?${ ") {
		return part, malformed("policy variable ${%s}", inside)
	}
	if has {
		fallback = strings.TrimSpace(fallback)
		if len(fallback) < 2 || fallback[0] != '\'' || fallback[len(fallback)-1] != '\'' {
			return part, malformed("the default in ${%s} is not in single quotes", inside)
		}
		part.text = fallback[1 : len(fallback)-1]
	}
	return part, nil
}

func compileText(text string, wild bool) string {
	if !wild || !strings.ContainsAny(text, "*?") {
		return text
	}
	b := []byte(text)
	for i, c := range b {
		switch c {
		case '*':
			b[i] = starByte
		case '?':
			b[i] = anyByte
		}
	}
	return string(b)
}

// expand returns the pattern compiled for a request; ok is false if a variable has no value.
func (p *pattern) expand(r *Request) (compiled string, ok bool) {
	if p.parts == nil {
		return p.compiled, true
	}
	var b strings.Builder
	for _, part := range p.parts {
		if part.variable == "" {
			b.WriteString(part.text)
			continue
		}
		values, present := r.values(part.variable, part.written)
		switch {
		case present && len(values) == 1 && utf8.ValidString(values[0]):
			b.WriteString(values[0])
		case part.hasFallback:
			b.WriteString(part.text)
		default:
			return "", false
		}
	}
	return b.String(), true
}

// matchPattern reports whether a compiled pattern matches all of s. With fold, ASCII
// letters match in either case. It takes at most len(compiled) × len(s) steps.
func matchPattern(compiled, s string, fold bool) bool {
	p, i := 0, 0
	star, retry := -1, 0
	for i < len(s) {
		switch {
		case p < len(compiled) && compiled[p] == starByte:
			if star, retry, p = p, i, p+1; p == len(compiled) {
				return true
			}
			continue
		case p < len(compiled) && compiled[p] == anyByte:
			_, n := utf8.DecodeRuneInString(s[i:])
			p, i = p+1, i+n
			continue
		case p < len(compiled) && sameByte(compiled[p], s[i], fold):
			p, i = p+1, i+1
			continue
		case star < 0:
			return false
		}
		retry++
		p, i = star+1, retry
	}
	for p < len(compiled) && compiled[p] == starByte {
		p++
	}
	return p == len(compiled)
}

func sameByte(a, b byte, fold bool) bool {
	if a == b {
		return true
	}
	if !fold {
		return false
	}
	la, lb := a|0x20, b|0x20
	return la == lb && la >= 'a' && la <= 'z'
}

// matchARN compares component by component: a wildcard stays inside its component,
// except in the last, which holds the rest. A lone star matches every ARN.
func matchARN(compiled, s string) bool {
	if compiled == string([]byte{starByte}) {
		return strings.Count(s, ":") >= arnColons
	}
	for range arnColons {
		pc, prest, ok1 := strings.Cut(compiled, ":")
		sc, srest, ok2 := strings.Cut(s, ":")
		if !ok1 || !ok2 || !matchPattern(pc, sc, false) {
			return false
		}
		compiled, s = prest, srest
	}
	return matchPattern(compiled, s, false)
}
