package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"coffer.example/aead"
)

// reportFormat names the layout of a report in JSON. Readers refuse others.
const reportFormat = "coffer-bench/1"

// Report is what a run measured, with the facts that its figures depend on.
type Report struct {
	Format   string        `json:"format"`
	Kind     string        `json:"kind"` // aead, pipeline, or the embedder's word
	Started  time.Time     `json:"started"`
	Elapsed  time.Duration `json:"elapsed_ns"`
	Settings Settings      `json:"settings"`
	Machine  Machine       `json:"machine"`
	Paths    []PathReport  `json:"paths"`
	Rows     []Row         `json:"rows"`
	Figures  []Figure      `json:"figures,omitempty"`
	Warnings []string      `json:"warnings"`
}

// Figure is a number that is no time: memory, space. Whoever made the run adds it.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

// Settings are how a report was made.
type Settings struct {
	Rounds int           `json:"rounds"`
	Slot   time.Duration `json:"slot_ns"`
	Seed   uint64        `json:"seed"` // of the order of groups
}

// PathReport is what a process said of itself before anything was timed.
type PathReport struct {
	Name            string         `json:"name"`
	GODEBUG         string         `json:"godebug"`
	GCM             string         `json:"gcm"`    // predicted path of AES-GCM
	ChaCha          string         `json:"chacha"` // predicted path of ChaCha20-Poly1305
	ConstantTimeAES bool           `json:"constant_time_aes"`
	FIPS            bool           `json:"fips"`
	KnownAnswers    int            `json:"known_answers"` // checks passed before timing
	Features        []aead.Feature `json:"features"`
}

// Row holds the samples of one case, one per round.
type Row struct {
	Group   string            `json:"group"`
	Variant string            `json:"variant"`
	Path    string            `json:"path,omitempty"`
	Labels  map[string]string `json:"labels,omitempty"`
	Bytes   int64             `json:"bytes,omitempty"`
	Cores   int               `json:"cores"`
	Ops     int64             `json:"ops"`     // of all rounds
	Wall    []float64         `json:"wall_ns"` // per operation
	CPU     []float64         `json:"cpu_ns"`
	Cycles  []float64         `json:"cycles"`
	GHz     []float64         `json:"ghz"`
	Counted bool              `json:"cycles_counted"` // by the CPU; else estimated from GHz
	Allocs  float64           `json:"allocs"`
	Latency *Histogram        `json:"latency,omitempty"`
}

// Name identifies a row within its report and between reports.
func (r *Row) Name() string { return r.Group + "/" + r.Variant }

// Summary describes the wall time per operation, in nanoseconds.
func (r *Row) Summary() Summary { return Summarize(r.Wall) }

// Throughput converts a time per operation to bytes per second; 0 without Bytes.
func (r *Row) Throughput(ns float64) float64 { return float64(r.Bytes) / ns * 1e9 }

// BytesPerCycle is the median per core; 0 if unknown.
func (r *Row) BytesPerCycle() float64 {
	if c := Median(r.Cycles); c > 0 {
		return float64(r.Bytes) / c
	}
	return 0
}

func (r *Row) add(s Sample) {
	// Whatever else the process does can only add to a slot's count of allocations.
	if len(r.Wall) == 0 || s.Allocs < r.Allocs {
		r.Allocs = s.Allocs
	}
	r.Ops += s.Ops
	r.Wall = append(r.Wall, s.Wall)
	r.CPU = append(r.CPU, s.CPU)
	r.Cycles = append(r.Cycles, s.Cycles)
	r.GHz = append(r.GHz, s.GHz)
	r.Counted = s.Counted
	if s.Latency != nil {
		if r.Latency == nil {
			r.Latency = new(Histogram)
		}
		r.Latency.Merge(s.Latency)
	}
}

// Base returns the row that r is compared with: the first of its group.
func (rep *Report) Base(r *Row) *Row {
	for i := range rep.Rows {
		if rep.Rows[i].Group == r.Group {
			return &rep.Rows[i]
		}
	}
	return r
}

// Ratio returns r's speed against its group's first row, paired by round.
func (rep *Report) Ratio(r *Row) Summary { return PairedRatio(rep.Base(r).Wall, r.Wall) }

// WriteJSON writes the report as JSON.
func (rep *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(rep)
}

// validKind: a kind is a word, because it becomes part of benchmark names.
func validKind(kind string) bool {
	for _, c := range kind {
		if c < 'a' || c > 'z' {
			return false
		}
	}
	return kind != ""
}

// ReadReport reads a report that WriteJSON wrote and checks that its rows are usable.
func ReadReport(r io.Reader) (*Report, error) {
	var rep Report
	if err := json.NewDecoder(io.LimitReader(r, MaxReportSize)).Decode(&rep); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if rep.Format != reportFormat || !validKind(rep.Kind) {
		return nil, fmt.Errorf("%w: format %q, kind %q", ErrFormat, rep.Format, rep.Kind)
	}
	for i := range rep.Rows {
		row := &rep.Rows[i]
		if row.Group == "" || row.Variant == "" || row.Bytes < 0 || row.Bytes > maxBytes || row.Cores < 1 || row.Cores > MaxCores {
			return nil, fmt.Errorf("%w: row %d has no name or no cores", ErrFormat, i)
		}
		n := len(row.Wall)
		if n == 0 || n > MaxRounds || len(row.CPU) != n || len(row.Cycles) != n || len(row.GHz) != n {
			return nil, fmt.Errorf("%w: row %s has samples of unequal number", ErrFormat, row.Name())
		}
		for _, x := range row.Wall {
			if x < minTime || x > maxTime {
				return nil, fmt.Errorf("%w: row %s has a time of %v", ErrFormat, row.Name(), x)
			}
		}
	}
	return &rep, nil
}
