package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coffer.example/bench"
	"coffer.example/internal/testkit"
	"github.com/stretchr/testify/require"
)

// fio's rate is read where its documentation puts it, and one that it made itself.
func TestFioRates(t *testing.T) {
	fields := make([]string, 130)
	fields[0], fields[terseRead], fields[terseWrite] = "3", "1000", "24"
	rate, err := terseRate("a warning\n" + strings.Join(fields, ";") + "\n")
	require.NoError(t, err)
	require.Equal(t, 1024.0*1024, rate)
	for _, bad := range []string{"", "3;fio", "2;" + strings.Join(fields[1:], ";"), strings.Replace(strings.Join(fields, ";"), "1000", "x", 1)} {
		_, err := terseRate(bad)
		require.Error(t, err, bad)
	}
	testkit.Tool(t, "fio")
	path := filepath.Join(t.TempDir(), "raw")
	require.NoError(t, os.WriteFile(path, make([]byte, 8<<20), 0o600))
	sample, err := fioLoad{rw: "randwrite", block: 4096, depth: 4, span: 8 << 20, flush: 64}.run(t.Context(), target{file: path, pid: os.Getpid()}, 1)
	require.NoError(t, err)
	require.Positive(t, sample.Ops)
	require.InEpsilon(t, 1e9/float64(sample.Ops), sample.Wall, 0.01, "a second of operations")
	_, err = fioLoad{rw: "nothing", block: 4096, depth: 1, span: 1 << 20}.run(t.Context(), target{file: path}, 1)
	require.ErrorContains(t, err, "fio")
}

func TestCipherToolRates(t *testing.T) {
	rate, err := opensslRate("+DTP:4096:1:AES-256-GCM\n+R:1:AES-256-GCM:1\n+F:22:AES-256-GCM:5000000000.00\n")
	require.NoError(t, err)
	require.Equal(t, 5e9, rate)
	rate, err = cryptsetupRate("# Tests are approximate\n#  Algorithm |  Key | Encryption | Decryption\n    aes-xts        512b      2000.0 MiB/s      2100.0 MiB/s\n")
	require.NoError(t, err)
	require.Equal(t, 2000.0*(1<<20), rate)
	_, err = opensslRate("nothing")
	require.Error(t, err)
	_, err = cryptsetupRate("nothing")
	require.Error(t, err)
}

// A goal is held against the better of the peers in every round, or against the worse of what limits it.
func TestPeerGoals(t *testing.T) {
	row := func(variant string, ns ...float64) bench.Row {
		return bench.Row{Group: "g", Variant: variant, Labels: map[string]string{"row": "randwrite-qd1"}, Cores: 1, Wall: ns}
	}
	rep := &bench.Report{Rows: []bench.Row{
		row(peerQemu, 100, 300, 100, 300, 100, 300), row(peerQemuDirect, 300, 100, 300, 100, 300, 100), row(peerCoffer, 40, 50, 40, 50, 40, 50),
	}}
	g := goal{"randwrite-qd1", peerCoffer, bothQemu, false, 2}
	ours, others := rowsOf(rep, g)
	require.Equal(t, peerCoffer, ours.Variant)
	require.Equal(t, []float64{100, 100, 100, 100, 100, 100}, g.limits(others))
	g.slowest = true
	require.Equal(t, []float64{300, 300, 300, 300, 300, 300}, g.limits(others))
	var out strings.Builder
	require.NoError(t, writePeerGoals(&out, rep))
	require.Regexp(t, `randwrite-qd1: coffer +the faster of qemu-nbd LUKS and qemu-nbd LUKS, direct +2.00 +2.25 +2.00–2.50 +reached`, out.String())
	names := map[string]bool{}
	for _, name := range peerRowNames() {
		require.False(t, names[name], name)
		names[name] = true
	}
	for _, g := range peerGoals {
		require.True(t, names[g.row], fmt.Sprintf("%s is a row", g.row))
	}
}
