package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"coffer.example/blockstore"
	"coffer.example/internal/audit"
)

// verifyCall has the arguments of verify.
type verifyCall struct {
	StructureOnly bool `json:"structureOnly,omitempty"`
}

// verifyItem is one line of a verification: how far it is or, at last, what it found.
type verifyItem struct {
	Done   int64         `json:"done,omitempty"`
	Total  int64         `json:"total,omitempty"`
	Report *verifyReport `json:"report,omitempty"`
}

// verifyReport is what a verification found in the volumes and the audit trail.
type verifyReport struct {
	Clean        bool              `json:"clean"`
	Volumes      int               `json:"volumes"`
	Snapshots    int               `json:"snapshots"`
	Records      int64             `json:"records"`
	Blocks       int64             `json:"blocks"`
	Unchecked    []string          `json:"unchecked,omitempty"` // volumes and snapshots whose key refused
	Problems     map[string]string `json:"problems,omitempty"`  // the first bad place of each kind
	Counts       map[string]int64  `json:"counts,omitempty"`
	AuditRecords int               `json:"auditRecords"`
	AuditProblem string            `json:"auditProblem,omitempty"`
}

var (
	errDamage    = errors.New("damage found")
	errUnchecked = errors.New("not everything could be checked")
)

// verifyCommand reads and authenticates everything in a directory, served or not.
func verifyCommand(ctx context.Context, env *environment, args []string) error {
	f := newFlags(env, "verify", "").withJSON()
	var root rootFlags
	var call verifyCall
	root.register(f)
	f.BoolVar(&call.StructureOnly, "structure-only", false, "check only what needs no key")
	if _, err := f.parse(args, 0); err != nil {
		return err
	}
	if err := root.check(); err != nil {
		return err
	}
	report, err := runVerify(ctx, env, f.dataDir, &root, call)
	if err != nil {
		return err
	}
	if f.json {
		err = printJSON(env.stdout, report)
	} else {
		err = report.print(env)
	}
	switch {
	case err != nil:
		return err
	case len(report.Problems) > 0 || report.AuditProblem != "":
		return errDamage
	case !report.Clean:
		return errUnchecked
	}
	return nil
}

// runVerify verifies through the daemon or, if nobody holds the directory, here.
func runVerify(ctx context.Context, env *environment, path string, root *rootFlags, call verifyCall) (report *verifyReport, err error) {
	shown := newProgress(env, "verify")
	defer shown.finish()
	visit := func(item verifyItem) error {
		if item.Report != nil {
			report = item.Report
		}
		shown.update(item.Done, item.Total)
		return nil
	}
	s, release, err := openOffline(ctx, env, path, root, []step{(*stack).openKeys, (*stack).openTrail, (*stack).openStore})
	if errors.Is(err, errBusy) {
		err = askStream(ctx, path, "verify", call, visit)
		return report, err
	}
	if err != nil {
		return nil, err
	}
	err = s.verify(ctx, call, visit)
	return report, errors.Join(err, release())
}

// verify checks the volumes and the audit trail.
func (s *stack) verify(ctx context.Context, call verifyCall, emit func(verifyItem) error) error {
	found, err := s.store.Verify(ctx, blockstore.VerifyOptions{
		StructureOnly: call.StructureOnly,
		Progress: func(done, total int64) {
			_ = emit(verifyItem{Done: done, Total: total}) // if the client has gone, ctx ends the work
		},
	})
	if err != nil {
		return err
	}
	trail, broken := s.trail.Verify(ctx)
	if broken != nil && !errors.Is(broken, audit.ErrBroken) {
		return broken
	}
	report := &verifyReport{
		Clean: found.Clean() && broken == nil, Volumes: found.Volumes, Snapshots: found.Snapshots, Records: found.Records,
		Blocks: found.Blocks, Unchecked: found.Unchecked, Counts: found.Counts, AuditRecords: trail.Records,
		Problems: map[string]string{},
	}
	for kind, problem := range found.Problems {
		report.Problems[kind] = problem.Error()
	}
	if broken != nil {
		report.AuditProblem = broken.Error()
	}
	return emit(verifyItem{Report: report})
}

func (r *verifyReport) print(env *environment) error {
	if _, err := fmt.Fprintf(env.stdout, "volumes %d, snapshots %d: %d extent records and %d blocks read and authenticated\naudit: %d records in one chain\n",
		r.Volumes, r.Snapshots, r.Records, r.Blocks, r.AuditRecords); err != nil {
		return err
	}
	var lines []string
	for _, kind := range slices.Sorted(maps.Keys(r.Problems)) {
		lines = append(lines, fmt.Sprintf("%d × %s, first: %s", r.Counts[kind], kind, r.Problems[kind]))
	}
	if r.AuditProblem != "" {
		lines = append(lines, r.AuditProblem)
	}
	for _, id := range r.Unchecked {
		lines = append(lines, "unchecked: "+id)
	}
	if len(lines) == 0 {
		lines = []string{"nothing is wrong"}
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(env.stdout, line); err != nil {
			return err
		}
	}
	return nil
}
