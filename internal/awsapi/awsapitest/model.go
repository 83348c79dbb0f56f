package awsapitest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"coffer.example/internal/testkit"
)

// readModel prints the model of a service that botocore brings.
const readModel = `
import json, botocore.loaders
print(json.dumps(botocore.loaders.Loader().load_service_model("%s", "service-2")))
`

// model is a service's model, as far as constraints of inputs go.
type model struct {
	Operations map[string]struct{ Input struct{ Shape string } }
	Shapes     map[string]*modelShape
}

type modelShape struct {
	Type     string
	Min, Max *int
	Pattern  string
	Enum     []string
	Required []string
	Members  members
	Member   *struct{ Shape string }
}

// members are the members of a structure: their names in the model's order, and their shapes.
type members struct {
	names  []string
	shapes map[string]string
}

func (m *members) UnmarshalJSON(text []byte) error {
	var all map[string]struct{ Shape string }
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	m.shapes = map[string]string{}
	d := json.NewDecoder(strings.NewReader(string(text)))
	depth := 0
	for {
		token, err := d.Token()
		if err != nil {
			return nil // the end
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
			continue
		case json.Delim('}'), json.Delim(']'):
			depth--
			continue
		}
		if name, ok := token.(string); ok && depth == 1 {
			m.names = append(m.names, name)
			m.shapes[name] = all[name].Shape
		}
	}
}

func loadModel(t testing.TB, service string) *model {
	t.Helper()
	m := &model{}
	text := testkit.AWS{}.Boto3(t, fmt.Sprintf(readModel, service)).Succeed(t)
	if err := json.Unmarshal([]byte(text), m); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *model) member(s *modelShape, name string) *modelShape {
	return m.Shapes[s.Members.shapes[name]]
}

// valid returns a value that satisfies a shape's constraints, but for patterns.
func (m *model) valid(s *modelShape) any {
	switch s.Type {
	case "string":
		if s.Enum != nil {
			return s.Enum[0]
		}
		return strings.Repeat("a", max(1, number(s.Min)))
	case "integer":
		return number(s.Min)
	case "boolean":
		return true
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
		out[name] = m.valid(m.member(s, name))
	}
	if s.Required == nil && len(s.Members.names) > 0 { // so that a form shows the element of a list
		out[s.Members.names[0]] = m.valid(m.member(s, s.Members.names[0]))
	}
	return out
}

func number(p *int) int {
	if p == nil {
		return 0
	}
	return *p
}
