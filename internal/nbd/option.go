package nbd

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"
)

// optionHeader precedes the payload of an option.
type optionHeader struct {
	option uint32
	length uint32
}

func decodeOptionHeader(b []byte) (optionHeader, error) {
	_ = b[optionHeaderSize-1]
	if magic := binary.BigEndian.Uint64(b); magic != magicOption {
		return optionHeader{}, fmt.Errorf("%w: option magic %#x", ErrProtocol, magic)
	}
	return optionHeader{binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:])}, nil
}

func appendOption(b []byte, option uint32, payload []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, magicOption)
	b = binary.BigEndian.AppendUint32(b, option)
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	return append(b, payload...)
}

// infoRequest is the payload of INFO and GO.
type infoRequest struct {
	name  string
	items []uint16 // information types asked for
}

func parseInfoRequest(b []byte) (infoRequest, error) {
	p := parser{rest: b}
	r := infoRequest{name: p.string32()}
	n := int(p.uint16())
	for i := 0; i < n && !p.failed; i++ {
		r.items = append(r.items, p.uint16())
	}
	return r, p.end("information request")
}

func (r infoRequest) append(b []byte) []byte {
	b = appendString32(b, r.name)
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.items)))
	for _, item := range r.items {
		b = binary.BigEndian.AppendUint16(b, item)
	}
	return b
}

func (r infoRequest) wants(item uint16) bool {
	for _, have := range r.items {
		if have == item {
			return true
		}
	}
	return false
}

// metaRequest is the payload of LIST_META_CONTEXT and SET_META_CONTEXT.
type metaRequest struct {
	name    string
	queries []string
}

func parseMetaRequest(b []byte) (metaRequest, error) {
	p := parser{rest: b}
	r := metaRequest{name: p.string32()}
	n := p.uint32()
	if n > maxQueries {
		return metaRequest{}, fmt.Errorf("%w: %d metadata queries", errTooBig, n)
	}
	for i := uint32(0); i < n && !p.failed; i++ {
		r.queries = append(r.queries, p.string32())
	}
	return r, p.end("metadata context request")
}

func (r metaRequest) append(b []byte) []byte {
	b = appendString32(b, r.name)
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.queries)))
	for _, query := range r.queries {
		b = appendString32(b, query)
	}
	return b
}

// selects says whether the queries name base:allocation. In a listing, no query at all
// and the bare namespace are wildcards; in a selection they name nothing. Queries of
// other namespaces name nothing either, which is no error.
func (r metaRequest) selects(listing bool) bool {
	if listing && len(r.queries) == 0 {
		return true
	}
	for _, query := range r.queries {
		if query == contextAllocation || listing && query == contextNamespace {
			return true
		}
	}
	return false
}

// parser takes fields off a payload; after the first that does not fit it yields zeros.
type parser struct {
	rest   []byte
	failed bool
	long   bool // a string over MaxNameLength
	text   bool // a string that is not UTF-8 or holds NUL
}

func (p *parser) take(n int) []byte {
	if p.failed || n > len(p.rest) {
		p.failed = true
		return nil
	}
	taken := p.rest[:n]
	p.rest = p.rest[n:]
	return taken
}

func (p *parser) uint16() uint16 {
	if b := p.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (p *parser) uint32() uint32 {
	if b := p.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// string32 takes a string after its 32-bit length.
func (p *parser) string32() string {
	n := p.uint32()
	if p.failed || uint64(n) > uint64(len(p.rest)) {
		p.failed = true
		return ""
	}
	b := p.take(int(n))
	if n > MaxNameLength {
		p.long = true
		return ""
	}
	if !validText(b) {
		p.text = true
		return ""
	}
	return string(b)
}

// end reports what was wrong, or that bytes are left over.
func (p *parser) end(what string) error {
	switch {
	case p.failed || len(p.rest) != 0:
		return fmt.Errorf("%w: lengths of the %s do not add up", errInvalid, what)
	case p.long:
		return fmt.Errorf("%w: string longer than %d bytes", errTooBig, MaxNameLength)
	case p.text:
		return fmt.Errorf("%w: string is not UTF-8 text", errInvalid)
	}
	return nil
}

func validText(b []byte) bool { return utf8.Valid(b) && !strings.ContainsRune(string(b), 0) }

func appendString32(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
	return append(b, s...)
}
