package bench

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// spin returns a case that does a fixed amount of arithmetic.
func spin(variant string, pairs int) Case {
	return Case{Group: "spin", Variant: variant, Bytes: int64(pairs), New: func() (Worker, error) {
		return Worker{Run: func() error { chain(pairs, 3, 5); return nil }}, nil
	}}
}

func short() Options {
	return Options{Rounds: MinRounds, Slot: 200 * time.Microsecond, Root: tree(nil)}
}

// TestRunFindsAFactor measures the same chain twice as long.
func TestRunFindsAFactor(t *testing.T) {
	rep, err := Run(context.Background(), short(), []Case{spin("one", 4000), spin("two", 8000)})
	require.NoError(t, err)
	require.Equal(t, "custom", rep.Kind)
	require.Len(t, rep.Rows, 2)
	require.InDelta(t, 0.5, rep.Ratio(&rep.Rows[1]).Median, 0.1)
	require.Zero(t, rep.Rows[0].Allocs)
	require.InDelta(t, 0.5, rep.Rows[0].BytesPerCycle(), 0.2, "a pair is two cycles, by definition of the estimate")
	require.Positive(t, Median(rep.Rows[0].CPU))
}

func TestRunCountsAllocations(t *testing.T) {
	var sink atomic.Pointer[[64]byte]
	rep, err := Run(context.Background(), short(), []Case{{Group: "g", Variant: "allocates", New: func() (Worker, error) {
		return Worker{Batch: 50, Run: func() error {
			for range 50 {
				sink.Store(new([64]byte))
			}
			return nil
		}}, nil
	}}})
	require.NoError(t, err)
	require.InDelta(t, 1, rep.Rows[0].Allocs, 0.1)
}

// TestResetIsNotTimed gives Reset a cost that would drown Run's.
func TestResetIsNotTimed(t *testing.T) {
	fresh := false
	rep, err := Run(context.Background(), Options{Rounds: MinRounds, Slot: time.Millisecond, Root: tree(nil)}, []Case{{Group: "g", Variant: "v", Latency: true, New: func() (Worker, error) {
		return Worker{
			Reset: func() { time.Sleep(300 * time.Microsecond); fresh = true },
			Run: func() error {
				if !fresh {
					return errors.New("run without reset")
				}
				fresh = false
				return nil
			}}, nil
	}}})
	require.NoError(t, err)
	require.Less(t, rep.Rows[0].Summary().Median, 100e3)
	require.NotZero(t, rep.Rows[0].Latency.Count())
}

func TestRunOnManyCores(t *testing.T) {
	c := spin("two cores", 4000)
	c.Group, c.Cores = "many", 2
	var closed atomic.Int32
	make := c.New
	c.New = func() (Worker, error) {
		w, err := make()
		w.Close = func() error { closed.Add(1); return nil }
		return w, err
	}
	rep, err := Run(context.Background(), short(), []Case{c})
	require.NoError(t, err)
	require.Equal(t, 2, rep.Rows[0].Cores)
	require.Equal(t, int32(2*MinRounds), closed.Load())
	require.InDelta(t, 0.5, rep.Rows[0].BytesPerCycle(), 0.25, "per core")
}

func TestRunRefuses(t *testing.T) {
	good := spin("v", 100)
	for name, v := range map[string]struct {
		options Options
		cases   []Case
	}{
		"few rounds":      {Options{Rounds: 19}, []Case{good}},
		"many rounds":     {Options{Rounds: MaxRounds + 1}, []Case{good}},
		"long slot":       {Options{Slot: 2 * MaxSlot}, []Case{good}},
		"a kind of words": {Options{Kind: "two words"}, []Case{good}},
		"same name":       {short(), []Case{good, good}},
		"no name":         {short(), []Case{{Group: "g"}}},
		"no New":          {short(), []Case{{Group: "g", Variant: "v"}}},
		"unknown path":    {short(), []Case{{Group: "g", Variant: "v", Path: "p"}}},
		"too many cores":  {short(), []Case{{Group: "g", Variant: "v", Cores: MaxCores + 1}}},
	} {
		_, err := Run(context.Background(), v.options, v.cases)
		require.ErrorIs(t, err, ErrOptions, name)
	}
}

