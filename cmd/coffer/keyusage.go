package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"coffer.example/kms"
)

// keyUser is a service that keeps things under KMS keys. KeyUses calls emit with each
// that depends on a key, of every account: what it is, whose, its name and its state.
type keyUser interface {
	KeyUses(ctx context.Context, keyARN string, emit func(kind, account, name, state string) error) error
}

// keyUsers are the services that `coffer key usage` asks, in the order it shows them.
func (s *stack) keyUsers() []keyUser { return []keyUser{s.machines, s.images} }

// keyCall names a key.
type keyCall struct {
	scope
	Key string `json:"key"`
}

// keyUsageItem is one line of `coffer key usage`: first the key itself, then its dependents.
type keyUsageItem struct {
	Key       *keyUsage  `json:"key,omitempty"`
	Dependent *dependent `json:"dependent,omitempty"`
}

// keyUsage is a key as its dependents see it.
type keyUsage struct {
	ARN           string     `json:"arn"`
	State         string     `json:"state"`
	DeletionDate  *time.Time `json:"deletionDate,omitempty"`
	Aliases       []string   `json:"aliases"`
	LastOperation string     `json:"lastOperation,omitempty"`
	LastUsed      *time.Time `json:"lastUsed,omitempty"`
}

// dependent is something that is lost with a key.
type dependent struct {
	Kind    string `json:"kind"` // volume, snapshot, pending copy, default key, repository, grant, …
	Account string `json:"account"`
	Name    string `json:"name"`
	State   string `json:"state,omitempty"`
}

func keyUsageCommand(ctx context.Context, env *environment, args []string) error {
	f := newFlags(env, "key usage", "KEY").withJSON()
	var call keyCall
	call.register(f)
	operands, err := f.parse(args, 1)
	if err != nil {
		return err
	}
	call.Key = operands[0]
	var about *keyUsage
	var rows [][]string
	err = askStream(ctx, f.dataDir, "key-usage", call, func(item keyUsageItem) error {
		if f.json {
			return printJSONLine(env.stdout, item)
		}
		if item.Key != nil {
			about = item.Key
		} else if d := item.Dependent; d != nil {
			rows = append(rows, []string{d.Kind, d.Account, d.Name, orDash(d.State)})
		}
		return nil
	})
	if err != nil || f.json {
		return err
	}
	return printKeyUsage(env, about, rows)
}

func printKeyUsage(env *environment, about *keyUsage, rows [][]string) error {
	state := about.State
	if about.DeletionDate != nil {
		state += ", to be deleted " + about.DeletionDate.Format(time.RFC3339)
	}
	used := "never"
	if about.LastUsed != nil {
		used = about.LastOperation + " at " + about.LastUsed.Format(time.RFC3339)
	}
	_, err := fmt.Fprintf(env.stdout, "key       %s\nstate     %s\naliases   %s\nlast use  %s\n", about.ARN, state, orDash(strings.Join(about.Aliases, " ")), used)
	switch {
	case err != nil:
		return err
	case len(rows) == 0:
		_, err = fmt.Fprintln(env.stdout, "nothing here depends on it; data keys that programs keep elsewhere are not known here")
		return err
	}
	return printTable(env.stdout, []string{"DEPENDENT", "ACCOUNT", "NAME", "STATE"}, rows)
}

// keyUsage emits a key and what depends on it.
func (s *stack) keyUsage(ctx context.Context, call keyCall, emit func(keyUsageItem) error) error {
	var grants []kms.Grant
	report, err := s.keys.Report(ctx, s.operator(call.scope), call.Key, func(g kms.Grant) error {
		grants = append(grants, g)
		return nil
	})
	if err != nil {
		return err
	}
	about := keyUsage{ARN: report.ARN, State: string(report.State), Aliases: report.Aliases, LastOperation: report.Last.Operation}
	if !report.DeletionDate.IsZero() {
		about.DeletionDate = &report.DeletionDate
	}
	if report.Last.Operation != "" {
		about.LastUsed = &report.Last.Time
	}
	if err := emit(keyUsageItem{Key: &about}); err != nil {
		return err
	}
	depends := func(kind, account, name, state string) error {
		return emit(keyUsageItem{Dependent: &dependent{kind, account, name, state}})
	}
	for _, user := range s.keyUsers() {
		if err := user.KeyUses(ctx, report.ARN, depends); err != nil {
			return err
		}
	}
	for _, g := range grants {
		name := g.ID
		if g.Name != "" {
			name += " (" + g.Name + ")"
		}
		what := "to " + g.Grantee + ": " + strings.Join(g.Operations, " ")
		if err := depends("grant", accountOf(g.IssuingAccount), name, what); err != nil {
			return err
		}
	}
	return nil
}

// accountOf is the account in an ARN.
func accountOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	return parts[4]
}
