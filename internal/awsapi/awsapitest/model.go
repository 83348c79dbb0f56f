package awsapitest

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// model is the constraints of the inputs of a service's operations, as model.py
// extracts them from the service's model.
type model struct {
	Operations map[string]string // to the shape of the input
	Shapes     map[string]*modelShape
}

type modelShape struct {
	Type     string
	Min, Max *int
	Pattern  string
	Enum     []string
	Required []string
	Members  [][2]string // name and shape, in the model's order
	Element  string      // of a list
}

func loadModel(t testing.TB, path string) *model {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := &model{}
	if err := json.Unmarshal(text, m); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *model) member(s *modelShape, name string) *modelShape {
	for _, member := range s.Members {
		if member[0] == name {
			return m.Shapes[member[1]]
		}
	}
	return nil
}

// samples are texts for the patterns that one letter does not match.
var samples = []string{
	"111122223333", "00000000-0000-4000-8000-000000000000", "sha256:" + "00000000000000000000000000000000",
}

// validString returns a text that satisfies a shape's constraints: of its pattern, where one of samples does.
func validString(s *modelShape) string {
	plain := strings.Repeat("a", max(1, number(s.Min)))
	for _, sample := range append([]string{plain}, samples...) {
		if s.matches(sample) {
			return sample
		}
	}
	return plain
}

// valid returns a value that satisfies a shape's constraints.
func (m *model) valid(s *modelShape) any {
	switch s.Type {
	case "string":
		if s.Enum != nil {
			return s.Enum[0]
		}
		return validString(s)
	case "integer", "long":
		return number(s.Min)
	case "boolean":
		return true
	case "blob":
		return []byte("x")
	case "list":
		return []any{m.valid(m.Shapes[s.Element])}
	case "structure":
		return m.object(s)
	}
	return nil
}

// object returns a structure with its required members.
func (m *model) object(s *modelShape) map[string]any {
	out := map[string]any{}
	for _, name := range s.Required {
		out[name] = m.valid(m.member(s, name))
	}
	if s.Required == nil && len(s.Members) > 0 { // so that a form shows the element of a list
		out[s.Members[0][0]] = m.valid(m.Shapes[s.Members[0][1]])
	}
	return out
}

func number(p *int) int {
	if p == nil {
		return 0
	}
	return *p
}