func TestErrorsOfACaseEndTheRun(t *testing.T) {
	broken := errors.New("broken")
	calls := 0
	for name, c := range map[string]Case{
		"New": {Group: "g", Variant: "v", New: func() (Worker, error) { return Worker{}, broken }},
		"Run": {Group: "g", Variant: "v", New: func() (Worker, error) { return Worker{Run: func() error { return broken }}, nil }},
		"Run, later": {Group: "g", Variant: "v", New: func() (Worker, error) {
			return Worker{Run: func() error {
				if calls++; calls > 100 {
					return broken
				}
				return nil
			}}, nil
		}},
	} {
		_, err := Run(context.Background(), short(), []Case{c})
		require.ErrorIs(t, err, broken, name)
		require.ErrorContains(t, err, "g/v", name)
	}
	ctx, cancel := context.WithCancel(context.Background())
	o := short()
	o.Progress = func(round, rounds int) {
		if require.Equal(t, MinRounds, rounds); round == 3 {
			cancel()
		}
	}
	_, err := Run(ctx, o, []Case{spin("v", 100)})
	require.ErrorIs(t, err, context.Canceled)
}

func TestStrictRefusesABusyMachine(t *testing.T) {
	o := short()
	o.Strict = true
	o.Root = tree(map[string]string{"proc/loadavg": "99.00 1 1 1/1 1\n"})
	_, err := Run(context.Background(), o, []Case{spin("v", 100)})
	require.ErrorIs(t, err, ErrDirty)
	o.Strict = false
	rep, err := Run(context.Background(), o, []Case{spin("v", 100)})
	require.NoError(t, err)
	require.Contains(t, rep.Warnings[0], "load 99.00")

	// A warning that comes up during the run: the report is given with the error.
	o = short()
	o.Strict, o.Emulated = true, true
	rep, err = Run(context.Background(), o, []Case{spin("v", 100)})
	require.ErrorIs(t, err, ErrDirty)
	require.NotNil(t, rep)
	require.True(t, rep.Machine.Emulated)
}

func TestChildrenThatFail(t *testing.T) {
	run := func(command ...string) error {
		o := short()
		o.Paths, o.Command = []Path{{"p", ""}}, command
		_, err := Run(context.Background(), o, []Case{{Group: "no", Variant: "such case", Path: "p"}})
		return err
	}
	require.ErrorIs(t, run("/nonexistent/program"), ErrChild)
	err := run("/bin/sh", "-c", "echo out of order >&2; exit 3")
	require.ErrorIs(t, err, ErrChild)
	require.ErrorContains(t, err, "out of order")
	require.ErrorIs(t, run("/bin/sh", "-c", `echo '{"Error":"digest differs"}'`), ErrKnownAnswer)
	require.ErrorIs(t, run("/bin/sh", "-c", `echo '{}'; read request; exit 1`), ErrChild)
	self, err := os.Executable()
	require.NoError(t, err)
	err = run(self, ChildArg)
	require.ErrorIs(t, err, ErrChild)
	require.ErrorContains(t, err, "no/such case")
}

func TestServeChildRefusesBadRequests(t *testing.T) {
	resolve := func(name string) (Case, error) { return spin("v", 100), nil }
	serve := func(request string) (string, error) {
		var out strings.Builder
		err := ServeChild(strings.NewReader(request), &out, resolve)
		return out.String(), err
	}
	_, err := serve("")
	require.NoError(t, err)
	_, err = serve("nonsense")
	require.ErrorIs(t, err, ErrChild)
	for _, q := range []string{`{"Case":"x","Cores":0,"Slot":1000}`, `{"Case":"x","Cores":1,"Slot":0}`, `{"Case":"x","Cores":100000,"Slot":1}`} {
		out, err := serve(q)
		require.NoError(t, err)
		require.Contains(t, out, "cores for")
	}
	out, err := serve(`{"Case":"spin/v","Cores":1,"Slot":100000}`)
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(out, "\n"))
	require.ErrorIs(t, ServeChild(strings.NewReader(""), brokenPipe{}, resolve), io.ErrClosedPipe)
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestChildDebugReplacesWhatAPathDecides(t *testing.T) {
	require.Equal(t, "madvdontneed=1,cpu.aes=off", childDebug("cpu.avx2=off,madvdontneed=1,fips140=on", "cpu.aes=off"))
	require.Equal(t, "", childDebug("cpu.all=off", ""))
}

