package strictjson

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// string reads a string from its opening quote.
func (p *parser) string() (string, error) {
	p.at++
	start := p.at
	var b strings.Builder
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == '"':
			s := p.text[start:p.at]
			p.at++
			if b.Len() == 0 {
				return s, nil // nothing escaped: no copy
			}
			b.WriteString(s)
			return b.String(), nil
		case c < ' ':
			return "", p.fail("control character in a string")
		case c == '\\':
			b.WriteString(p.text[start:p.at])
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
			start = p.at
		default:
			p.at++
		}
	}
	return "", p.fail("unterminated string")
}

// escape reads one escape; a surrogate must be the first of a pair, and becomes one rune with the second.
func (p *parser) escape() (rune, error) {
	p.at++
	c := p.peek()
	if c != 'u' {
		i := strings.IndexByte(`"\/bfnrt`, c)
		if c == 0 || i < 0 {
			return 0, p.fail("unknown escape")
		}
		p.at++
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	first, err := p.hex4()
	if err != nil || !utf16.IsSurrogate(first) {
		return first, err
	}
	if !strings.HasPrefix(p.text[p.at:], `\u`) {
		return 0, p.fail("lone surrogate")
	}
	p.at++
	second, err := p.hex4()
	if err != nil {
		return 0, err
	}
	pair := utf16.DecodeRune(first, second)
	if pair == utf8.RuneError {
		return 0, p.fail("lone surrogate")
	}
	return pair, nil
}

// hex4 reads the four digits after the u at p.at.
func (p *parser) hex4() (rune, error) {
	p.at++
	if len(p.text) < p.at+4 {
		return 0, p.fail("short escape")
	}
	n, err := strconv.ParseUint(p.text[p.at:p.at+4], 16, 16)
	if err != nil {
		return 0, p.fail("malformed escape")
	}
	p.at += 4
	return rune(n), nil
}
