package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"coffer.example/bench"
	"coffer.example/blockstore"
)

// recovery opens copies of a store's directory that were taken while it was open: what a crash would have left.
func (r *peersRig) recovery(ctx context.Context, _ string) ([]bench.Case, error) {
	store, err := r.openStore("running")
	if err != nil {
		return nil, err
	}
	d, err := r.filled(ctx, store, r.options.size)
	if err != nil {
		return nil, err
	}
	if err := overwrite(ctx, d, r.options.size/4); err != nil {
		return nil, err
	}
	index, err := indexBytes(r.file("running"))
	if err != nil {
		return nil, err
	}
	crashed := r.file("crashed")
	return []bench.Case{{Variant: peerCoffer, Bytes: index, Measure: func() (bench.Sample, error) {
		if err := errors.Join(os.RemoveAll(crashed), copyTree(ctx, r.file("running"), crashed)); err != nil {
			return bench.Sample{}, err
		}
		var opened *blockstore.Store
		sample, err := benchOnce(func() (err error) {
			opened, err = blockstore.Open(blockstore.Options{Dir: crashed, Keys: r.keys})
			return err
		})
		if err != nil {
			return sample, err
		}
		return sample, opened.Close()
	}}}, nil
}

// indexBytes is the size of the files of a store that are no zones.
func indexBytes(dir string) (total int64, err error) {
	err = filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || filepath.Base(filepath.Dir(path)) == "data" {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return max(1, total), err
}

// memory notes what an open store with a filled volume holds beside its cache; its one case is the opening.
func (r *peersRig) memory(ctx context.Context, _ string) ([]bench.Case, error) {
	dir := r.file("memory")
	store, err := blockstore.Open(blockstore.Options{Dir: dir, Keys: r.keys})
	if err != nil {
		return nil, err
	}
	v, err := store.CreateVolume(ctx, blockstore.VolumeSpec{Size: r.options.size, Key: benchKeyName})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	d, err := store.Attach(ctx, v.ID)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	err = fillVolume(ctx, d)
	if err = errors.Join(err, d.Detach(ctx), store.Close()); err != nil {
		return nil, err
	}
	return []bench.Case{{Variant: peerCoffer, Measure: func() (bench.Sample, error) {
		before := resident()
		var opened *blockstore.Store
		sample, err := benchOnce(func() (err error) {
			opened, err = blockstore.Open(blockstore.Options{Dir: dir, Keys: r.keys, CacheBytes: -1})
			return err
		})
		if err != nil {
			return sample, err
		}
		err = readAll(ctx, opened, v.ID)
		r.noteMemory(max(0, resident()-before))
		return sample, errors.Join(err, opened.Close())
	}}}, nil
}

// readAll reads a volume once, so that whatever grows with use has grown.
func readAll(ctx context.Context, store *blockstore.Store, id string) error {
	d, err := store.Attach(ctx, id)
	if err != nil {
		return err
	}
	_, err = sequentialLoad(d.Size(), d.ReadAt)
	return errors.Join(err, d.Detach(ctx))
}

// noteMemory keeps the largest of the rounds.
func (r *peersRig) noteMemory(bytes int64) {
	const name = "resident memory of an open store without its cache"
	figure := bench.Figure{Name: fmt.Sprintf("%s, %d GiB written", name, r.options.size>>30), Value: float64(bytes) / (1 << 20), Unit: "MiB"}
	for i := range r.figures {
		if r.figures[i].Name == figure.Name {
			r.figures[i].Value = max(r.figures[i].Value, figure.Value)
			return
		}
	}
	r.figures = append(r.figures, figure)
}

// resident is the memory of this process that is not garbage.
func resident() (bytes int64) {
	runtime.GC()
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(status), &size, &pages); err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
