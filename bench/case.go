package bench

// Case is one thing to measure. Cases of one Group do comparable work: their slots lie
// next to each other in time, and each is compared with the first of the group.
type Case struct {
	Group   string            // what is done: "AES-256-GCM/seal/out/4096"
	Variant string            // how: "coffer", "bare", the name of a path
	Labels  map[string]string // dimensions for tables and plots, such as size and op
	Bytes   int64             // per operation, for throughput; 0: none
	Cores   int               // goroutines on threads of their own; 0: one
	Latency bool              // keep the distribution of single operations

	// Path names the child process that runs the case; empty: this process.
	Path string
	// New makes what one goroutine runs in one slot. Every slot makes its own, so
	// that the placement of buffers varies. A case with a Path does not need New here:
	// the child finds it by Name.
	New func() (Worker, error)

	// Measure, if set, does a whole slot by itself, in place of New: one operation that takes
	// seconds, or a load that another program makes and measures. The slot's time does
	// not concern it. A run of nothing but such cases may have as few as MinLongRounds.
	Measure func() (Sample, error)
}

// Name is what a child process and a report know a case by.
func (c Case) Name() string { return c.Group + "/" + c.Variant }

// Worker is the share of one goroutine in a case. Run is timed; Reset is not, and is
// called before each Run.
type Worker struct {
	Run   func() error
	Reset func()
	Batch int // operations in one Run; 0: one
	Close func() error
}

// Sample is what one slot measured, per operation.
type Sample struct {
	Ops    int64   // operations done, all cores together
	Wall   float64 // ns; with c cores the time in which the c of them finish one
	CPU    float64 // ns of CPU time, all threads of the case
	Cycles float64 // core cycles, all cores; 0: unknown
	GHz    float64 // core clock estimated just before the slot
	Allocs float64
	// Counted says that Cycles come from the CPU's counters and not from GHz.
	Counted bool `json:",omitempty"`
	// Latency is the distribution of single operations, if the case asked for it.
	Latency *Histogram `json:",omitempty"`
}