func TestResolveAEAD(t *testing.T) {
	o := AEADOptions{}
	require.NoError(t, o.complete())
	cases := o.cases([]PathReport{{Name: "default", GCM: "aes+pclmulqdq", ChaCha: "avx2"}, {Name: "no-aes", GCM: "generic", ChaCha: "avx2"}, {Name: "fips140", GCM: "aes+pclmulqdq", ChaCha: "avx2", FIPS: true}})
	for _, c := range cases {
		found, err := resolveAEAD(c.Name())
		require.NoError(t, err)
		require.Equal(t, c.Name(), found.Name())
	}
	variants := map[string]int{}
	for _, c := range cases {
		variants[c.Labels[LabelSuite]+" "+c.Variant]++
	}
	require.Len(t, variants, 6, "%v", variants) // AES: default, bare, generic, fips140; ChaCha20: default, bare
	for _, name := range []string{"", "AES-256-GCM/seal/out/4096/1", "AES-128/seal/out/4096/1/x", "AES-256-GCM/peel/out/4096/1/x", "AES-256-GCM/seal/out/1/1/x", "AES-256-GCM/seal/out/99999999/1/x", "AES-256-GCM/seal/out/n/1/x"} {
		_, err := resolveAEAD(name)
		require.ErrorIs(t, err, ErrOptions, name)
	}
	require.Equal(t, []int{1, 2}, DefaultCores(2))
	require.Equal(t, []int{1, 2, 3, 4, 8, 12}, DefaultCores(12))
}

// TestWorkersSealAndOpen runs every kind of worker over all its ring.
func TestWorkersSealAndOpen(t *testing.T) {
	for _, suite := range suites() {
		for _, op := range []string{opSeal, opOpen} {
			for _, inPlace := range []bool{false, true} {
				for _, bare := range []bool{false, true} {
					for _, size := range []int{minSize, 4096, 1 << 20} {
						w, err := aeadCase{suite: suite, op: op, inPlace: inPlace, size: size, bare: bare}.newWorker()
						require.NoError(t, err)
						require.Equal(t, max(1, ringBytes/size), w.Batch)
						for range 3 {
							if w.Reset != nil {
								w.Reset()
							}
							require.NoError(t, w.Run())
						}
					}
				}
			}
		}
	}
}

// A case that measures itself gives its samples as they are, and may have few rounds when all do.
func TestCasesThatMeasureThemselves(t *testing.T) {
	calls := 0
	own := Case{Group: "g", Variant: "own", Bytes: 8, Measure: func() (Sample, error) {
		calls++
		return Sample{Ops: 3, Wall: float64(100 * calls), CPU: 7}, nil
	}}
	o := Options{Rounds: MinLongRounds, Root: tree(nil)}
	rep, err := Run(context.Background(), o, []Case{own})
	require.NoError(t, err)
	require.Equal(t, []float64{100, 200, 300, 400, 500, 600}, rep.Rows[0].Wall)
	require.True(t, rep.Rows[0].Summary().CI.Bounded())
	require.EqualValues(t, 3*MinLongRounds, rep.Rows[0].Ops)

	o.Rounds = MinLongRounds - 1
	_, err = Run(context.Background(), o, []Case{own})
	require.ErrorIs(t, err, ErrOptions)
	o.Rounds = MinLongRounds
	_, err = Run(context.Background(), o, []Case{own, {Group: "g", Variant: "other", New: func() (Worker, error) { return Worker{}, nil }}})
	require.ErrorIs(t, err, ErrOptions, "cases of slots need more rounds")
	nothing := own
	nothing.Measure = func() (Sample, error) { return Sample{}, nil }
	_, err = Run(context.Background(), o, []Case{nothing})
	require.ErrorIs(t, err, ErrOptions, "no time")
}
