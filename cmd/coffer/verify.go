package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	if report.Clean = report.outcome() == nil; f.json {
		err = printJSON(env.stdout, report)
	} else {
		err = report.print(env)
	}
	if err != nil {
		return err
	}
	return report.outcome()
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
	dir, err := openDirectory(path)
	if errors.Is(err, errBusy) {
		err = askStream(ctx, path, "verify", call, visit)
		return report, err
	}
	if err != nil {
		return nil, err
	}
	offline := verifyOffline
	if call.StructureOnly || root.isAbsent(dir) {
		offline = verifyStructure
	}
	err = offline(ctx, env, dir, root, visit)
	return report, errors.Join(err, dir.release())
}

// verifyOffline opens data keys as the operator, whatever the state of their keys.
func verifyOffline(ctx context.Context, env *environment, dir *directory, root *rootFlags, emit func(verifyItem) error) error {
	seal, err := root.forOpen(env, dir)
	if err != nil {
		return err
	}
	s, err := openStack(ctx, stackOptions{log: slog.New(slog.DiscardHandler), dir: dir, root: seal},
		[]step{(*stack).openKeys, (*stack).openTrail, (*stack).openStore})
	if err != nil {
		return err
	}
	return errors.Join(s.verifyWith(ctx, blockstore.VerifyOptions{Keys: s.keys.OperatorKeyring()}, emit), s.close())
}

// verifyStructure checks what needs no root key.
func verifyStructure(ctx context.Context, _ *environment, dir *directory, _ *rootFlags, emit func(verifyItem) error) error {
	report := &verifyReport{Unchecked: []string{"everything that needs the root key"}, Problems: map[string]string{}}
	trail, err := audit.Verify(ctx, audit.VerifyOptions{Dir: dir.file(auditName)})
	if err := report.addTrail(trail, err); err != nil {
		return err
	}
	store, err := blockstore.Open(blockstore.Options{Dir: dir.path, ReadOnly: true})
	if err != nil {
		return err
	}
	found, err := store.Verify(ctx, blockstore.VerifyOptions{StructureOnly: true, Progress: showing(emit)})
	if err := errors.Join(err, store.Close()); err != nil {
		return err
	}
	report.addStore(found)
	return emit(verifyItem{Report: report})
}

// verify checks the volumes, as far as their keys allow, and the audit trail.
func (s *stack) verify(ctx context.Context, call verifyCall, emit func(verifyItem) error) error {
	return s.verifyWith(ctx, blockstore.VerifyOptions{StructureOnly: call.StructureOnly}, emit)
}

func (s *stack) verifyWith(ctx context.Context, o blockstore.VerifyOptions, emit func(verifyItem) error) error {
	o.Progress = showing(emit)
	found, err := s.store.Verify(ctx, o)
	if err != nil {
		return err
	}
	report := &verifyReport{Problems: map[string]string{}}
	if o.StructureOnly {
		report.Unchecked = []string{"everything that needs a key"}
	}
	report.addStore(found)
	trail, err := s.trail.Verify(ctx)
	if err := report.addTrail(trail, err); err != nil {
		return err
	}
	return emit(verifyItem{Report: report})
}

// showing emits the progress. If the client has gone, its context ends the work.
func showing(emit func(verifyItem) error) func(done, total int64) {
	return func(done, total int64) { _ = emit(verifyItem{Done: done, Total: total}) }
}

func (r *verifyReport) addStore(found *blockstore.Report) {
	r.Volumes, r.Snapshots, r.Records, r.Blocks, r.Counts = found.Volumes, found.Snapshots, found.Records, found.Blocks, found.Counts
	r.Unchecked = append(r.Unchecked, found.Unchecked...)
	for kind, problem := range found.Problems {
		r.Problems[kind] = problem.Error()
	}
}

// addTrail takes what a check of the audit trail found; other errors it returns.
func (r *verifyReport) addTrail(found audit.Report, err error) error {
	if err != nil && !errors.Is(err, audit.ErrBroken) {
		return err
	}
	r.AuditRecords = found.Records
	if err != nil {
		r.AuditProblem = err.Error()
	}
	return nil
}

// outcome is the error that the command ends with.
func (r *verifyReport) outcome() error {
	switch {
	case len(r.Problems) > 0 || r.AuditProblem != "":
		return errDamage
	case len(r.Unchecked) > 0:
		return errUnchecked
	}
	return nil
}

func (r *verifyReport) print(env *environment) error {
	if _, err := fmt.Fprintf(env.stdout, "volumes %d, snapshots %d: %d extent records and %d blocks read and authenticated\naudit: %d records\n",
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
