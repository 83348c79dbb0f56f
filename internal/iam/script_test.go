package iam

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the expected lines of testdata/evaluate")

// minCases is the number of cases that the scripts together must have.
const minCases = 150

const (
	home    = "111122223333" // the account that owns the resource unless a case says otherwise
	keyARN  = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	repoARN = "arn:aws:ecr:us-east-1:111122223333:repository/app"
)

// TestScripts runs testdata/evaluate/*.txt: paragraphs of lines, each with a case (see
// testdata/evaluate/README) and, after "=>", what it must answer.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/evaluate/*.txt")
	require.NoError(t, err)
	total := 0
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			total += runScript(t, file)
		})
	}
	require.GreaterOrEqual(t, total, minCases)
}

func runScript(t *testing.T, file string) (cases int) {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var out []string
	titles := map[string]bool{}
	for _, par := range strings.Split(strings.TrimRight(string(text), "\n"), "\n\n") {
		var body, want []string
		for _, line := range strings.Split(par, "\n") {
			if strings.HasPrefix(line, "=>") {
				want = append(want, line)
			} else {
				body = append(body, line)
			}
		}
		got := runParagraph(t, body)
		out = append(out, strings.Join(append(body, got...), "\n"))
		if got == nil {
			continue
		}
		cases++
		title := titleOf(body)
		require.False(t, titles[title], "two cases %q in %s", title, file)
		titles[title] = true
		if !*rewrite && strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s: %s\n got %s\nwant %s", file, title, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	if *rewrite {
		require.NoError(t, os.WriteFile(file, []byte(strings.Join(out, "\n\n")+"\n"), 0o644))
	}
	return cases
}

func titleOf(body []string) string {
	for _, line := range body {
		if !strings.HasPrefix(line, "#") {
			return line
		}
	}
	return ""
}

// runParagraph runs a case and returns its answer, nil for a comment.
func runParagraph(t *testing.T, body []string) []string {
	c := newScriptCase()
	parsing, isCase := false, false
	var doc []string
	for _, line := range body {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case word == "" || strings.HasPrefix(word, "#"):
		case parsing:
			doc = append(doc, line)
		case word == "parse":
			_, kind, _ := strings.Cut(rest, ": ")
			parsing, c.parse = true, kind
		case word == "case":
			isCase = true
		default:
			require.NoError(t, c.line(word, rest), "%s: %s", titleOf(body), line)
		}
	}
	switch {
	case parsing:
		return []string{"=> " + c.runParse(strings.Join(doc, "\n"))}
	case isCase:
		return c.run(t)
	}
	return nil
}

// policies parses the documents of a case.
func (c *scriptCase) policies() (p Policies, err error) {
	for _, word := range c.order {
		text, _ := json.Marshal(c.docs[word])
		kind, rule := IdentityPolicy, IdentityOnly
		switch strings.TrimSuffix(word, "2008") {
		case "key":
			kind, rule = KeyPolicy, ResourceDecides
		case "trust":
			kind, rule = TrustPolicy, ResourceDecides
		case "repo":
			kind, rule = RepositoryPolicy, EitherAllows
		}
		doc, err := Parse(kind, text)
		if err != nil {
			return p, err
		}
		named := Named{Name: word + " policy", Policy: doc}
		switch {
		case kind != IdentityPolicy:
			p.Rule, p.Resource = rule, named
		case word == "session":
			p.Session = append(p.Session, named)
		case word == "boundary":
			p.Boundary = append(p.Boundary, named)
		default:
			p.Identity = append(p.Identity, named)
		}
	}
	if p.Resource.Policy == nil && strings.HasPrefix(c.req.Resource, "arn:aws:kms:") {
		p.Rule = ResourceDecides
	}
	if p.Resource.Policy == nil && strings.HasPrefix(c.req.Resource, "arn:aws:ecr:") {
		p.Rule = EitherAllows
	}
	return p, nil
}

func (c *scriptCase) run(t *testing.T) []string {
	c.req.Keys = c.keys
	p, err := c.policies()
	if err != nil {
		return []string{"=> error: " + err.Error()}
	}
	if c.lockout {
		return []string{fmt.Sprintf("=> %v", AllowsPutKeyPolicy(&c.req, p.Resource.Policy))}
	}
	if c.retire {
		d := EvaluateRetire(&c.req, &p, &c.grants[0])
		return []string{"=> " + answer(&d)}
	}
	d := Evaluate(&c.req, &p, c.grants)
	explained := Explain(&c.req, &p, c.grants)
	require.Equal(t, d.Allowed, explained.Allowed)
	require.Equal(t, d.String(), explained.String())
	out := []string{"=> " + answer(&d)}
	if c.message {
		out = append(out, "=> "+d.Message(&c.req))
	}
	if c.trace {
		for _, s := range explained.Trace {
			out = append(out, "=> "+s.String())
		}
	}
	return out
}

func answer(d *Decision) string {
	verb := "deny"
	if d.Allowed {
		verb = "allow"
	}
	return verb + ": " + d.String()
}

func (c *scriptCase) runParse(doc string) string {
	kinds := map[string]Kind{"identity": IdentityPolicy, "key": KeyPolicy, "repository": RepositoryPolicy, "trust": TrustPolicy}
	p, err := Parse(kinds[c.parse], []byte(doc))
	if err != nil {
		return "error: " + err.Error()
	}
	b, _ := json.Marshal(p)
	return string(b)
}

// scriptDocuments returns the documents of the parse cases, as seeds.
func scriptDocuments(t testing.TB) (docs []string) {
	text, err := os.ReadFile("testdata/evaluate/parse.txt")
	require.NoError(t, err)
	for _, par := range strings.Split(string(text), "\n\n") {
		_, doc, ok := strings.Cut(par, "\n")
		doc, _, _ = strings.Cut(doc, "\n=>")
		if ok && strings.HasPrefix(par, "parse ") {
			docs = append(docs, doc)
		}
	}
	return docs
}
