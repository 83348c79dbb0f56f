package main

import (
	"context"
	"fmt"
	"strings"

	"coffer.example/internal/audit"
)

// trailReport is what a check of the audit trail found.
type trailReport struct {
	Files    int      `json:"files"`
	Records  int      `json:"records"`
	First    uint64   `json:"first"`
	Last     uint64   `json:"last"`
	Restarts []string `json:"restarts,omitempty"` // files whose chain the operator began anew
}

// auditVerifyCommand checks the chain of the audit trail: no record was changed,
// dropped, added or moved.
func auditVerifyCommand(ctx context.Context, env *environment, args []string) error {
	f := newFlags(env, "audit verify", "").withJSON()
	var root rootFlags
	root.register(f)
	if _, err := f.parse(args, 0); err != nil {
		return err
	}
	if err := root.check(); err != nil {
		return err
	}
	report, err := onDirectory(ctx, env, f.dataDir, &root, "audit-verify", none{}, (*stack).verifyTrail, (*stack).openKeys, (*stack).openTrail)
	if err != nil {
		return err
	}
	if f.json {
		return printJSON(env.stdout, report)
	}
	_, err = fmt.Fprintf(env.stdout, "records %d to %d in %d file(s), one chain\n", report.First, report.Last, report.Files)
	if err == nil && len(report.Restarts) > 0 {
		_, err = fmt.Fprintf(env.stdout, "begun anew by the operator: %s\n", strings.Join(report.Restarts, " "))
	}
	return err
}

func (s *stack) verifyTrail(ctx context.Context, _ none) (trailReport, error) {
	report, err := s.trail.Verify(ctx)
	return fromReport(report), err
}

func fromReport(r audit.Report) trailReport {
	return trailReport{Files: r.Files, Records: r.Records, First: r.FirstSeq, Last: r.LastSeq, Restarts: r.Restarts}
}
