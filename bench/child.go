package bench

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"coffer.example/aead"
)

// ChildArg is the first argument of a child process. A program that runs paths in
// children calls ChildMain when it finds it, before anything else.
const ChildArg = "bench-child"

// childHello is the first line of a child.
type childHello struct {
	Features     aead.CPUFeatures
	KnownAnswers int
	Error        string // why nothing can be timed
	GOMAXPROCS   int
}

// childRequest asks for one slot of a case; childReply answers.
type childRequest struct {
	Case    string
	Cores   int
	Latency bool
	Slot    time.Duration
}

type childReply struct {
	Sample Sample
	Error  string
}

// ChildMain serves the cases of RunAEAD on standard input and output until the parent
// goes away, and returns the exit status.
func ChildMain() int {
	if err := ServeChild(os.Stdin, os.Stdout, resolveAEAD); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// ServeChild answers a parent's requests: it checks the known answers of the ciphers
// in this process, then runs slots of the cases that resolve finds by name, until in ends.
func ServeChild(in io.Reader, out io.Writer, resolve func(name string) (Case, error)) error {
	hello := childHello{Features: aead.Features(), GOMAXPROCS: runtime.GOMAXPROCS(0)}
	n, err := KnownAnswers()
	if hello.KnownAnswers = n; err != nil {
		hello.Error = err.Error()
	}
	reply, requests := json.NewEncoder(out), json.NewDecoder(bufio.NewReader(in))
	if err := reply.Encode(hello); err != nil {
		return err
	}
	if hello.Error != "" {
		return err
	}
	for {
		var q childRequest
		if err := requests.Decode(&q); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("%w: request: %w", ErrChild, err)
		}
		if err := reply.Encode(answer(q, resolve)); err != nil {
			return err
		}
	}
}

func answer(q childRequest, resolve func(name string) (Case, error)) childReply {
	if q.Cores < 1 || q.Cores > MaxCores || q.Slot <= 0 || q.Slot > MaxSlot {
		return childReply{Error: fmt.Sprintf("%d cores for %v", q.Cores, q.Slot)}
	}
	c, err := resolve(q.Case)
	if err != nil {
		return childReply{Error: err.Error()}
	}
	c.Cores, c.Latency = q.Cores, q.Latency
	s, err := measureSlot(c, q.Slot)
	if err != nil {
		return childReply{Error: err.Error()}
	}
	return childReply{Sample: s}
}
