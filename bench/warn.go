package bench

import (
	"fmt"
	"slices"
)

// What a machine may do and still be called quiet.
const (
	quietLoad    = 0.5  // processes per CPU, before the start
	quietSteal   = 0.01 // of the CPU time
	steadyClock  = 0.05 // spread of the estimated clock, 5th to 95th percentile, of its median
	bimodalShare = 0.1  // of the rows
)

// busy returns why the machine is not quiet before the start, or nothing.
func (s *session) busy() string {
	m := &s.report.Machine
	if perCPU := m.LoadBefore / float64(m.CPUs); perCPU > quietLoad {
		return fmt.Sprintf("load %.2f on %d CPUs before the start", m.LoadBefore, m.CPUs)
	}
	return ""
}

// warnings judges a finished run.
func (s *session) warnings() (list []string) {
	rep := s.report
	if w := s.busy(); w != "" {
		list = append(list, w)
	}
	if rep.Machine.Emulated {
		list = append(list, "emulated: the answers were checked, the times mean nothing")
	}
	if share := rep.Machine.StealShare; share > quietSteal {
		list = append(list, fmt.Sprintf("the hypervisor took %.1f %% of the CPU time", 100*share))
	}
	if g := rep.Machine.Governor; g != "" && g != "performance" {
		list = append(list, fmt.Sprintf("CPU frequency governor is %s", g))
	}
	if low, median, high := clockSpread(rep.Rows); median > 0 && high-low > steadyClock*median {
		list = append(list, fmt.Sprintf("the clock drifted between %.2f and %.2f GHz", low, high))
	}
	bimodal := 0
	for i := range rep.Rows {
		if rep.Rows[i].Summary().Bimodal {
			bimodal++
		}
	}
	if n := len(rep.Rows); n > 0 && float64(bimodal) > bimodalShare*float64(n) {
		list = append(list, fmt.Sprintf("%d of %d rows have two modes: look at best and median", bimodal, n))
	}
	return append(list, s.unexpectedPaths()...)
}

// clockSpread returns the 5th, 50th and 95th percentile of the estimated clock.
func clockSpread(rows []Row) (low, median, high float64) {
	var all []float64
	for i := range rows {
		all = append(all, rows[i].GHz...)
	}
	if len(all) == 0 {
		return 0, 0, 0
	}
	slices.Sort(all)
	return all[len(all)/20], medianSorted(all), all[len(all)-1-len(all)/20]
}

// genericGCM is a throughput that table-driven AES-GCM stays below and that code with
// AES instructions and carry-less multiplication exceeds, in bytes per second.
const genericGCM = 0.5e9

// unexpectedPaths compares the predicted path of AES-GCM with the speed of its large messages.
func (s *session) unexpectedPaths() (list []string) {
	constantTime := map[string]bool{}
	for _, p := range s.report.Paths {
		constantTime[p.Name] = p.ConstantTimeAES
	}
	for i := range s.report.Rows {
		r := &s.report.Rows[i]
		predicted, known := constantTime[r.Path]
		if !known || s.report.Machine.Emulated || r.Labels["suite"] != "AES-256-GCM" || r.Bytes != 64<<10 || r.Cores != 1 {
			continue
		}
		if speed := r.Throughput(r.Summary().Median); (speed > genericGCM) != predicted {
			list = append(list, fmt.Sprintf("%s runs at %.2f GB/s, which its predicted code path does not explain", r.Name(), speed/1e9))
		}
	}
	return list
}
