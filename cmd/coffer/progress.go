package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// progress is one line on a terminal that says how far long work has come. In a pipe
// it is silent.
type progress struct {
	out  io.Writer // nil: not a terminal
	what string
	last time.Time
}

// progressEvery bounds how often the line is rewritten.
const progressEvery = 200 * time.Millisecond

func newProgress(env *environment, what string) *progress {
	p := &progress{what: what}
	if file, ok := env.stderr.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		p.out = file
	}
	return p
}

// update shows how much is done; an unknown total is 0.
func (p *progress) update(done, total int64) {
	if p.out == nil || time.Since(p.last) < progressEvery {
		return
	}
	p.last = time.Now()
	if total > 0 {
		fmt.Fprintf(p.out, "\r%s: %3d %%\x1b[K", p.what, done*100/total)
	} else {
		fmt.Fprintf(p.out, "\r%s: %d\x1b[K", p.what, done)
	}
}

// finish wipes the line.
func (p *progress) finish() {
	if p.out != nil && !p.last.IsZero() {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
