package awsapitest

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"coffer.example/internal/awsapi"
)

// Constraints says how a service's inputs are compared with its model.
type Constraints struct {
	Service *awsapi.Service
	Model   string   // path of the file that model.py wrote
	Skip    []string // operations without an input here
	// Silent are the members whose values are never shown; blobs never are.
	Silent []string
	// NoPatterns leaves patterns out: the service refuses with texts of its own there.
	NoPatterns bool
	// Least is how many constraints there must be, so that the comparison cannot become empty.
	Least int
}

// Check breaks every constraint of the model, of every operation, one at a time, and expects AWS's message; it also leaves out all required members at once.
func (c Constraints) Check(t *testing.T) {
	m := loadModel(t, c.Model)
	front := Front(c.Service)
	checked := 0
	for name := range c.Service.Operations {
		if slices.Contains(c.Skip, name) {
			continue
		}
		shape, ok := m.Operations[name]
		if !ok {
			t.Errorf("%s has no %s; model.py writes it anew", c.Model, name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			input := m.Shapes[shape]
			if input == nil {
				return
			}
			c.expect(t, front, name, map[string]any{}, missing(input))
			c.eachViolation(m, input, func(in map[string]any, want []string) {
				checked++
				c.expect(t, front, name, in, want)
			})
		})
	}
	if checked < c.Least {
		t.Fatalf("only %d constraints were checked", checked)
	}
}

func label(name string) string { return strings.ToLower(name[:1]) + name[1:] }

func missing(s *modelShape) []string {
	var out []string
	for _, member := range s.Members {
		name := member[0]
		if slices.Contains(s.Required, name) {
			out = append(out, "Value null at '"+label(name)+"' failed to satisfy constraint: Member must not be null")
		}
	}
	return out
}

// eachViolation calls try with an input for each way to break a member of s, or of the structures in it.
func (c Constraints) eachViolation(m *model, s *modelShape, try func(in map[string]any, want []string)) {
	for _, named := range s.Members {
		name, member := named[0], m.Shapes[named[1]]
		for _, v := range m.violations(member, !c.NoPatterns) {
			in := m.object(s)
			in[name] = v.value
			var want []string
			for _, text := range v.texts {
				want = append(want, c.shown(member, name, v.value)+" at '"+label(name)+"' failed to satisfy constraint: "+text)
			}
			try(in, want)
		}
		inner, prefix, wrap := member, label(name)+".", func(v any) any { return v }
		if member.Type == "list" {
			inner, prefix = m.Shapes[member.Element], label(name)+".2.member."
			wrap = func(v any) any { return []any{m.valid(inner), v} }
		}
		if inner.Type != "structure" {
			continue
		}
		c.eachViolation(m, inner, func(broken map[string]any, want []string) {
			in := m.object(s)
			in[name] = wrap(broken)
			nested := make([]string, len(want))
			for i, text := range want {
				nested[i] = strings.Replace(text, " at '", " at '"+prefix, 1)
			}
			try(in, nested)
		})
	}
}

func (c Constraints) shown(s *modelShape, name string, v any) string {
	if s.Type == "blob" || slices.Contains(c.Silent, name) {
		return "Value"
	}
	if list, ok := v.([]any); ok {
		items := make([]string, len(list))
		for i, item := range list {
			items[i] = fmt.Sprint(item)
			if object, ok := item.(map[string]any); ok {
				var pairs []string
				for key, value := range object {
					pairs = append(pairs, fmt.Sprintf("%s=%v", key, value))
				}
				slices.Sort(pairs) // the members' order, where names are Key and Value
				items[i] = "{" + strings.Join(pairs, ", ") + "}"
			}
		}
		return "Value '[" + strings.Join(items, ", ") + "]'"
	}
	return fmt.Sprintf("Value '%v'", v)
}

// expect makes a request and compares its validation error.
func (c Constraints) expect(t *testing.T, front http.Handler, operation string, in map[string]any, violations []string) {
	t.Helper()
	if violations == nil {
		return
	}
	code, message, status := c.refusal(t, front, operation, in)
	plural := ""
	if len(violations) > 1 {
		plural = "s"
	}
	want := fmt.Sprintf("%d validation error%s detected: %s", len(violations), plural, strings.Join(violations, "; "))
	wantCode := map[awsapi.Protocol]string{awsapi.JSON: "ValidationException", awsapi.Query: "ValidationError"}[c.Service.Protocol]
	if c.Service.ValidationCode != "" {
		wantCode = c.Service.ValidationCode
	}
	if code != wantCode || message != want || status != http.StatusBadRequest {
		t.Errorf("%s %s: got %d %s\n  %s\nwant\n  %s", operation, short(fmt.Sprint(in)), status, code, short(message), short(want))
	}
}

// short makes the runs of "a" in a message readable.
func short(s string) string {
	return longRun.ReplaceAllStringFunc(s, func(run string) string { return fmt.Sprintf("a{%d}", len(run)) })
}

var longRun = regexp.MustCompile("a{20,}")

func (c Constraints) refusal(t *testing.T, front http.Handler, operation string, in map[string]any) (code, message string, status int) {
	var body []byte
	if c.Service.Protocol == awsapi.JSON {
		var err error
		if body, err = json.Marshal(in); err != nil {
			t.Fatal(err)
		}
	} else {
		form := url.Values{"Action": {operation}, "Version": {c.Service.Version}}
		flatten(form, "", in)
		body = []byte(form.Encode())
	}
	r := httptest.NewRequest("POST", "http://localhost/", strings.NewReader(string(body)))
	if c.Service.Protocol == awsapi.JSON {
		r.Header.Set("X-Amz-Target", c.Service.TargetPrefix+"."+operation)
	}
	Sign(t, r, c.Service.Name, "us-east-1", body, time.Now())
	w := httptest.NewRecorder()
	front.ServeHTTP(w, r)
	if c.Service.Protocol == awsapi.JSON {
		var e struct {
			Type    string `json:"__type"`
			Message string `json:"message"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		return e.Type, e.Message, w.Code
	}
	var e struct {
		Error struct{ Code, Message string }
	}
	if err := xml.Unmarshal(w.Body.Bytes(), &e); err != nil {
		t.Fatal(err)
	}
	return e.Error.Code, e.Error.Message, w.Code
}

// flatten writes a value as parameters of the Query protocol.
func flatten(form url.Values, name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			flatten(form, strings.TrimPrefix(name+"."+key, "."), value)
		}
	case []any:
		for i, value := range v {
			flatten(form, fmt.Sprintf("%s.member.%d", name, i+1), value)
		}
	default:
		form.Set(name, fmt.Sprint(v))
	}
}
