package kmsapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"coffer.example/internal/awsapi/awsapitest"
	"coffer.example/internal/testkit"
	"github.com/stretchr/testify/require"
)

// readModel prints the model of the service that botocore brings, members in order.
const readModel = `
import json, botocore.loaders
print(json.dumps(botocore.loaders.Loader().load_service_model("kms", "service-2")))
`

type modelShape struct {
	Type     string
	Min, Max *int
	Pattern  string
	Enum     []string
	Required []string
	Members  ordered
	Member   *struct{ Shape string }
}

type model struct {
	Operations map[string]struct{ Input struct{ Shape string } }
	Shapes     map[string]*modelShape
}

// ordered keeps the names of a JSON object's members in their order.
type ordered struct {
	names []string
	shape map[string]string
}

func (o *ordered) UnmarshalJSON(text []byte) error {
	var members map[string]struct{ Shape string }
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	o.shape = map[string]string{}
	d := json.NewDecoder(strings.NewReader(string(text)))
	for depth := 0; ; {
		token, err := d.Token()
		if err != nil {
			break
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
			continue
		case json.Delim('}'), json.Delim(']'):
			depth--
			continue
		}
		if name, ok := token.(string); ok && depth == 1 && o.shape[name] == "" {
			o.names = append(o.names, name)
			o.shape[name] = members[name].Shape
		}
	}
	return nil
}

func label(name string) string { return strings.ToLower(name[:1]) + name[1:] }

// valid returns a value that satisfies a shape's constraints.
func (m *model) valid(s *modelShape) any {
	switch s.Type {
	case "string":
		if s.Enum != nil {
			return s.Enum[0]
		}
		if s.Min != nil {
			return strings.Repeat("a", *s.Min)
		}
		return ""
	case "blob":
		return []byte("x")
	case "list":
		return []any{m.valid(m.Shapes[s.Member.Shape])}
	case "structure":
		return m.object(s)
	}
	return nil
}

// object returns a structure with its required members.
func (m *model) object(s *modelShape) map[string]any {
	out := map[string]any{}
	for _, name := range s.Required {
		out[name] = m.valid(m.Shapes[s.Members.shape[name]])
	}
	return out
}

// violation is a value that breaks a constraint, and what AWS says of it.
type violation struct {
	value any
	texts []string
}

func bound(what, how string, n int) string {
	return fmt.Sprintf("Member must have %s %s than or equal to %d", what, how, n)
}

// violations returns the ways to break a shape's own constraints.
func (m *model) violations(s *modelShape) []violation {
	var out []violation
	pattern := "Member must satisfy regular expression pattern: " + s.Pattern
	switch s.Type {
	case "string":
		if s.Min != nil && *s.Min > 0 {
			texts := []string{bound("length", "greater", *s.Min)}
			if s.Pattern != "" && s.Pattern != `[\u0020-\u00FF]*` {
				texts = append([]string{pattern}, texts...)
			}
			out = append(out, violation{"", texts})
		}
		if s.Max != nil {
			out = append(out, violation{strings.Repeat("a", *s.Max+1), []string{bound("length", "less", *s.Max)}})
		}
		if s.Pattern != "" {
			out = append(out, violation{strings.Repeat("€", max(1, value(s.Min))), []string{pattern}})
		}
		if s.Enum != nil {
			out = append(out, violation{"NOTHING", []string{"Member must satisfy enum value set: [" + strings.Join(s.Enum, ", ") + "]"}})
		}
	case "integer":
		if s.Min != nil {
			out = append(out, violation{*s.Min - 1, []string{bound("value", "greater", *s.Min)}})
		}
		if s.Max != nil {
			out = append(out, violation{*s.Max + 1, []string{bound("value", "less", *s.Max)}})
		}
	case "blob":
		out = append(out, violation{[]byte{}, []string{bound("length", "greater", *s.Min)}},
			violation{make([]byte, *s.Max+1), []string{bound("length", "less", *s.Max)}})
	case "list":
		element := m.Shapes[s.Member.Shape]
		if s.Max != nil {
			out = append(out, violation{slices.Repeat([]any{m.valid(element)}, *s.Max+1), []string{bound("length", "less", *s.Max)}})
		}
		if element.Type == "string" {
			out = append(out, m.elementViolation(element))
		}
	}
	return out
}

