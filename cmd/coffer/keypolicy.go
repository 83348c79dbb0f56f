package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"coffer.example/kms"
)

// policyQuestion is a request that `coffer key policy test` asks about and nobody makes.
type policyQuestion struct {
	scope
	Key        string              `json:"key,omitempty"`
	Policy     string              `json:"policy,omitempty"` // asked in place of the key's
	Identity   []string            `json:"identity,omitempty"`
	Principal  string              `json:"principal"`
	Action     string              `json:"action"` // without "kms:"
	Context    map[string]string   `json:"context,omitempty"`
	Via        string              `json:"via,omitempty"`
	SourceIP   string              `json:"sourceIp,omitempty"`
	Conditions map[string][]string `json:"conditions,omitempty"` // by lower-case key
}

// policyAnswer is how it would be decided.
type policyAnswer struct {
	Allowed  bool     `json:"allowed"`
	Reason   string   `json:"reason"`
	Message  string   `json:"message,omitempty"` // AWS's, if denied
	Trace    []string `json:"trace"`
	KeyState string   `json:"keyState,omitempty"`
}

// keyPolicyTestCommand evaluates the policies of a stored key, or a policy in a file,
// against a hypothetical request. Exit status 1 is deny.
func keyPolicyTestCommand(ctx context.Context, env *environment, args []string) error {
	f := newFlags(env, "key policy test", "").withJSON()
	f.optionalDir = true
	var q policyQuestion
	var files struct {
		policy   string
		identity stringList
	}
	var pairs, conditions stringList
	q.register(f)
	f.StringVar(&q.Key, "key", "", "a stored `key` (id, ARN or alias) with its policy and grants; needs --data-dir and its daemon")
	f.StringVar(&files.policy, "policy", "", "a `file` with a key policy, asked in place of a stored one or by itself")
	f.Var(&files.identity, "identity-policy", "a `file` with an identity policy of the principal, beside those it has (repeatable)")
	f.StringVar(&q.Principal, "principal", "", "who asks: an `ARN` of a user, role, session or root, or an account (default: the account's root)")
	f.StringVar(&q.Action, "action", "kms:Decrypt", "what is asked, as policies name it (`kms:OPERATION`)")
	f.Var(&pairs, "context", "a `name=value` of the encryption context (repeatable)")
	f.StringVar(&q.Via, "via", "", "the `service` that asks on the principal's behalf, such as ec2.us-east-1.amazonaws.com")
	f.StringVar(&q.SourceIP, "source-ip", "", "the `address` the request comes from")
	f.Var(&conditions, "condition", "`KEY=VALUE` of a further condition key, such as kms:GrantOperations=Decrypt (repeatable; several make a list)")
	if _, err := f.parse(args, 0); err != nil {
		return err
	}
	if err := q.complete(f, pairs, conditions); err != nil {
		return err
	}
	if err := q.read(files.policy, files.identity); err != nil {
		return err
	}
	answer, err := q.ask(ctx, f)
	if err != nil {
		return err
	}
	return answer.print(env, f.json)
}

// complete turns flags into the question.
func (q *policyQuestion) complete(f *flags, pairs, conditions stringList) error {
	action, ok := strings.CutPrefix(q.Action, "kms:")
	if !ok || action == "" {
		return usagef("--action %s: not kms:OPERATION", q.Action)
	}
	q.Action = action
	q.Context, q.Conditions = map[string]string{}, map[string][]string{}
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return usagef("--context %s: not name=value", pair)
		}
		q.Context[name] = value
	}
	for _, one := range conditions {
		name, value, ok := strings.Cut(one, "=")
		if !ok {
			return usagef("--condition %s: not KEY=VALUE", one)
		}
		name = strings.ToLower(name)
		q.Conditions[name] = append(q.Conditions[name], value)
	}
	if q.Key != "" && f.dataDir == "" {
		return usagef("--key needs --data-dir")
	}
	return nil
}

// read reads the policies in files.
func (q *policyQuestion) read(policy string, identity []string) error {
	if q.Key == "" && policy == "" {
		return usagef("give --key, --policy or both")
	}
	if policy != "" {
		text, err := os.ReadFile(policy)
		if err != nil {
			return err
		}
		q.Policy = string(text)
	}
	for _, path := range identity {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		q.Identity = append(q.Identity, string(text))
	}
	return nil
}

func (q *policyQuestion) ask(ctx context.Context, f *flags) (policyAnswer, error) {
	if q.Key != "" {
		return ask[policyAnswer](ctx, f.dataDir, "key-policy-test", *q)
	}
	return q.alone()
}

// testKeyPolicy asks about a stored key, as the directory knows the principal.
func (s *stack) testKeyPolicy(ctx context.Context, q policyQuestion) (policyAnswer, error) {
	caller := s.operator(q.scope)
	if q.Principal != "" {
		known, err := s.people.Hypothetical(ctx, q.Principal)
		if err != nil {
			return policyAnswer{}, err
		}
		p := known.Principal
		caller = kms.Caller{
			Account: p.Account, ARN: p.ARN, RoleARN: p.RoleARN, UserID: p.UserID, UserName: p.UserName, Type: string(p.Type),
			Tags: p.Tags, Region: caller.Region,
		}
		for _, policy := range known.Boundary {
			caller.Boundary = append(caller.Boundary, kms.Policy{Name: policy.Name, Document: policy.Text})
		}
		for _, policy := range known.Identity {
			caller.Policies = append(caller.Policies, kms.Policy{Name: policy.Name, Document: policy.Text})
		}
	}
	for i, text := range q.Identity {
		caller.Policies = append(caller.Policies, kms.Policy{Name: identityName(i), Document: text})
	}
	caller.SourceIP, caller.ViaService = q.SourceIP, q.Via
	out, err := s.keys.Explain(ctx, caller, kms.Question{
		Operation: q.Action, KeyID: q.Key, Policy: q.Policy, EncryptionContext: q.Context, Conditions: q.Conditions,
	})
	if err != nil {
		return policyAnswer{}, err
	}
	return policyAnswer{out.Allowed, out.Reason, out.Message, out.Trace, string(out.State)}, nil
}

func (a *policyAnswer) print(env *environment, asJSON bool) error {
	if asJSON {
		if err := printJSON(env.stdout, a); err != nil {
			return err
		}
	} else if err := a.printText(env); err != nil {
		return err
	}
	if !a.Allowed {
		return exitStatus(1)
	}
	return nil
}

func (a *policyAnswer) printText(env *environment) error {
	var text strings.Builder
	verdict := "allow"
	if !a.Allowed {
		verdict = "deny"
	}
	fmt.Fprintf(&text, "%s: %s\n", verdict, a.Reason)
	if a.Message != "" {
		fmt.Fprintf(&text, "%s\n", a.Message)
	}
	for _, step := range a.Trace {
		fmt.Fprintf(&text, "  %s\n", step)
	}
	if a.KeyState != "" && a.KeyState != string(kms.Enabled) {
		fmt.Fprintf(&text, "the key is %s, which may refuse what is allowed\n", a.KeyState)
	}
	_, err := fmt.Fprint(env.stdout, text.String())
	return err
}
