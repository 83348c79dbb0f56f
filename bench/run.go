package bench

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"time"
)

// Options say how cases are run.
type Options struct {
	Kind   string        // of the report; empty: custom
	Rounds int           // 0: DefaultRounds
	Slot   time.Duration // 0: DefaultSlot
	Seed   uint64        // of the order of groups within a round

	// Paths are the child processes that cases name, and Command starts one: it must
	// call ServeChild. Empty: this executable with the argument ChildArg.
	Paths   []Path
	Command []string

	// Strict refuses a machine that is busy at the start, and a run with warnings.
	Strict bool
	// Emulated marks the report as made under emulation where that was not recognised.
	Emulated bool
	// Progress, if set, is called before every round.
	Progress func(round, rounds int)

	// Root is the file system that the machine's facts are read from; nil: the host's.
	Root fs.FS
	// Now is the clock of Started and Elapsed; nil: time.Now. Slots always use the machine's.
	Now func() time.Time
}

func (o *Options) complete() error {
	if o.Rounds == 0 {
		o.Rounds = DefaultRounds
	}
	if o.Slot == 0 {
		o.Slot = DefaultSlot
	}
	if o.Rounds < MinLongRounds || o.Rounds > MaxRounds {
		return fmt.Errorf("%w: %d rounds, want %d to %d", ErrOptions, o.Rounds, MinLongRounds, MaxRounds)
	}
	if o.Slot < 0 || o.Slot > MaxSlot {
		return fmt.Errorf("%w: slot of %v", ErrOptions, o.Slot)
	}
	if o.Kind == "" {
		o.Kind = "custom"
	}
	if !validKind(o.Kind) {
		return fmt.Errorf("%w: kind %q is not a word", ErrOptions, o.Kind)
	}
	if o.Root == nil {
		o.Root = os.DirFS("/")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return nil
}

// Run measures the cases round by round. In a round every case has one slot; the
// groups come in a random order, and so do the cases of a group, next to each other. So
// drift of the machine hits all cases alike, and ratios within a group are paired.
func Run(ctx context.Context, o Options, cases []Case) (*Report, error) {
	s, err := newSession(ctx, o)
	if err != nil {
		return nil, err
	}
	defer s.close()
	return s.run(ctx, cases)
}

// session is a run whose child processes are up.
type session struct {
	Options
	lanes    map[string]lane
	children []*childLane
	report   *Report
}

func newSession(ctx context.Context, o Options) (*session, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	s := &session{Options: o, lanes: map[string]lane{"": localLane{}}, report: &Report{
		Format: reportFormat, Kind: o.Kind, Started: o.Now().UTC(),
		Settings: Settings{o.Rounds, o.Slot, o.Seed}, Machine: readMachine(o.Root),
	}}
	s.report.Machine.Emulated = s.report.Machine.Emulated || o.Emulated
	if w := s.busy(); o.Strict && w != "" {
		return nil, fmt.Errorf("%w: %s", ErrDirty, w)
	}
	command := o.Command
	if len(command) == 0 && len(o.Paths) > 0 {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrChild, err)
		}
		command = []string{self, ChildArg}
	}
	for _, p := range o.Paths {
		l, err := startChild(ctx, command, p)
		if err != nil {
			s.close()
			return nil, err
		}
		s.lanes[p.Name] = l
		s.children = append(s.children, l)
		s.report.Paths = append(s.report.Paths, l.report())
	}
	return s, nil
}

// close ends the children. One that fails now has already given its results.
func (s *session) close() {
	for _, l := range s.children {
		_ = l.close()
	}
	s.children = nil
}

func (s *session) run(ctx context.Context, cases []Case) (*Report, error) {
	rows, groups, err := s.plan(cases)
	if err != nil {
		return nil, err
	}
	steal, total := cpuTimes(s.Root)
	order := rand.New(rand.NewPCG(s.Seed, 1))
	for round := range s.Rounds {
		if s.Progress != nil {
			s.Progress(round+1, s.Rounds)
		}
		for _, g := range order.Perm(len(groups)) {
			for _, i := range order.Perm(len(groups[g])) {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				k := groups[g][i]
				sample, err := s.lanes[cases[k].Path].measure(cases[k], s.Slot)
				if err != nil {
					return nil, err
				}
				rows[k].add(sample)
			}
		}
	}
	s.report.Rows = rows
	s.finish(steal, total)
	if s.Strict && len(s.report.Warnings) > 0 {
		return s.report, fmt.Errorf("%w: %s", ErrDirty, s.report.Warnings[0])
	}
	return s.report, nil
}

// plan checks the cases and returns a row for each and the indexes of each group.
func (s *session) plan(cases []Case) (rows []Row, groups [][]int, err error) {
	byGroup, seen := map[string]int{}, map[string]bool{}
	for i, c := range cases {
		switch {
		case c.Group == "" || c.Variant == "" || seen[c.Name()]:
			return nil, nil, fmt.Errorf("%w: case %q has no name of its own", ErrOptions, c.Name())
		case s.lanes[c.Path] == nil:
			return nil, nil, fmt.Errorf("%w: case %s wants path %q", ErrOptions, c.Name(), c.Path)
		case c.Measure == nil && s.Rounds < MinRounds:
			return nil, nil, fmt.Errorf("%w: %d rounds, want at least %d", ErrOptions, s.Rounds, MinRounds)
		case c.Measure != nil && c.Path != "":
			return nil, nil, fmt.Errorf("%w: case %s measures itself and has a path", ErrOptions, c.Name())
		case c.Cores < 0 || c.Cores > MaxCores || c.Bytes < 0:
			return nil, nil, fmt.Errorf("%w: case %s with %d cores, %d bytes", ErrOptions, c.Name(), c.Cores, c.Bytes)
		}
		seen[c.Name()] = true
		g, ok := byGroup[c.Group]
		if !ok {
			g = len(groups)
			byGroup[c.Group] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], i)
		rows = append(rows, Row{Group: c.Group, Variant: c.Variant, Path: c.Path, Labels: c.Labels, Bytes: c.Bytes, Cores: max(1, c.Cores)})
	}
	return rows, groups, nil
}

func (s *session) finish(steal, total uint64) {
	rep := s.report
	rep.Elapsed = s.Now().Sub(rep.Started)
	m := &rep.Machine
	m.LoadAfter = load(s.Root)
	if st, tot := cpuTimes(s.Root); tot > total {
		m.StealShare = float64(st-steal) / float64(tot-total)
	}
	rep.Warnings = s.warnings()
}
