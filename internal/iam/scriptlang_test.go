package iam

import (
	"fmt"
	"strings"
	"time"
)

// scriptCase is one case being read.
type scriptCase struct {
	req      Request
	docs     map[string]*scriptPolicy // by the word that adds to them
	order    []string
	grants   []Grant
	child    *Grant
	keys     KeyMap
	trace    bool
	message  bool
	retire   bool
	lockout  bool
	parse    string
	noAction bool
}

type scriptPolicy struct {
	Version   string `json:",omitempty"`
	Statement []map[string]any
}

func newScriptCase() *scriptCase {
	return &scriptCase{
		req: Request{
			Principal:       principalOf("user/alice"),
			ResourceAccount: home,
			Time:            time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC),
			Region:          "us-east-1",
			SourceIP:        "203.0.113.7",
		},
		docs: map[string]*scriptPolicy{},
		keys: KeyMap{},
	}
}

// line reads one line of a case.
func (c *scriptCase) line(word, rest string) error {
	switch word {
	case "who":
		c.req.Principal = principalOf(rest)
	case "tag": // of the principal
		name, value, _ := strings.Cut(rest, "=")
		c.req.Principal.Tags = map[string]string{name: value}
	case "what":
		c.what(rest)
	case "owner":
		c.req.ResourceAccount = rest
	case "key", "key2008", "repo", "trust", "identity", "identity2", "identity2008", "session", "boundary":
		return c.statement(word, rest)
	case "grant":
		g, err := grantOf(rest)
		c.grants = append(c.grants, g)
		return err
	case "child":
		g, err := grantOf(rest)
		c.req.Grant.Child = &g
		return err
	case "context":
		c.context(rest)
	case "with":
		name, value, _ := strings.Cut(rest, "=")
		c.keys[strings.ToLower(name)] = splitList(value)
	case "without":
		c.without(rest)
	case "ip":
		c.req.SourceIP = rest
	case "via":
		c.req.ViaService = rest
		c.keys["kms:viaservice"] = []string{rest}
	case "time":
		var err error
		c.req.Time, err = time.Parse(time.RFC3339, rest)
		return err
	case "tls":
		c.req.TLS = true
	case "show":
		c.trace, c.message = strings.Contains(rest, "trace"), strings.Contains(rest, "message")
	case "retire":
		c.retire = true
	case "lockout":
		c.lockout = true
	default:
		return fmt.Errorf("unknown line %q", word)
	}
	return nil
}

func (c *scriptCase) what(rest string) {
	action, resource, ok := strings.Cut(rest, " ")
	c.req.Action, c.req.Resource = action, keyARN
	if ok {
		c.req.Resource = resource
	} else if strings.HasPrefix(action, "ecr:") {
		c.req.Resource = repoARN
	} else if strings.HasPrefix(action, "sts:") {
		c.req.Resource = RoleARN(home, "/", "target")
	}
	if op, ok := strings.CutPrefix(action, "kms:"); ok {
		c.req.Grant.Operation = op
	}
}

// context adds the encryption context, and the condition keys that the KMS makes of it.
func (c *scriptCase) context(rest string) {
	pairs := pairsOf(rest)
	c.req.Grant.EncryptionContext = pairs
	for _, p := range splitList(rest) {
		name, _, _ := strings.Cut(p, "=")
		c.keys["kms:encryptioncontext:"] = append(c.keys["kms:encryptioncontext:"], p)
		c.keys["kms:encryptioncontextkeys"] = append(c.keys["kms:encryptioncontextkeys"], name)
	}
}

func (c *scriptCase) without(what string) {
	switch what {
	case "time":
		c.req.Time = time.Time{}
	case "ip":
		c.req.SourceIP = ""
	case "grants":
		c.req.Grant.Operation = ""
	}
}

// statement reads "[sid:X] allow|deny [not] ACTIONS [on|off RESOURCES] [to|except WHO] [if OP KEY=V|V]…".
func (c *scriptCase) statement(word, rest string) error {
	clauses := strings.Split(rest, " if ")
	words := strings.Fields(clauses[0])
	s := map[string]any{}
	if sid, ok := strings.CutPrefix(words[0], "sid:"); ok {
		s["Sid"], words = strings.ReplaceAll(sid, "_", " "), words[1:]
	}
	s["Effect"] = map[string]string{"allow": "Allow", "deny": "Deny"}[words[0]]
	s["Action"], words = splitList(words[1]), words[2:]
	if word != "trust" && word != "repo" {
		s["Resource"] = "*"
	}
	for ; len(words) >= 2; words = words[2:] {
		switch words[0] {
		case "on":
			s["Resource"] = splitList(words[1])
			if words[1] == "nothing" {
				delete(s, "Resource")
			}
		case "off":
			delete(s, "Resource")
			s["NotResource"] = splitList(words[1])
		case "to":
			s["Principal"] = principalElement(words[1])
		case "except":
			s["NotPrincipal"] = principalElement(words[1])
		case "action": // turns Action into NotAction
			s["NotAction"] = s["Action"]
			delete(s, "Action")
		default:
			return fmt.Errorf("unknown clause %q", words[0])
		}
	}
	if len(clauses) > 1 {
		cond := map[string]map[string]any{}
		for _, clause := range clauses[1:] {
			op, test, _ := strings.Cut(clause, " ")
			name, value, _ := strings.Cut(test, "=")
			if cond[op] == nil {
				cond[op] = map[string]any{}
			}
			cond[op][name] = splitList(value)
		}
		s["Condition"] = cond
	}
	if c.docs[word] == nil {
		c.docs[word] = &scriptPolicy{Version: versionCurrent}
		if strings.HasSuffix(word, "2008") {
			c.docs[word].Version = versionOld
		}
		c.order = append(c.order, word)
	}
	c.docs[word].Statement = append(c.docs[word].Statement, s)
	return nil
}

