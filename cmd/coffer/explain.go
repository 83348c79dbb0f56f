package main

import (
	"bytes"
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
	events, err := requestEvents(ctx, f.dataDir, filter.Filter)
	if err != nil {
		return err
	}
	for _, event := range events {
		if f.json {
			_, err = fmt.Fprintf(env.stdout, "%s\n", event)
		} else {
			err = explainEvent(env.stdout, event)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var errNoEvent = errors.New("the audit trail has no such request")

// maxExplained bounds the events of one request: a launch makes a few per volume.
const maxExplained = 200

// requestEvents returns all events of the last request that the filter chooses: its
// own, and those of the calls that it made to the key store.
func requestEvents(ctx context.Context, dir string, filter audit.Filter) ([][]byte, error) {
	last, err := lastEvents(ctx, dir, filter, 1)
	if err != nil {
		return nil, err
	}
	if len(last) == 0 {
		return nil, errNoEvent
	}
	var e seenEvent
	if err := json.Unmarshal(last[0], &e); err != nil || e.RequestID == "" {
		return last, err
	}
	return lastEvents(ctx, dir, audit.Filter{RequestID: e.RequestID}, maxExplained)
}

func lastEvents(ctx context.Context, dir string, filter audit.Filter, n int) ([][]byte, error) {
	var found [][]byte
	err := audit.Scan(ctx, audit.ScanOptions{Dir: filepath.Join(dir, auditName), Filter: filter, Last: n}, func(line []byte) error {
		found = append(found, bytes.Clone(line))
		return nil
	})
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
		fmt.Fprintln(&text, d.Reason)
		for _, step := range d.Trace {
			fmt.Fprintf(&text, "  %s\n", step)
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}
