package ociapi

import (
	"math"
	"net/http"
	"strconv"
	"strings"
)

// unsatisfiable is a Range of which the content has nothing.
type unsatisfiable struct{ size int64 }

func (*unsatisfiable) Error() string { return "range not satisfiable" }

func (*unsatisfiable) Unwrap() error {
	return refuse(http.StatusRequestedRangeNotSatisfiable, codeSizeInvalid, "the content has no such range")
}

// byteRange reads a Range header (RFC 9110, 14.1.2) for content of a size. Like other
// units, several ranges and what is malformed it is ignored where ok is false.
func byteRange(header string, size int64) (offset, length int64, ok bool, err error) {
	spec, isBytes := strings.CutPrefix(header, "bytes=")
	first, last, isRange := strings.Cut(strings.TrimSpace(spec), "-")
	if !isBytes || !isRange || strings.Contains(spec, ",") {
		return 0, 0, false, nil
	}
	if first == "" { // the last bytes
		n, valid := number(last)
		switch {
		case !valid:
			return 0, 0, false, nil
		case n == 0 || size == 0:
			return 0, 0, false, &unsatisfiable{size}
		}
		n = min(n, size)
		return size - n, n, true, nil
	}
	from, valid := number(first)
	to, validTo := int64(math.MaxInt64), true
	if last != "" {
		to, validTo = number(last)
	}
	switch {
	case !valid || !validTo:
		return 0, 0, false, nil
	case to < from, from >= size: // RFC 9110, 14.2 leaves it open whether an invalid range is ignored; a client learns more so
		return 0, 0, false, &unsatisfiable{size}
	}
	return from, min(to, size-1) - from + 1, true, nil
}

// number reads digits and nothing else.
func number(s string) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// chunkRange reads the Content-Range of a chunk, "first-last" with both ends in it.
func chunkRange(header string) (offset, length int64, ok bool) {
	first, last, found := strings.Cut(header, "-")
	from, validFrom := number(first)
	to, validTo := number(last)
	if !found || !validFrom || !validTo || to < from || to == math.MaxInt64 {
		return 0, 0, false
	}
	return from, to - from + 1, true
}

// rangeOf is the Range header of an upload: its last byte included. Nothing is 0-0, as clients know it.
func rangeOf(size int64) string { return "0-" + strconv.FormatInt(max(size-1, 0), 10) }