func (m *model) elementViolation(s *modelShape) violation {
	var all []string
	value := "NOTHING"
	if s.Max != nil {
		value = strings.Repeat("a", *s.Max+1)
		all = append(all, bound("length", "less", *s.Max), bound("length", "greater", *s.Min))
	}
	if s.Enum != nil {
		all = append(all, "Member must satisfy enum value set: ["+strings.Join(s.Enum, ", ")+"]")
	}
	return violation{[]any{value}, []string{"Member must satisfy constraint: [" + strings.Join(all, ", ") + "]"}}
}

func value(p *int) int {
	if p == nil {
		return 0
	}
	return *p
}

// silent are the members whose values are never shown: blobs, and tokens.
var silent = []string{"GrantTokens", "GrantToken", "Marker"}

func shown(s *modelShape, name string, v any) string {
	if s.Type == "blob" || slices.Contains(silent, name) {
		return "Value"
	}
	if list, ok := v.([]any); ok {
		return fmt.Sprintf("Value '[%s]'", strings.Trim(strings.ReplaceAll(fmt.Sprint(list...), " ", ", "), "[]"))
	}
	return fmt.Sprintf("Value '%v'", v)
}

// TestConstraintsAreTheModels breaks every constraint of the model of every operation,
// one at a time, and expects AWS's message; and leaves out all required members at once.
func TestConstraintsAreTheModels(t *testing.T) {
	var m model
	require.NoError(t, json.Unmarshal([]byte(testkit.AWS{}.Boto3(t, readModel).Succeed(t)), &m))
	service := New(nil)
	front := awsapitest.Front(service)
	checked := 0
	for name := range service.Operations {
		if slices.Contains(outOfScope, name) {
			continue
		}
		op, ok := m.Operations[name]
		require.True(t, ok, "the model has no %s", name)
		t.Run(name, func(t *testing.T) {
			input := m.Shapes[op.Input.Shape]
			expect(t, front, name, map[string]any{}, missing(input))
			m.breakMembers(input, func(member string, in map[string]any, want []string) {
				checked++
				expect(t, front, name, in, want)
			})
		})
	}
	require.Greater(t, checked, 150)
}

func missing(s *modelShape) []string {
	var out []string
	for _, name := range s.Members.names {
		if slices.Contains(s.Required, name) {
			out = append(out, "Value null at '"+label(name)+"' failed to satisfy constraint: Member must not be null")
		}
	}
	return out
}

// breakMembers calls try with an input for each way to break a member of s, or of the structures in it.
func (m *model) breakMembers(s *modelShape, try func(member string, in map[string]any, want []string)) {
	for _, name := range s.Members.names {
		member := m.Shapes[s.Members.shape[name]]
		for _, v := range m.violations(member) {
			in := m.object(s)
			in[name] = v.value
			var want []string
			for _, text := range v.texts {
				want = append(want, shown(member, name, v.value)+" at '"+label(name)+"' failed to satisfy constraint: "+text)
			}
			try(name, in, want)
		}
		inner, prefix, wrap := member, label(name)+".", func(v any) any { return v }
		if member.Type == "list" {
			inner, prefix = m.Shapes[member.Member.Shape], label(name)+".2.member."
			wrap = func(v any) any { return []any{m.valid(inner), v} }
		}
		if inner.Type != "structure" {
			continue
		}
		m.breakMembers(inner, func(_ string, broken map[string]any, want []string) {
			in := m.object(s)
			in[name] = wrap(broken)
			nested := make([]string, len(want))
			for i, text := range want {
				nested[i] = strings.Replace(text, " at '", " at '"+prefix, 1)
			}
			try(name, in, nested)
		})
	}
}

func expect(t *testing.T, front http.Handler, operation string, in map[string]any, want []string) {
	t.Helper()
	if want == nil {
		return
	}
	body, err := json.Marshal(in)
	require.NoError(t, err)
	r := httptest.NewRequest("POST", "http://localhost/", strings.NewReader(string(body)))
	r.Header.Set("X-Amz-Target", "TrentService."+operation)
	awsapitest.Sign(t, r, "kms", "us-east-1", body, time.Now())
	w := httptest.NewRecorder()
	front.ServeHTTP(w, r)
	plural := ""
	if len(want) > 1 {
		plural = "s"
	}
	var got struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
	require.Equal(t, "ValidationException", got.Type, "%s %.200s", operation, body)
	require.Equal(t, fmt.Sprintf("%d validation error%s detected: %s", len(want), plural, strings.Join(want, "; ")), got.Message)
	require.Equal(t, 400, w.Code)
}
