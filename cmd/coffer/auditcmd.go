package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"coffer.example/internal/audit"
)

// auditName is the directory of the audit trail in a data directory.
const auditName = "audit"

// The trail's files are lines of JSON that only grow, so reading them needs neither
// the daemon nor a key; checking them does.

// auditFilter are the flags that choose events.
type auditFilter struct {
	audit.Filter
	context stringList
}

func (a *auditFilter) register(f *flags) {
	f.StringVar(&a.Key, "key", "", "events of a KMS `key` (id or ARN)")
	f.StringVar(&a.Principal, "principal", "", "events of a `principal` (ARN, name, access key id or account)")
	f.StringVar(&a.Error, "error", "", "events with an error `code`, or * for any")
	f.StringVar(&a.EventName, "event", "", "events of an `operation`")
	f.Var(&a.context, "context", "events with this `name=value` in their encryption context (repeatable)")
}

func (a *auditFilter) complete() error {
	for _, pair := range a.context {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return usagef("--context %s: not name=value", pair)
		}
		if a.Context == nil {
			a.Context = map[string]string{}
		}
		a.Context[name] = value
	}
	return nil
}

// defaultTail is how many events audit tail prints.
const defaultTail = 10

func auditTailCommand(ctx context.Context, env *environment, args []string) error {
	f := newFlags(env, "audit tail", "").withJSON()
	var filter auditFilter
	filter.register(f)
	lines := f.Int("lines", defaultTail, "how many `events`; 0 is all")
	follow := f.Bool("follow", false, "wait for more")
	if _, err := f.parse(args, 0); err != nil {
		return err
	}
	if err := filter.complete(); err != nil {
		return err
	}
	if _, err := readMarker(f.dataDir); err != nil {
		return err
	}
	scan := audit.ScanOptions{Dir: filepath.Join(f.dataDir, auditName), Filter: filter.Filter, Last: *lines, Follow: *follow}
	return audit.Scan(ctx, scan, func(line []byte) error {
		if f.json {
			_, err := fmt.Fprintf(env.stdout, "%s\n", line)
			return err
		}
		return printEvent(env.stdout, line)
	})
}

// seenEvent is what is shown of an event.
type seenEvent struct {
	EventTime    time.Time
	EventSource  string
	EventName    string
	ErrorCode    string
	ErrorMessage string
	RequestID    string
	UserIdentity audit.UserIdentity
	Resources    []audit.Resource
	Parameters   struct {
		Context       map[string]string `json:"encryptionContext"`
		SourceContext map[string]string `json:"sourceEncryptionContext"`
	} `json:"requestParameters"`
	Decision *audit.Decision `json:"cofferDecision"`
}

// printEvent prints an event on one line: when, what, the outcome, who, under which context.
func printEvent(out io.Writer, line []byte) error {
	var e seenEvent
	if err := json.Unmarshal(line, &e); err != nil {
		return err
	}
	outcome := "ok"
	if e.ErrorCode != "" {
		outcome = e.ErrorCode
	}
	_, err := fmt.Fprintf(out, "%s %-36s %-24s %s%s\n", e.EventTime.Format(time.RFC3339), e.name(), outcome, e.who(), e.about())
	return err
}

// name is the operation as policies call it: kms:Decrypt.
func (e *seenEvent) name() string {
	return strings.TrimSuffix(e.EventSource, ".amazonaws.com") + ":" + e.EventName
}

func (e *seenEvent) who() string {
	who := e.UserIdentity.ARN
	if who == "" {
		who = orDash(e.UserIdentity.AccessKeyID)
	}
	if e.UserIdentity.InvokedBy != "" {
		who += " via " + e.UserIdentity.InvokedBy
	}
	return who
}

func (e *seenEvent) about() string {
	var about strings.Builder
	for _, resource := range e.Resources {
		about.WriteString(" on " + resource.ARN)
	}
	for _, pairs := range []map[string]string{e.Parameters.Context, e.Parameters.SourceContext} {
		for _, name := range slices.Sorted(maps.Keys(pairs)) {
			about.WriteString(" " + name + "=" + pairs[name])
		}
	}
	return about.String()
}