// principalOf reads root, user/U, role/R/S, infra/i-…, repository/N, service names, each after an optional N@.
func principalOf(s string) Principal {
	account := home
	if n, rest, ok := strings.Cut(s, "@"); ok {
		account, s = n, rest
	}
	kind, name, _ := strings.Cut(s, "/")
	switch kind {
	case "root":
		return Principal{Type: Root, Account: account, ARN: RootARN(account), UserID: account}
	case "user":
		last := name[strings.LastIndexByte(name, '/')+1:]
		return Principal{Type: IAMUser, Account: account, ARN: UserARN(account, "/", name), UserID: "AIDAEXAMPLEOF" + strings.ToUpper(last), UserName: last}
	case "role":
		i := strings.LastIndexByte(name, '/')
		role, session := name[:i], name[i+1:]
		last := role[strings.LastIndexByte(role, '/')+1:]
		return Principal{
			Type: AssumedRole, Account: account, ARN: SessionARN(account, last, session), RoleARN: RoleARN(account, "/", role),
			UserID: "AROAEXAMPLEOF" + strings.ToUpper(last) + ":" + session,
		}
	case "infra":
		return Principal{Type: AssumedRole, Account: account, ARN: SessionARN(account, "aws:ec2-infrastructure", name), UserID: account + ":aws:ec2-infrastructure:" + name}
	case "repository":
		return Principal{Type: Service, Account: account, ARN: "arn:aws:ecr:us-east-1:" + account + ":repository/" + name}
	}
	return Principal{Type: Service, ARN: s}
}

// principalElement reads a comma-separated list for Principal: "*", account ids, the forms of principalOf, or literal ARNs and services.
func principalElement(s string) any {
	if s == "everyone" {
		return "*"
	}
	aws, services := []string{}, []string{}
	for _, name := range splitList(strings.ReplaceAll(s, ",", "|")) {
		switch {
		case strings.HasSuffix(name, ".amazonaws.com"):
			services = append(services, name)
		default:
			aws = append(aws, whoARN(name))
		}
	}
	m := map[string]any{}
	if len(aws) > 0 {
		m["AWS"] = aws
	}
	if len(services) > 0 {
		m["Service"] = services
	}
	return m
}

// whoARN reads a name in a policy or grant: "role/R" is the role, "role/R/S" with a colon before S ("role/R:S") its session.
func whoARN(name string) string {
	if strings.HasPrefix(name, "arn:") || strings.HasPrefix(name, "AIDA") || strings.HasPrefix(name, "AROA") || name == "*" || IsAccountID(name) {
		return name
	}
	account := home
	if n, rest, ok := strings.Cut(name, "@"); ok {
		account, name = n, rest
	}
	if role, ok := strings.CutPrefix(name, "role/"); ok {
		if r, s, ok := strings.Cut(role, ":"); ok {
			return SessionARN(account, r, s)
		}
		return RoleARN(account, "/", role)
	}
	return principalOf(account + "@" + name).ARN
}

// grantOf reads "ID OPERATIONS to WHO [equals k=v|…] [subset k=v|…] [retiring WHO] [by ACCOUNT]".
func grantOf(rest string) (Grant, error) {
	words := strings.Fields(rest)
	g := Grant{ID: words[0], Operations: splitList(strings.ReplaceAll(words[1], ",", "|")), IssuingAccount: home}
	for words = words[2:]; len(words) >= 2; words = words[2:] {
		var err error
		switch words[0] {
		case "to":
			g.Grantee, err = NormalizePrincipal(whoARN(words[1]))
		case "retiring":
			g.Retiring, err = NormalizePrincipal(whoARN(words[1]))
		case "equals":
			g.EncryptionContextEquals = pairsOf(words[1])
		case "subset":
			g.EncryptionContextSubset = pairsOf(words[1])
		case "by":
			g.IssuingAccount = words[1]
		default:
			err = fmt.Errorf("unknown clause %q", words[0])
		}
		if err != nil {
			return g, err
		}
	}
	return g, nil
}

func pairsOf(s string) map[string]string {
	m := map[string]string{}
	for _, p := range splitList(s) {
		k, v, _ := strings.Cut(p, "=")
		m[k] = v
	}
	return m
}

// splitList splits at "|", or at commas where there is none of those and no variable.
func splitList(s string) []string {
	if strings.Contains(s, "|") || strings.Contains(s, "${") {
		return strings.Split(s, "|")
	}
	return strings.Split(s, ",")
}
