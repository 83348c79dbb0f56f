package audit

import (
	"context"
	"errors"
	"fmt"

	"coffer.example/aead"
)

// VerifyOptions say what Verify checks a directory against.
type VerifyOptions struct {
	Dir string
	FS  FS           // nil: OS{}
	Key *aead.MACKey // nil: only the form and the sequence are checked
	// Anchor is what the anchor store has; nil: the end is taken as it is found.
	Anchor []byte
}

// Report is what Verify found.
type Report struct {
	Files, Records int
	FirstFile      uint64
	FirstSeq       uint64 // above 1 if older files were moved away
	LastSeq        uint64
	Unchecked      bool     // no key was given
	TornBytes      int64    // after the last record, as a crash leaves them until Open
	Restarts       []string // files whose chain the operator began anew
	Broken         []*BrokenError
}

// Verify checks every file of a log. Its error is the first of Report.Broken, if any,
// or what kept it from reading. A broken file does not end it: the next one is
// checked from its own header.
func Verify(ctx context.Context, o VerifyOptions) (Report, error) {
	if o.FS == nil {
		o.FS = OS{}
	}
	r := Report{Unchecked: o.Key == nil}
	anchor, err := decodeAnchor(o.Anchor)
	if err != nil {
		return r, err
	}
	numbers, err := listFiles(o.FS, o.Dir)
	if err != nil {
		return r, fmt.Errorf("audit: %w", err)
	}
	v := verifier{o: o, report: &r, anchor: anchor}
	for i, n := range numbers {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		if err := v.file(n, i == len(numbers)-1); err != nil {
			return r, err
		}
	}
	return v.finish()
}

// verifier is a Verify under way.
type verifier struct {
	o        VerifyOptions
	report   *Report
	anchor   head
	anchored bool  // the anchored record was met
	limit    int64 // of the last file, while it is being written
	from     head
}

func (v *verifier) file(n uint64, last bool) error {
	r := v.report
	if r.Files > 0 && n != v.from.file+1 {
		r.Broken = append(r.Broken, &BrokenError{File: fileName(v.from.file + 1), Seq: v.from.seq + 1, What: "the file is missing"})
		v.from = head{}
	}
	limit := int64(0)
	if last {
		limit = v.limit
	}
	c, err := checkFile(v.o.FS, v.o.Dir, n, v.o.Key, v.from, limit, v.visit)
	if r.Files == 0 {
		r.FirstFile, r.FirstSeq = n, c.first
	}
	r.Files++
	r.Records += c.records
	r.LastSeq = max(r.LastSeq, c.head.seq)
	if c.header.Restart != "" {
		r.Restarts = append(r.Restarts, c.name)
	}
	if err == nil && !last && (c.torn > 0 || c.line == 0) {
		err = c.broken("torn in the middle of the log")
	}
	var broken *BrokenError
	switch {
	case errors.As(err, &broken):
		r.Broken = append(r.Broken, broken)
		v.from = head{file: n} // nothing the next header could follow
		return nil
	case err != nil:
		return err
	}
	r.TornBytes = c.torn
	v.from = c.head
	return nil
}

func (v *verifier) visit(h head) error {
	if h.seq != v.anchor.seq || v.anchor.seq == 0 {
		return nil
	}
	v.anchored = true
	if h != v.anchor {
		return &BrokenError{File: fileName(h.file), Seq: h.seq, What: "the record is not the anchored one"}
	}
	return nil
}

func (v *verifier) finish() (Report, error) {
	r := v.report
	if v.anchor.seq > 0 && !v.anchored {
		r.Broken = append(r.Broken, &BrokenError{File: fileName(v.anchor.file), Seq: v.anchor.seq,
			What: fmt.Sprintf("the anchored record %d is missing", v.anchor.seq)})
	}
	if len(r.Broken) > 0 {
		return *r, r.Broken[0]
	}
	return *r, nil
}

// Verify checks the log's own files up to what has been written when it is called.
func (l *Log) Verify(ctx context.Context) (Report, error) {
	l.mu.Lock()
	h, size := l.head, l.size
	l.mu.Unlock()
	r := Report{}
	v := verifier{o: VerifyOptions{Dir: l.opts.Dir, FS: l.opts.FS, Key: l.opts.Key}, report: &r, anchor: h, limit: size}
	numbers, err := listFiles(l.opts.FS, l.opts.Dir)
	if err != nil {
		return r, fmt.Errorf("audit: %w", err)
	}
	for _, n := range numbers {
		if n > h.file {
			break
		}
		if err := ctx.Err(); err != nil {
			return r, err
		}
		if err := v.file(n, n == h.file); err != nil {
			return r, err
		}
	}
	return v.finish()
}
