// Package bench measures operations so that the figures can be trusted and compared
// between runs and hosts, and says what they depend on. It knows the sealing and
// opening of blocks (RunAEAD) and takes any other workload as a list of cases (Run).
//
// It is not a profiler and not a load generator: a case is one operation, repeated.
//
// # How a figure comes about
//
// A run has rounds (at least 20). In each round every case has one slot of a few
// milliseconds. Groups come in a random order, the cases of a group follow one another
// in a random order, so that whatever the machine does hits all of them alike, and the
// speed of a case against the first of its group is a ratio within one round.
//
// A code path that the CPU features select is pinned by a child process: GODEBUG cpu.*
// switches are read once at the start. One child per path lives as long as the run and
// is handed slots over a pipe. Before anything is timed it checks known answers of both
// suites on its own path, from an implementation that is not Go's.
//
// A slot makes new workers with new buffers, runs once untimed, times a dependent
// chain of additions to estimate the clock, waits until all cores are ready, and then
// works until its time is over. It gives one sample: wall time, CPU time, core cycles
// and allocations per operation. Where the kernel gives out cycle counters
// (perf_event_open) cycles are counted, elsewhere estimated; a time stamp counter is
// never taken for the core clock.
//
// What takes seconds, or is measured by another program, has a Case.Measure instead: one
// operation or load per round, in the same order, with the same statistics. Six rounds do
// for a run of nothing else.
//
// # Statistics
//
//	median, best      over rounds
//	MAD               median absolute deviation
//	95 % interval     of the median, by order statistics: no distribution is assumed
//	ratio             median over rounds of base time / time, with its 95 % interval
//	two modes         flag: the samples fall in two groups that lie apart; see bimodal
//	between reports   Hodges-Lehmann ratio with the 99 % interval of the Mann-Whitney
//	                  test; a verdict needs the interval beyond 1 and 1 % of difference
//
// # What a report does not say
//
// It describes one machine in one state. Warnings name what was seen to disturb it:
// load, steal, a clock that drifted, a governor, two modes. Options.Strict refuses such
// runs. Reports made under emulation are marked and refused by Compare and WriteHTML.
// The share of the AES unit's limit is only as good as the table of rates (AESUnit);
// cores that are not in it have no limit.
//
// # Format
//
// A report is JSON, "format": "coffer-bench/1", with every sample. Readers refuse
// other formats, rows whose samples differ in number, and times outside 1 ps to 11 days.
package bench
