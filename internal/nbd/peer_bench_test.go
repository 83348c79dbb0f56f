package nbd

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkPeer compares the server with nbdkit's memory plugin, cell by cell, in
// interleaved rounds of fio on the same machine. Each iteration is a round:
//
//	go test -run '^$' -bench Peer -benchtime 5x ./internal/nbd
//
// It reports the median ratio of rates (x-nbdkit, more is better) and of server CPU
// time per operation (cpu-x-nbdkit, less is better).
func BenchmarkPeer(b *testing.B) {
	const size = 256 << 20
	for _, way := range []string{"inline", "workers"} {
		vol := newFlatExport(size, way == "inline")
		s := start(b, Options{}, nil, map[string]Export{"vol": vol})
		peer, pid := startNbdkit(b, size)
		for _, cell := range []struct {
			name string
			args []string
		}{
			{"randread-4k-qd1", []string{"--rw=randread", "--bs=4k", "--iodepth=1"}},
			{"randread-4k-qd16", []string{"--rw=randread", "--bs=4k", "--iodepth=16"}},
			{"randread-4k-qd64", []string{"--rw=randread", "--bs=4k", "--iodepth=64"}},
			{"randwrite-4k-qd1", []string{"--rw=randwrite", "--bs=4k", "--iodepth=1"}},
			{"randwrite-4k-qd16", []string{"--rw=randwrite", "--bs=4k", "--iodepth=16"}},
			{"randwrite-4k-qd64", []string{"--rw=randwrite", "--bs=4k", "--iodepth=64"}},
			{"read-1m-qd8", []string{"--rw=read", "--bs=1m", "--iodepth=8"}},
			{"write-1m-qd8", []string{"--rw=write", "--bs=1m", "--iodepth=8"}},
			{"randread-4k-qd16-4jobs", []string{"--rw=randread", "--bs=4k", "--iodepth=16", "--numjobs=4"}},
		} {
			b.Run(way+"/"+cell.name, func(b *testing.B) {
				var rates, cpus []float64
				for b.Loop() {
					ours, ourCPU := round(b, s.uri("vol"), os.Getpid(), cell.args)
					theirs, theirCPU := round(b, peer, pid, cell.args)
					rates, cpus = append(rates, ours/theirs), append(cpus, ourCPU/theirCPU)
				}
				slices.Sort(rates)
				slices.Sort(cpus)
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(rates[len(rates)/2], "x-nbdkit")
				b.ReportMetric(rates[0], "x-min")
				b.ReportMetric(rates[len(rates)-1], "x-max")
				b.ReportMetric(cpus[len(cpus)/2], "cpu-x-nbdkit")
			})
		}
	}
}

// round runs fio for a second and returns operations per second, and seconds of CPU
// per operation of the serving process.
func round(b *testing.B, uri string, pid int, args []string) (rate, cpu float64) {
	before := cpuSeconds(b, pid)
	out := succeed(b, "fio", append([]string{"--name=v", "--ioengine=nbd", "--uri=" + uri, "--size=256M", "--runtime=1",
		"--time_based", "--output-format=json", "--group_reporting", "--norandommap", "--randrepeat=0"}, args...)...)
	used := cpuSeconds(b, pid) - before
	var report struct {
		Jobs []struct {
			Read, Write struct{ Total_ios, Iops float64 }
		}
	}
	require.NoError(b, json.Unmarshal([]byte(out[strings.Index(out, "{"):]), &report))
	total := 0.0
	for _, job := range report.Jobs {
		rate += job.Read.Iops + job.Write.Iops
		total += job.Read.Total_ios + job.Write.Total_ios
	}
	return rate, used / total
}

// cpuSeconds is the CPU time a process has used.
func cpuSeconds(b *testing.B, pid int) float64 {
	if pid == os.Getpid() {
		var u syscall.Rusage
		require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
		return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(b, err)
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	user, err := strconv.Atoi(fields[11])
	require.NoError(b, err)
	system, err := strconv.Atoi(fields[12])
	require.NoError(b, err)
	return float64(user+system) / 100 // USER_HZ
}

// startNbdkit serves memory with nbdkit until the benchmark ends.
func startNbdkit(b *testing.B, size int64) (uri string, pid int) {
	socket := filepath.Join(shortDir(b), "peer.sock")
	path, err := exec.LookPath("nbdkit")
	require.NoError(b, err)
	command := exec.Command(path, "-f", "-U", socket, "memory", "allocator=malloc", strconv.FormatInt(size, 10))
	require.NoError(b, command.Start())
	b.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
	})
	require.Eventually(b, func() bool { _, err := os.Stat(socket); return err == nil }, 5*time.Second, 10*time.Millisecond)
	return "nbd+unix:///?socket=" + socket, command.Process.Pid
}
