package strictjson

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// plain turns a Value into what encoding/json decodes into an any with UseNumber.
func plain(v *Value) any {
	switch v.Kind {
	case Bool:
		return v.Text == "true"
	case Number:
		return json.Number(v.Text)
	case String:
		return v.Text
	case Array:
		out := []any{}
		for i := range v.Items {
			out = append(out, plain(&v.Items[i]))
		}
		return out
	case Object:
		out := map[string]any{}
		for i := range v.Members {
			out[v.Members[i].Name] = plain(&v.Members[i].Value)
		}
		return out
	}
	return nil
}

// reference decodes as encoding/json does.
func reference(text []byte) (any, error) {
	var v any
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err == nil {
		return nil, fmt.Errorf("more text")
	}
	return v, nil
}

func TestAccepts(t *testing.T) {
	for _, text := range []string{
		`{}`, ` [ ] `, `null`, `true`, `-0.5e+10`, `"a\"\\\/\b\f\n\r\tA\u20ac\ud83d\ude00"`, `"€😀"`,
		`{"a":{"b":[1,2,{"c":null}]},"A":1,"":""}`, "\t{\r\n\"a\" : 1 }\n",
		strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth),
		"[" + strings.Repeat("0,", MaxValues-2) + "0]",
		manyMembers(100, 100),
	} {
		v, err := Parse([]byte(text))
		require.NoError(t, err, text)
		want, err := reference([]byte(text))
		require.NoError(t, err)
		require.Equal(t, want, plain(v))
	}
}

func manyMembers(n, distinct int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"m%d":%d`, i%distinct, i)
	}
	return "{" + b.String()[1:] + "}"
}

func TestRefuses(t *testing.T) {
	for text, reason := range map[string]string{
		"":                      "not a JSON value",
		"{":                     "expected a member name",
		`{"a"}`:                 "expected a colon",
		`{"a":1,}`:              "expected a member name",
		`{"a":1]`:               "expected a comma or the end of an array or object",
		`[1,]`:                  "not a JSON value",
		`[1 2]`:                 "expected a comma or the end of an array or object",
		`1 2`:                   "text after the value",
		`{}x`:                   "text after the value",
		`nul`:                   "not a JSON value",
		`'a'`:                   "not a JSON value",
		`"a`:                    "unterminated string",
		"\"a\nb\"":              "control character in a string",
		`"\x"`:                  "unknown escape",
		`"\`:                    "unknown escape",
		`"\u12",1`:              "malformed escape",
		`"\u1`:                  "short escape",
		`"\u+123"`:              "malformed escape",
		`"\ud800"`:              "lone surrogate",
		`"\ud800\u0041"`:        "lone surrogate",
		`"\udc00\ud800"`:        "lone surrogate",
		`"\ud800x"`:             "lone surrogate",
		"\"\xff\"":              "invalid UTF-8",
		"\"\xed\xa0\x80\"":      "invalid UTF-8",
		"\xef\xbb\xbf{}":        "not a JSON value",
		`01`:                    "number with a leading zero",
		`-`:                     "malformed number",
		`1.`:                    "malformed number",
		`1e`:                    "malformed number",
		`+1`:                    "not a JSON value",
		`{"a":1,"a":1}`:         "a member name is given twice",
		`{"a":1,"\u0061":2}`:    "a member name is given twice",
		manyMembers(100, 99):    "a member name is given twice",
		manyMembers(17, 16):     "a member name is given twice",
		manyMembers(16, 15):     "a member name is given twice",
		`[{"a":{"b":1,"b":1}}]`: "a member name is given twice",
		strings.Repeat("[", MaxDepth+2) + strings.Repeat("]", MaxDepth+2): "nested too deep",
		"[" + strings.Repeat("0,", MaxValues) + "0]":                      "too many values",
	} {
		_, err := Parse([]byte(text))
		var syntax *SyntaxError
		require.ErrorAs(t, err, &syntax, text)
		require.Equal(t, reason, syntax.Reason, text)
	}
}

// FuzzParse checks that what parses is what encoding/json reads, and that what
// encoding/json refuses is refused.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"KeyId":"alias/a","EncryptionContext":{"a":"bc"},"GrantTokens":["x"],"Limit":10,"DryRun":false}`,
		`"\ud83d\ude00"`, `"\ud83d"`, `{"a":1,"a":2}`, "\"\xff\"", `[1e5,-0,1.5]`, `{}{}`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := Parse(text)
		want, wantErr := reference(text)
		if err != nil {
			return
		}
		if wantErr != nil {
			t.Fatalf("accepted what encoding/json refuses: %v", wantErr)
		}
		require.Equal(t, want, plain(v))
	})
}
