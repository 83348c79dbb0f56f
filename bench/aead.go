package bench

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"strconv"
	"strings"

	"coffer.example/aead"
)

// Labels of the rows of RunAEAD.
const (
	LabelSuite  = "suite"  // AES-256-GCM, ChaCha20-Poly1305
	LabelOp     = "op"     // seal, open
	LabelPlace  = "place"  // in, out: of place
	LabelSize   = "size"   // plaintext bytes
	LabelCores  = "cores"  // goroutines
	LabelEngine = "engine" // coffer, bare
	LabelCode   = "code"   // code path: aes+pclmulqdq, generic, …
)

const (
	opSeal, opOpen       = "seal", "open"
	placeIn, placeOut    = "in", "out"
	engineOurs           = "coffer"
	engineBare           = "bare"
	pathDefault          = "default"
	pathFIPS             = "fips140"
	maxSize              = 16 << 20
	minSize              = 16
	coresEach, coresMost = 4, 256 // up to coresEach every count, then powers of two
)

// AEADOptions choose the rows of RunAEAD. Empty lists mean all.
type AEADOptions struct {
	Options
	Suites []aead.Suite
	Sizes  []int // plaintext bytes; default 512 B to 1 MiB
	Cores  []int // default 1 to the number of CPUs, powers of two above four
	Places []string
	Ops    []string
}

// DefaultSizes are the plaintext sizes of a full run, in bytes.
func DefaultSizes() []int { return []int{512, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20} }

// DefaultCores are the core counts of a full run on a machine with n CPUs.
func DefaultCores(n int) (cores []int) {
	n = min(n, coresMost)
	for c := 1; c < n; {
		cores = append(cores, c)
		if c < coresEach {
			c++
		} else {
			c *= 2
		}
	}
	return append(cores, n)
}

// aeadCase is a case of RunAEAD, as its name says it.
type aeadCase struct {
	suite   aead.Suite
	op      string
	inPlace bool
	size    int
	cores   int
	bare    bool
}

// group is suite/op/place/size/cores.
func (c aeadCase) group() string {
	place := placeOut
	if c.inPlace {
		place = placeIn
	}
	return fmt.Sprintf("%v/%s/%s/%d/%d", c.suite, c.op, place, c.size, c.cores)
}

func suites() []aead.Suite {
	return []aead.Suite{aead.SuiteAES256GCM, aead.SuiteChaCha20Poly1305}
}

// resolveAEAD finds the case of a name that RunAEAD made.
func resolveAEAD(name string) (Case, error) {
	parts := strings.Split(name, "/")
	if len(parts) != 6 {
		return Case{}, fmt.Errorf("%w: case %q", ErrOptions, name)
	}
	var c aeadCase
	for _, s := range suites() {
		if s.String() == parts[0] {
			c.suite = s
		}
	}
	c.op, c.inPlace, c.bare = parts[1], parts[2] == placeIn, parts[5] == engineBare
	var err1, err2 error
	c.size, err1 = strconv.Atoi(parts[3])
	c.cores, err2 = strconv.Atoi(parts[4])
	if err1 != nil || err2 != nil || c.suite == 0 || c.op != opSeal && c.op != opOpen || c.size < minSize || c.size > maxSize {
		return Case{}, fmt.Errorf("%w: case %q", ErrOptions, name)
	}
	return Case{Group: c.group(), Variant: parts[5], New: c.newWorker}, nil
}

// RunAEAD measures sealing and opening on every code path that this CPU can be made to
// take. Each path is a child process that passed the known answers first.
func RunAEAD(ctx context.Context, o AEADOptions) (*Report, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	s, err := newSession(ctx, o.Options)
	if err != nil {
		return nil, err
	}
	defer s.close()
	return s.run(ctx, o.cases(s.report.Paths))
}

func (o *AEADOptions) complete() error {
	if len(o.Suites) == 0 {
		o.Suites = suites()
	}
	if len(o.Sizes) == 0 {
		o.Sizes = DefaultSizes()
	}
	if len(o.Cores) == 0 {
		o.Cores = DefaultCores(runtime.GOMAXPROCS(0))
	}
	if len(o.Places) == 0 {
		o.Places = []string{placeOut, placeIn}
	}
	if len(o.Ops) == 0 {
		o.Ops = []string{opSeal, opOpen}
	}
	o.Kind = "aead"
	o.Paths = AEADPaths(runtime.GOARCH)
	for _, n := range o.Sizes {
		if n < minSize || n > maxSize {
			return fmt.Errorf("%w: size of %d bytes", ErrOptions, n)
		}
	}
	for _, n := range o.Cores {
		if n < 1 || n > runtime.GOMAXPROCS(0) {
			return fmt.Errorf("%w: %d cores of %d", ErrOptions, n, runtime.GOMAXPROCS(0))
		}
	}
	return nil
}

// cases lists suite × op × place × size × cores, and for each the code paths that differ.
func (o *AEADOptions) cases(paths []PathReport) (list []Case) {
	for _, suite := range o.Suites {
		variants := suiteVariants(suite, paths)
		for _, cores := range o.Cores {
			for _, op := range o.Ops {
				for _, place := range o.Places {
					for _, size := range o.Sizes {
						c := aeadCase{suite: suite, op: op, inPlace: place == placeIn, size: size, cores: cores}
						labels := map[string]string{LabelSuite: suite.String(), LabelOp: op, LabelPlace: place,
							LabelSize: strconv.Itoa(size), LabelCores: strconv.Itoa(cores)}
						for _, v := range variants {
							l := maps.Clone(labels)
							l[LabelEngine], l[LabelCode] = v.engine, v.code
							list = append(list, Case{Group: c.group(), Variant: v.name, Labels: l, Bytes: int64(size), Cores: cores, Path: v.path})
						}
					}
				}
			}
		}
	}
	return list
}

// QuickCores is one core and all of them.
func QuickCores() []int {
	if n := runtime.GOMAXPROCS(0); n > 1 {
		return []int{1, n}
	}
	return []int{1}
}
