package shape

import (
	"encoding/base64"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"time"

	"coffer.example/internal/awsapi/strictjson"
)

// Decode decodes an object into the struct that into points to, whose type is the
// shape's. It returns a *TypeError or a *ValidationError.
func (s *Shape) Decode(v *strictjson.Value, into any) error {
	var bad violations
	if err := s.decode(v, reflect.ValueOf(into).Elem(), "", &bad); err != nil {
		return err
	}
	if bad != nil {
		return &ValidationError{bad}
	}
	return nil
}

func (s *Shape) decode(v *strictjson.Value, into reflect.Value, path string, bad *violations) error {
	if v.Kind != strictjson.Object {
		return unexpected(v, "Structure")
	}
	for i := range v.Members {
		name := v.Members[i].Name
		if s.exact[name] == nil && s.folded[strings.ToLower(name)] != "" {
			return &TypeError{"Unexpected member: the name of " + s.folded[strings.ToLower(name)] + " is case-sensitive"}
		}
	}
	for _, f := range s.fields {
		value := v.Get(f.name)
		if value == nil || value.Kind == strictjson.Null {
			if f.required {
				bad.missing(path + f.label)
			}
			continue
		}
		if err := f.decode(value, into.FieldByIndex(f.index), path+f.label, bad); err != nil {
			return err
		}
	}
	return nil
}

func (f *field) decode(v *strictjson.Value, into reflect.Value, path string, bad *violations) error {
	if f.pointer {
		into.Set(reflect.New(into.Type().Elem()))
		into = into.Elem()
	}
	switch f.kind {
	case kindString:
		if v.Kind != strictjson.String {
			return unexpected(v, "String")
		}
		into.SetString(v.Text)
	case kindBool:
		if v.Kind != strictjson.Bool {
			return unexpected(v, "Boolean")
		}
		into.SetBool(v.Text == "true")
	case kindInt:
		n, ok := integer(v)
		if !ok {
			return unexpected(v, "Integer")
		}
		into.SetInt(n)
	case kindBlob:
		blob, err := base64.StdEncoding.Strict().DecodeString(v.Text)
		if v.Kind != strictjson.String || err != nil || strings.ContainsAny(v.Text, "\r\n") {
			return unexpected(v, "Blob")
		}
		into.SetBytes(blob)
	case kindTime:
		t, ok := timestamp(v)
		if !ok {
			return unexpected(v, "Timestamp")
		}
		into.Set(reflect.ValueOf(t))
	case kindMap:
		if err := decodeMap(v, into); err != nil {
			return err
		}
	case kindStrings:
		if err := decodeStrings(v, into); err != nil {
			return err
		}
	case kindStruct:
		return f.shape.decode(v, into, path+".", bad)
	case kindStructs:
		if err := f.decodeStructs(v, into, path, bad); err != nil {
			return err
		}
	}
	f.check(v, into, path, bad)
	return nil
}

func decodeMap(v *strictjson.Value, into reflect.Value) error {
	if v.Kind != strictjson.Object {
		return unexpected(v, "Map")
	}
	m := make(map[string]string, len(v.Members))
	for i := range v.Members {
		if v.Members[i].Value.Kind != strictjson.String {
			return unexpected(&v.Members[i].Value, "String")
		}
		m[v.Members[i].Name] = v.Members[i].Value.Text
	}
	into.Set(reflect.ValueOf(m))
	return nil
}

func decodeStrings(v *strictjson.Value, into reflect.Value) error {
	if v.Kind != strictjson.Array {
		return unexpected(v, "List")
	}
	list := make([]string, len(v.Items))
	for i := range v.Items {
		if v.Items[i].Kind != strictjson.String {
			return unexpected(&v.Items[i], "String")
		}
		list[i] = v.Items[i].Text
	}
	into.Set(reflect.ValueOf(list))
	return nil
}

func (f *field) decodeStructs(v *strictjson.Value, into reflect.Value, path string, bad *violations) error {
	if v.Kind != strictjson.Array {
		return unexpected(v, "List")
	}
	into.Set(reflect.MakeSlice(into.Type(), len(v.Items), len(v.Items)))
	for i := range v.Items {
		if err := f.shape.decode(&v.Items[i], into.Index(i), path+"."+strconv.Itoa(i+1)+".member.", bad); err != nil {
			return err
		}
	}
	return nil
}

// maxIntegerDigits bounds the exponents and digits that integer looks at.
const maxIntegerDigits = 20

// integer reads a number that is a whole number of 32 bits, as 8, 8.0 or 8e0.
func integer(v *strictjson.Value) (int64, bool) {
	if v.Kind != strictjson.Number {
		return 0, false
	}
	if n, err := strconv.ParseInt(v.Text, 10, 32); err == nil {
		return n, true
	}
	if len(v.Text) > maxIntegerDigits {
		return 0, false
	}
	f, err := strconv.ParseFloat(v.Text, 64)
	n := int64(f)
	return n, err == nil && float64(n) == f && n == int64(int32(n))
}

// maxEpoch is the last second of the year 9999.
const maxEpoch = 253402300799

// timestamp reads epoch seconds, with a fraction of up to nanoseconds.
func timestamp(v *strictjson.Value) (time.Time, bool) {
	if v.Kind != strictjson.Number || len(v.Text) > 2*maxIntegerDigits {
		return time.Time{}, false
	}
	if f, err := strconv.ParseFloat(v.Text, 64); err != nil || f < 0 || f > maxEpoch {
		return time.Time{}, false // also keeps the exact arithmetic below small
	}
	exact, ok := new(big.Rat).SetString(v.Text)
	if !ok {
		return time.Time{}, false
	}
	nanos := new(big.Rat).Mul(exact, big.NewRat(int64(time.Second), 1))
	whole := new(big.Int).Quo(nanos.Num(), nanos.Denom())
	seconds, rest := new(big.Int).DivMod(whole, big.NewInt(int64(time.Second)), new(big.Int))
	return time.Unix(seconds.Int64(), rest.Int64()).UTC(), true
}

// unexpected is AWS's message for a value of the wrong type; it never quotes the value.
func unexpected(v *strictjson.Value, want string) error {
	switch v.Kind {
	case strictjson.Object:
		return &TypeError{"Start of structure or map found where not expected."}
	case strictjson.Array:
		return &TypeError{"Start of list found where not expected"}
	case strictjson.String:
		return &TypeError{"STRING_VALUE can not be converted to " + want}
	case strictjson.Bool:
		return &TypeError{strings.ToUpper(v.Text) + "_VALUE can not be converted to " + want}
	case strictjson.Number:
		return &TypeError{"NUMBER_VALUE can not be converted to " + want}
	}
	return &TypeError{"NULL_VALUE can not be converted to " + want}
}
