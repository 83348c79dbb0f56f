package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"coffer.example/bench"
)

// fioLoad is one load that fio makes.
type fioLoad struct {
	rw    string // fio's name of the pattern
	block int64  // bytes of one operation
	depth int    // queue depth
	flush int    // a flush after so many writes; 0: none
	span  int64  // bytes from the start of the device that operations fall in
}

// target is where fio sends its load: an NBD server, or a file that is opened with O_DIRECT.
type target struct {
	uri  string
	file string
	pid  int // of the server, for its CPU time; 0: there is none
}

// The fields of fio's terse output (version 3) that are read, from 0: bandwidth in KiB/s.
const (
	terseVersion = "3"
	terseRead    = 6
	terseWrite   = 47
	terseFields  = terseWrite + 2
)

// fioLimit is how long fio may take beside its run time: a server that hangs must not hang the run.
const fioLimit = time.Minute

// run makes a load for so many seconds and returns the time and the server's CPU time per operation.
func (l fioLoad) run(ctx context.Context, to target, seconds int) (bench.Sample, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds)*time.Second+fioLimit)
	defer cancel()
	args := []string{
		"--name=load", "--rw=" + l.rw, fmt.Sprintf("--bs=%d", l.block), fmt.Sprintf("--iodepth=%d", l.depth), fmt.Sprintf("--size=%d", l.span),
		"--time_based", fmt.Sprintf("--runtime=%d", seconds), "--randrepeat=0", "--norandommap", "--thread", "--minimal", "--terse-version=" + terseVersion,
	}
	if l.flush > 0 {
		args = append(args, fmt.Sprintf("--fsync=%d", l.flush))
	}
	if to.uri != "" {
		args = append(args, "--ioengine=nbd", "--uri="+to.uri)
	} else {
		args = append(args, "--ioengine=libaio", "--direct=1", "--filename="+to.file)
	}
	command := exec.CommandContext(ctx, "fio", args...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	cpu := processCPU(to.pid)
	if err := command.Run(); err != nil {
		return bench.Sample{}, fmt.Errorf("fio: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	cpu = processCPU(to.pid) - cpu
	rate, err := terseRate(stdout.String())
	if err != nil {
		return bench.Sample{}, err
	}
	perSecond := rate / float64(l.block)
	ops := max(1, int64(perSecond*float64(seconds)))
	return bench.Sample{Ops: ops, Wall: 1e9 / perSecond, CPU: float64(cpu) / float64(ops)}, nil
}

// terseRate returns the bytes per second that fio reports, read and written together.
func terseRate(out string) (float64, error) {
	for line := range strings.Lines(out) {
		fields := strings.Split(line, ";")
		if fields[0] != terseVersion || len(fields) < terseFields {
			continue // what else fio has to say
		}
		rate := 0.0
		for _, i := range []int{terseRead, terseWrite} {
			kib, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return 0, fmt.Errorf("fio: field %d: %w", i, err)
			}
			rate += kib * 1024
		}
		if rate > 0 {
			return rate, nil
		}
	}
	return 0, errors.New("fio: no rate in its output")
}

// clockTick is the unit of /proc/PID/stat, 1/100 s on every Linux (USER_HZ).
const clockTick = 10 * time.Millisecond

// processCPU is the CPU time of a process so far; 0 if it cannot be known.
func processCPU(pid int) time.Duration {
	if pid == os.Getpid() {
		return benchCPU()
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, after, ok := strings.Cut(string(stat), ") ") // the name may have spaces, and parentheses
	fields := strings.Fields(after)
	const user, system = 11, 12 // fields 14 and 15 of proc(5)
	if !ok || len(fields) <= system {
		return 0
	}
	total := time.Duration(0)
	for _, i := range []int{user, system} {
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return 0
		}
		total += time.Duration(n) * clockTick
	}
	return total
}
