package iam

// Step is one line of an explanation: what a statement or a grant said.
type Step struct {
	Where   StatementRef
	GrantID string // instead of Where
	Effect  string // Allow, Deny
	Applies bool
	Why     string // what kept it from applying, or how it applies
}

// String is the step as a line of text.
func (s Step) String() string {
	where := s.Where.String()
	if s.GrantID != "" {
		where = "grant " + s.GrantID
	}
	if s.Applies {
		return where + ": " + s.Effect + " applies (" + s.Why + ")"
	}
	return where + ": " + s.Effect + " does not apply (" + s.Why + ")"
}

// trace collects steps. A nil trace collects nothing and costs nothing.
type trace struct{ steps []Step }

func (t *trace) statement(n Named, i int, level match, why miss) {
	if t == nil {
		return
	}
	s := &n.Policy.statements[i]
	step := Step{Where: StatementRef{n.Name, s.sid, i}, Effect: "Allow", Applies: level != matchNone, Why: why.String()}
	if s.deny {
		step.Effect = "Deny"
	}
	if step.Applies && n.Policy.kind != IdentityPolicy {
		step.Why = level.String()
	} else if step.Applies {
		step.Why = "matches"
	}
	t.steps = append(t.steps, step)
}

func (t *trace) grant(g *Grant, level match, why miss) {
	if t == nil {
		return
	}
	step := Step{GrantID: g.ID, Effect: "Allow", Applies: level != matchNone, Why: why.String()}
	if step.Applies {
		step.Why = level.String()
	}
	t.steps = append(t.steps, step)
}

func (m match) String() string {
	switch m {
	case matchAccount:
		return "to the account, whose identity policies decide"
	case matchDirect:
		return "to the principal"
	case matchSession:
		return "to the session itself"
	}
	return "no match"
}

// String says what did not match.
func (m miss) String() string {
	switch {
	case m.cond != nil:
		return "condition " + m.cond.String() + " does not hold"
	case m.element != "":
		return m.element + " does not match"
	}
	return ""
}
