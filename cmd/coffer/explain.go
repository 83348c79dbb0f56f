package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"coffer.example/internal/audit"
)

// explainCommand says what decided a request: the one with the given request id, or
// the last one that was refused.
func explainCommand(ctx context.Context, env *environment, args []string) error {
	f := newFlags(env, "explain", "").withJSON()
	var filter auditFilter
	filter.register(f)
	f.StringVar(&filter.RequestID, "request", "", "the request's `id` (default: the last request that was refused)")
	if _, err := f.parse(args, 0); err != nil {
		return err
	}
	if err := filter.complete(); err != nil {
		return err
	}
	if _, err := readMarker(f.dataDir); err != nil {
		return err
	}
	if filter.RequestID == "" && filter.Error == "" {
		filter.Error = "*"
	}
	found, err := lastEvent(ctx, f.dataDir, filter.Filter)
	if err != nil {
		return err
	}
	if f.json {
		_, err := fmt.Fprintf(env.stdout, "%s\n", found)
		return err
	}
	return explainEvent(env.stdout, found)
}

var errNoEvent = errors.New("the audit trail has no such request")

func lastEvent(ctx context.Context, dir string, filter audit.Filter) ([]byte, error) {
	var found []byte
	err := audit.Scan(ctx, audit.ScanOptions{Dir: filepath.Join(dir, auditName), Filter: filter, Last: 1}, func(line []byte) error {
		found = append(found[:0], line...)
		return nil
	})
	if err == nil && found == nil {
		return nil, errNoEvent
	}
	return found, err
}

// explainEvent prints what was asked, what decided it, and the steps of the decision.
func explainEvent(out io.Writer, line []byte) error {
	var e seenEvent
	if err := json.Unmarshal(line, &e); err != nil {
		return err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s by %s%s\nrequest %s at %s\n", e.name(), e.who(), e.about(), e.RequestID, e.EventTime)
	if e.ErrorCode != "" {
		fmt.Fprintf(&text, "refused: %s %s\n", e.ErrorCode, e.ErrorMessage)
	} else {
		fmt.Fprintln(&text, "allowed")
	}
	if d := e.Decision; d != nil {
		fmt.Fprintf(&text, "%s: %s\n", d.Result, d.Reason)
		for _, step := range d.Trace {
			fmt.Fprintf(&text, "  %s\n", step)
		}
	} else {
		fmt.Fprintln(&text, "no policy was asked: the request was refused before, or for another reason")
	}
	_, err := io.WriteString(out, text.String())
	return err
}
