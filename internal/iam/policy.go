package iam

import (
	"encoding/json"
)

// Kind says where a policy document is attached; the kinds have different rules.
type Kind uint8

// The kinds of policy document.
const (
	IdentityPolicy   Kind = iota + 1 // of a user or role, inline or managed; also session policies
	KeyPolicy                        // of a KMS key
	RepositoryPolicy                 // of an ECR repository
	TrustPolicy                      // of a role
)

// Versions of the policy language. Only the newer one knows policy variables.
const (
	versionOld     = "2008-10-17"
	versionCurrent = "2012-10-17"
)

// Policy is a parsed policy document. It does not change after Parse and is safe for concurrent use.
type Policy struct {
	kind       Kind
	version    string // as written; empty means versionOld
	id         string
	statements []statement
}

// statement is one statement. An element that the document lacks is nil.
type statement struct {
	sid        string
	deny       bool
	principals []principalEntry
	notPrinc   bool
	actions    []pattern
	notAction  bool
	resources  []pattern
	notRes     bool
	conditions []condition
}

// Kind returns the kind that the policy was parsed as.
func (p *Policy) Kind() Kind { return p.kind }

// Statements returns the number of statements.
func (p *Policy) Statements() int { return len(p.statements) }

// Principals returns the AWS principals (as normalised ARNs or unique ids) that the
// statements name, each once, in order, so that a caller can check that they exist. "*" is not among them.
func (p *Policy) Principals() []string {
	var names []string
	seen := map[string]bool{}
	for i := range p.statements {
		for _, e := range p.statements[i].principals {
			name := e.arn + e.id
			if e.class == "AWS" && !e.any && !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}

// Named is a policy with the name by which a Decision refers to it: an ARN, or a
// phrase such as "key policy default" or "inline policy P of user U".
type Named struct {
	Name   string
	Policy *Policy
}

// MarshalJSON returns the document in canonical form: members in AWS's order, every
// list as an array. Parsing it as the same kind gives an equal policy.
func (p *Policy) MarshalJSON() ([]byte, error) {
	type doc struct {
		Version   string           `json:",omitempty"`
		ID        string           `json:"Id,omitempty"`
		Statement []canonStatement `json:""`
	}
	d := doc{Version: p.version, ID: p.id}
	for i := range p.statements {
		d.Statement = append(d.Statement, p.statements[i].canonical())
	}
	return json.Marshal(d)
}

// Statement returns statement i in canonical form, for an explanation.
func (p *Policy) Statement(i int) (string, error) {
	if i < 0 || i >= len(p.statements) {
		return "", refuse(ErrInvalid, "no statement %d", i)
	}
	b, err := json.Marshal(p.statements[i].canonical())
	return string(b), err
}

type canonStatement struct {
	Sid          string                         `json:",omitempty"`
	Effect       string                         `json:""`
	Principal    map[string][]string            `json:",omitempty"`
	NotPrincipal map[string][]string            `json:",omitempty"`
	Action       []string                       `json:",omitempty"`
	NotAction    []string                       `json:",omitempty"`
	Resource     []string                       `json:",omitempty"`
	NotResource  []string                       `json:",omitempty"`
	Condition    map[string]map[string][]string `json:",omitempty"`
}

func (s *statement) canonical() canonStatement {
	c := canonStatement{Sid: s.sid, Effect: "Allow"}
	if s.deny {
		c.Effect = "Deny"
	}
	principals := map[string][]string{}
	for _, e := range s.principals {
		principals[e.class] = append(principals[e.class], e.source)
	}
	if s.notPrinc {
		c.NotPrincipal = principals
	} else {
		c.Principal = principals
	}
	if s.notAction {
		c.NotAction = sources(s.actions)
	} else {
		c.Action = sources(s.actions)
	}
	if s.notRes {
		c.NotResource = sources(s.resources)
	} else {
		c.Resource = sources(s.resources)
	}
	for _, cond := range s.conditions {
		if c.Condition == nil {
			c.Condition = map[string]map[string][]string{}
		}
		name := cond.op.name()
		if c.Condition[name] == nil {
			c.Condition[name] = map[string][]string{}
		}
		c.Condition[name][cond.written] = cond.sources()
	}
	return c
}

func sources(patterns []pattern) []string {
	var out []string
	for _, p := range patterns {
		out = append(out, p.source)
	}
	return out
}
