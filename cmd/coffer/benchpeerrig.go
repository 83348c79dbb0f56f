package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"coffer.example/bench"
)

// The peers, as rows name them. The first that runs is what ratios in a group are against.
const (
	peerQemu       = "qemu-nbd LUKS"
	peerQemuDirect = "qemu-nbd LUKS, direct"
	peerNbdkitLUKS = "nbdkit luks"
	peerMemory     = "nbdkit memory"
	peerRaw        = "raw file, O_DIRECT"
	peerCoffer     = "coffer"
	peerCipher     = "AEAD alone, all cores"
)

// peer is a server, or the raw file, under fio's load.
type peer struct {
	variant string
	target  func() target
	settle  func() error // what earlier loads left is on the disk
	chill   func() error // nothing of it is in a cache
}

// peersRig is everything that the loads run against.
type peersRig struct {
	options *peersOptions
	stderr  io.Writer
	keys    benchKeys
	dir     string // own, below options.dir
	peers   []peer
	figures []bench.Figure
	undo    []func() error
}

func (r *peersRig) close() {
	for i := len(r.undo) - 1; i >= 0; i-- {
		if err := r.undo[i](); err != nil {
			fmt.Fprintf(r.stderr, "coffer bench peers: clean up: %v\n", err)
		}
	}
}

// cases starts what the rows need, and returns them.
func (r *peersRig) cases(ctx context.Context) (list []bench.Case, err error) {
	if r.dir, err = os.MkdirTemp(r.options.dir, "coffer-peers-"); err != nil {
		return nil, err
	}
	r.undo = append(r.undo, func() error { return os.RemoveAll(r.dir) })
	wanted := false
	for _, row := range fioRows {
		wanted = wanted || r.options.wants(row.name)
	}
	if wanted {
		if err := r.startPeers(ctx); err != nil {
			return nil, err
		}
	}
	for i := range fioRows {
		if row := &fioRows[i]; r.options.wants(row.name) {
			list = append(list, r.fioCases(ctx, row)...)
		}
	}
	store, err := r.storeCases(ctx)
	if err != nil {
		return nil, err
	}
	list = append(list, store...)
	if r.options.wants(cipherRow) {
		list = append(list, r.cipherCases(ctx)...)
	}
	if len(list) == 0 {
		return nil, errors.New("no tool that the rows need is installed")
	}
	return list, nil
}

// fioCases are a row's load on every peer.
func (r *peersRig) fioCases(ctx context.Context, row *fioRow) (list []bench.Case) {
	load := row.load
	load.span = r.options.size
	if row.warm {
		load.span = peersWarmSet
	}
	for _, p := range r.peers {
		list = append(list, bench.Case{
			Group: row.title, Variant: p.variant, Bytes: load.block, Labels: map[string]string{"row": row.name},
			Measure: func() (bench.Sample, error) { return r.measure(ctx, row, load, p) },
		})
	}
	if row.name == "seqwrite" || row.name == "seqread" {
		list = append(list, bench.Case{
			Group: row.title, Variant: peerCipher, Bytes: load.block, Labels: map[string]string{"row": row.name},
			Measure: func() (bench.Sample, error) { return sealAlone(load.block, row.name == "seqread") },
		})
	}
	return list
}

// measure puts a peer in the state that a row asks for, and then under its load.
func (r *peersRig) measure(ctx context.Context, row *fioRow, load fioLoad, p peer) (bench.Sample, error) {
	if err := p.settle(); err != nil {
		return bench.Sample{}, err
	}
	if row.cold {
		if err := p.chill(); err != nil {
			return bench.Sample{}, err
		}
	}
	if row.warm {
		once := load
		once.rw, once.depth = "read", 16 // in blocks of the load: what is read in larger ones is not kept by all
		if _, err := once.run(ctx, p.target(), 1); err != nil {
			return bench.Sample{}, err
		}
	}
	return load.run(ctx, p.target(), r.options.seconds)
}

// startPeers starts every peer that is installed, and fills its image. What is missing is told.
func (r *peersRig) startPeers(ctx context.Context) error {
	if _, err := exec.LookPath("fio"); err != nil {
		return errors.New("fio is not installed; `make bench-peers` installs it")
	}
	for _, start := range []func(context.Context) error{r.startQemu, r.startQemuDirect, r.startNbdkitLUKS, r.startMemory, r.startRaw, r.startCoffer} {
		if err := start(ctx); err != nil {
			return err
		}
	}
	for _, p := range r.peers {
		fmt.Fprintf(r.stderr, "\r\x1b[Kfilling: %s", p.variant)
		if err := r.fill(ctx, p); err != nil {
			return fmt.Errorf("%s: fill: %w", p.variant, err)
		}
	}
	return nil
}

// fill writes the whole image once.
func (r *peersRig) fill(ctx context.Context, p peer) error {
	const block = 1 << 20
	to := p.target()
	args := []string{"--name=fill", "--rw=write", fmt.Sprintf("--bs=%d", block), "--iodepth=8", fmt.Sprintf("--size=%d", r.options.size), "--end_fsync=1", "--minimal", "--thread"}
	if to.uri != "" {
		args = append(args, "--ioengine=nbd", "--uri="+to.uri)
	} else {
		args = append(args, "--ioengine=libaio", "--direct=1", "--filename="+to.file)
	}
	if out, err := exec.CommandContext(ctx, "fio", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("fio: %w: %s", err, out)
	}
	return nil
}

// startServer starts a server that listens on a unix socket, and waits for it.
func (r *peersRig) startServer(ctx context.Context, socket, program string, args ...string) (pid int, err error) {
	command := exec.CommandContext(ctx, program, args...)
	command.Stderr = r.stderr
	if err := command.Start(); err != nil {
		return 0, fmt.Errorf("%s: %w", program, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	r.undo = append(r.undo, func() error {
		_ = command.Process.Signal(syscall.SIGTERM) // one that has ended already does not hear it
		select {
		case <-ended:
		case <-time.After(serverStop): // qemu-nbd forgets a signal that comes while it starts
			_ = command.Process.Kill()
			<-ended
		}
		return nil
	})
	for deadline := time.Now().Add(serverStart); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			return command.Process.Pid, nil
		}
		select {
		case err := <-ended:
			ended <- err
			return 0, fmt.Errorf("%s ended before it listened: %w", program, err)
		default:
		}
		if time.Now().After(deadline) {
			return 0, fmt.Errorf("%s does not listen", program)
		}
	}
}

// serverStart is how long a server may take until it listens.
const serverStart = 30 * time.Second

// serverStop is how long a server may take to end before it is killed.
const serverStop = 5 * time.Second

// missing says whether a program is not installed, and tells.
func (r *peersRig) missing(variant, program string) bool {
	if _, err := exec.LookPath(program); err == nil {
		return false
	}
	fmt.Fprintf(r.stderr, "coffer bench peers: %s is not installed: no rows of %s\n", program, variant)
	return true
}

// syncAll waits for everything that earlier loads left in the page cache, so that it does not fall on the next.
func syncAll() error { unix.Sync(); return nil }

// dropCache takes a file out of the page cache.
func dropCache(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED), file.Close())
}

func (r *peersRig) file(name string) string { return filepath.Join(r.dir, name) }
