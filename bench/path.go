package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Path is a way for the same code to run: a child process started with GODEBUG switches,
// which a process reads only once. It lives as long as the run.
type Path struct {
	Name  string
	Debug string // added to GODEBUG, whose cpu.* and fips140 entries are dropped first
}

// lane runs slots: in a child process, or in this one.
type lane interface {
	measure(c Case, d time.Duration) (Sample, error)
	close() error
}

// localLane runs cases in this process.
type localLane struct{}

func (localLane) measure(c Case, d time.Duration) (Sample, error) {
	if c.Measure != nil {
		s, err := c.Measure()
		if err == nil && (s.Wall < minTime || s.Wall > maxTime) {
			err = fmt.Errorf("%w: a time of %v per operation", ErrOptions, s.Wall)
		}
		if err != nil {
			return Sample{}, fmt.Errorf("%s: %w", c.Name(), err)
		}
		return s, nil
	}
	if c.New == nil {
		return Sample{}, fmt.Errorf("%w: case %s has no New", ErrOptions, c.Name())
	}
	return measureSlot(c, d)
}

func (localLane) close() error { return nil }

// childLane runs cases in one child process.
type childLane struct {
	path    Path
	hello   childHello
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	request *json.Encoder
	reply   *json.Decoder
	stderr  *tail
	ended   bool
}

// startChild starts command with the path's GODEBUG and waits for its hello. The
// context's end kills it.
func startChild(ctx context.Context, command []string, p Path) (*childLane, error) {
	l := &childLane{path: p, stderr: new(tail)}
	l.cmd = exec.CommandContext(ctx, command[0], command[1:]...)
	l.cmd.Env = append(os.Environ(), "GODEBUG="+childDebug(os.Getenv("GODEBUG"), p.Debug))
	l.cmd.Stderr = l.stderr // the runtime grumbles there about switches it does not know
	var err error
	if l.stdin, err = l.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := l.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err = l.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: path %s: %w", ErrChild, p.Name, err)
	}
	l.request, l.reply = json.NewEncoder(l.stdin), json.NewDecoder(stdout)
	slow := time.AfterFunc(childStart, func() { _ = l.cmd.Process.Kill() })
	err = l.reply.Decode(&l.hello)
	slow.Stop()
	if err != nil {
		return nil, l.failed(err)
	}
	if l.hello.Error != "" {
		_ = l.close() // it has ended by itself
		return nil, fmt.Errorf("%w: path %s: %s", ErrKnownAnswer, p.Name, l.hello.Error)
	}
	return l, nil
}

func (l *childLane) measure(c Case, d time.Duration) (Sample, error) {
	q := childRequest{Case: c.Name(), Cores: max(1, c.Cores), Latency: c.Latency, Slot: d}
	if err := l.request.Encode(q); err != nil {
		return Sample{}, l.failed(err)
	}
	var a childReply
	if err := l.reply.Decode(&a); err != nil {
		return Sample{}, l.failed(err)
	}
	if a.Error != "" {
		return Sample{}, fmt.Errorf("%w: path %s: %s: %s", ErrChild, l.path.Name, c.Name(), a.Error)
	}
	return a.Sample, nil
}

// failed ends the child and adds its last words to err.
func (l *childLane) failed(err error) error {
	_ = l.close() // err says more; its standard error is complete now
	return fmt.Errorf("%w: path %s: %w: %s", ErrChild, l.path.Name, err, strings.TrimSpace(l.stderr.String()))
}

// close ends the child: its input ends, and so does it. Only the first call waits.
func (l *childLane) close() error {
	if l.ended {
		return nil
	}
	l.ended = true
	_ = l.stdin.Close() // Wait tells
	slow := time.AfterFunc(childStart, func() { _ = l.cmd.Process.Kill() })
	defer slow.Stop()
	if err := l.cmd.Wait(); err != nil {
		return fmt.Errorf("%w: path %s: %w", ErrChild, l.path.Name, err)
	}
	return nil
}

func (l *childLane) report() PathReport {
	f := l.hello.Features
	return PathReport{Name: l.path.Name, GODEBUG: l.path.Debug, GCM: f.GCMPath, ChaCha: f.ChaChaPath,
		ConstantTimeAES: f.ConstantTimeAES, FIPS: f.FIPS, KnownAnswers: l.hello.KnownAnswers, Features: f.Features}
}

// childDebug returns the GODEBUG of a child: the parent's, without what a path decides.
func childDebug(parent, path string) string {
	var keep []string
	for _, entry := range strings.Split(parent, ",") {
		if entry != "" && !strings.HasPrefix(entry, "cpu.") && !strings.HasPrefix(entry, "fips140=") {
			keep = append(keep, entry)
		}
	}
	if path != "" {
		keep = append(keep, path)
	}
	return strings.Join(keep, ",")
}

// tail keeps the last maxChildStderr bytes that are written to it.
type tail struct {
	mu sync.Mutex // guards b
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	t.b = t.b[max(0, len(t.b)-maxChildStderr):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
