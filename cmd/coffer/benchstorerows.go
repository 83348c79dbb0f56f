package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"coffer.example/bench"
	"coffer.example/blockstore"
)

// storeRow is a question to the store itself; there is no peer to put it to.
type storeRow struct {
	name, title string
	cases       func(r *peersRig, ctx context.Context, title string) ([]bench.Case, error)
}

// storeRows are they, in the order of the table.
var storeRows = [...]storeRow{
	{"steady-write", "4 KiB random write, after overwriting 4 times", (*peersRig).steadyWrite},
	{"steady-read", "1 MiB sequential read, after overwriting 4 times", (*peersRig).steadyRead},
	{"snapshot", "snapshot creation, 4 MiB dirty", (*peersRig).snapshotTimes},
	{"clone", "clone of a snapshot", (*peersRig).cloneTimes},
	{"after-snapshot", "4 KiB random write, around a snapshot", (*peersRig).aroundSnapshot},
	{"snapshots-100", "4 KiB random read, with snapshots", (*peersRig).manySnapshots},
	{"reencrypt", "copy of a snapshot under another key", (*peersRig).reencryption},
	{"attach", "attach in an open store", (*peersRig).attachTimes},
	{"recovery", "open after a crash, per byte of index", (*peersRig).recovery},
	{"memory", "memory beside the cache", (*peersRig).memory},
}

const (
	otherBenchKey = "other"
	thinVolume    = 1 << 40 // bytes
	dirtyBytes    = 4 << 20 // before a snapshot
	manySnapshots = 100     // of one volume
	overwrites    = 4       // times the size of a volume
	pollEvery     = time.Millisecond
)

func (r *peersRig) storeCases(ctx context.Context) (list []bench.Case, err error) {
	for _, row := range storeRows {
		if !r.options.wants(row.name) {
			continue
		}
		fmt.Fprintf(r.stderr, "\r\x1b[Kpreparing: %s", row.title)
		cases, err := row.cases(r, ctx, row.title)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", row.name, err)
		}
		for i := range cases {
			cases[i].Group, cases[i].Labels = row.title, map[string]string{"row": row.name}
		}
		list = append(list, cases...)
	}
	return list, nil
}

// openStore opens a store of its own below the rig's directory.
func (r *peersRig) openStore(name string) (*blockstore.Store, error) {
	store, err := blockstore.Open(blockstore.Options{Dir: r.file(name), Keys: r.keys})
	if err == nil {
		r.undo = append(r.undo, store.Close)
	}
	return store, err
}

// filled makes an attached volume and fills it.
func (r *peersRig) filled(ctx context.Context, store *blockstore.Store, size int64) (*blockstore.Device, error) {
	d, err := r.attached(ctx, store, size)
	if err != nil {
		return nil, err
	}
	return d, fillVolume(ctx, d)
}

func (r *peersRig) attached(ctx context.Context, store *blockstore.Store, size int64) (*blockstore.Device, error) {
	v, err := store.CreateVolume(ctx, blockstore.VolumeSpec{Size: size, Key: benchKeyName})
	if err != nil {
		return nil, err
	}
	d, err := store.Attach(ctx, v.ID)
	if err == nil {
		r.undo = append(r.undo, func() error {
			if err := d.Detach(context.WithoutCancel(ctx)); !errors.Is(err, blockstore.ErrDetached) {
				return err
			}
			return nil
		})
	}
	return d, err
}

func (r *peersRig) seconds() time.Duration { return time.Duration(r.options.seconds) * time.Second }

// steady makes a fresh volume and one that was overwritten.
func (r *peersRig) steady(ctx context.Context, name string) (fresh, worn *blockstore.Device, err error) {
	store, err := r.openStore(name)
	if err != nil {
		return nil, nil, err
	}
	if worn, err = r.filled(ctx, store, r.options.size); err != nil {
		return nil, nil, err
	}
	if err := overwrite(ctx, worn, overwrites*r.options.size); err != nil {
		return nil, nil, err
	}
	if name == "steady" {
		r.space(store)
	}
	fresh, err = r.filled(ctx, store, r.options.size)
	return fresh, worn, err
}

// space notes what the files of a store take beside what is live in them.
func (r *peersRig) space(store *blockstore.Store) {
	live := float64(store.Metrics().UsedSlots) * loadBlock
	if bytes, err := diskUsage(r.file("steady")); err == nil && live > 0 {
		r.figures = append(r.figures, bench.Figure{Name: "files against live data after overwriting 4 times", Value: bytes / live, Unit: "times"})
	}
}

// diskUsage is what a directory's files take on the disk.
func diskUsage(dir string) (float64, error) {
	out, err := exec.Command("du", "-s", "-B1", dir).Output()
	if err != nil {
		return 0, err
	}
	bytes := 0.0
	_, err = fmt.Sscan(string(out), &bytes)
	return bytes, err
}

// steadyWrite fills the fresh volume anew before each of its rounds, for random writes wear it.
func (r *peersRig) steadyWrite(ctx context.Context, _ string) ([]bench.Case, error) {
	fresh, worn, err := r.steady(ctx, "steady")
	if err != nil {
		return nil, err
	}
	write := func(d *blockstore.Device) (bench.Sample, error) { return randomLoad(d.Size(), r.seconds(), d.WriteAt) }
	return []bench.Case{
		{Variant: "fresh", Bytes: loadBlock, Measure: func() (bench.Sample, error) {
			if err := fillVolume(ctx, fresh); err != nil {
				return bench.Sample{}, err
			}
			return write(fresh)
		}},
		{Variant: "overwritten", Bytes: loadBlock, Measure: func() (bench.Sample, error) { return write(worn) }},
	}, nil
}

func (r *peersRig) steadyRead(ctx context.Context, _ string) ([]bench.Case, error) {
	fresh, worn, err := r.steady(ctx, "steady-read")
	if err != nil {
		return nil, err
	}
	read := func(d *blockstore.Device) func() (bench.Sample, error) {
		return func() (bench.Sample, error) { return sequentialLoad(d.Size(), d.ReadAt) }
	}
	return []bench.Case{
		{Variant: "fresh", Bytes: loadRun, Measure: read(fresh)},
		{Variant: "overwritten", Bytes: loadRun, Measure: read(worn)},
	}, nil
}

// once measures one operation on a volume after something that is not timed, and undoes it.
func once(before func() error, do func() (undo func() error, err error)) func() (bench.Sample, error) {
	return func() (bench.Sample, error) {
		if err := before(); err != nil {
			return bench.Sample{}, err
		}
		var undo func() error
		sample, err := benchOnce(func() (err error) { undo, err = do(); return err })
		if err != nil {
			return sample, err
		}
		return sample, undo()
	}
}

// sizes are a filled volume and a thin one in a store.
func (r *peersRig) sizes(ctx context.Context, name string) (*blockstore.Store, map[string]*blockstore.Device, []string, error) {
	store, err := r.openStore(name)
	if err != nil {
		return nil, nil, nil, err
	}
	full, err := r.filled(ctx, store, r.options.size)
	if err != nil {
		return nil, nil, nil, err
	}
	thin, err := r.attached(ctx, store, thinVolume)
	if err != nil {
		return nil, nil, nil, err
	}
	names := []string{fmt.Sprintf("%d GiB, filled", r.options.size>>30), "1 TiB, thin"}
	return store, map[string]*blockstore.Device{names[0]: full, names[1]: thin}, names, nil
}

// dirty leaves random blocks of a volume unflushed.
func dirty(d *blockstore.Device) error {
	_, err := sequentialLoad(dirtyBytes, d.WriteAt)
	return err
}

func (r *peersRig) snapshotTimes(ctx context.Context, _ string) (list []bench.Case, err error) {
	store, volumes, names, err := r.sizes(ctx, "snapshot")
	for _, name := range names {
		d := volumes[name]
		list = append(list, bench.Case{Variant: name, Measure: once(func() error { return dirty(d) }, func() (func() error, error) {
			s, err := store.CreateSnapshot(ctx, blockstore.SnapshotRequest{Volume: d.ID()})
			return func() error { return store.DeleteSnapshot(ctx, s.ID) }, err
		})})
	}
	return list, err
}

func (r *peersRig) cloneTimes(ctx context.Context, _ string) (list []bench.Case, err error) {
	store, volumes, names, err := r.sizes(ctx, "clone")
	for _, name := range names {
		s, err := store.CreateSnapshot(ctx, blockstore.SnapshotRequest{Volume: volumes[name].ID()})
		if err != nil {
			return nil, err
		}
		list = append(list, bench.Case{Variant: name, Measure: once(func() error { return nil }, func() (func() error, error) {
			v, err := store.CloneSnapshot(ctx, s.ID, blockstore.VolumeSpec{Key: benchKeyName})
			return func() error { return store.DeleteVolume(ctx, v.ID) }, err
		})})
	}
	return list, err
}

func (r *peersRig) attachTimes(ctx context.Context, _ string) (list []bench.Case, err error) {
	store, volumes, names, err := r.sizes(ctx, "attach")
	for _, name := range names {
		id := volumes[name].ID()
		if err := volumes[name].Detach(ctx); err != nil {
			return nil, err
		}
		list = append(list, bench.Case{Variant: name, Measure: once(func() error { return nil }, func() (func() error, error) {
			d, err := store.Attach(ctx, id)
			return func() error { return d.Detach(ctx) }, err
		})})
	}
	return list, err
}

func (r *peersRig) aroundSnapshot(ctx context.Context, _ string) ([]bench.Case, error) {
	store, err := r.openStore("around")
	if err != nil {
		return nil, err
	}
	d, err := r.filled(ctx, store, r.options.size)
	if err != nil {
		return nil, err
	}
	write := func() (bench.Sample, error) { return randomLoad(d.Size(), r.seconds(), d.WriteAt) }
	return []bench.Case{
		{Variant: "before", Bytes: loadBlock, Measure: write},
		{Variant: "right after", Bytes: loadBlock, Measure: func() (bench.Sample, error) {
			s, err := store.CreateSnapshot(ctx, blockstore.SnapshotRequest{Volume: d.ID()})
			if err != nil {
				return bench.Sample{}, err
			}
			sample, err := write()
			return sample, errors.Join(err, store.DeleteSnapshot(ctx, s.ID))
		}},
	}, nil
}

func (r *peersRig) manySnapshots(ctx context.Context, _ string) (list []bench.Case, err error) {
	store, err := r.openStore("many")
	if err != nil {
		return nil, err
	}
	for _, one := range []struct {
		variant string
		count   int
	}{{"none", 0}, {fmt.Sprint(manySnapshots), manySnapshots}} {
		d, err := r.filled(ctx, store, r.options.size)
		if err != nil {
			return nil, err
		}
		for range one.count {
			if err := overwrite(ctx, d, dirtyBytes); err != nil {
				return nil, err
			}
			if _, err := store.CreateSnapshot(ctx, blockstore.SnapshotRequest{Volume: d.ID()}); err != nil {
				return nil, err
			}
		}
		list = append(list, bench.Case{Variant: one.variant, Bytes: loadBlock, Measure: func() (bench.Sample, error) {
			return randomLoad(d.Size(), r.seconds(), d.ReadAt)
		}})
	}
	return list, nil
}

// reencryption compares the copy with what it cannot exceed: opening and sealing on all cores, and the disk's copying.
func (r *peersRig) reencryption(ctx context.Context, _ string) ([]bench.Case, error) {
	store, err := r.openStore("reencrypt")
	if err != nil {
		return nil, err
	}
	d, err := r.filled(ctx, store, r.options.size)
	if err != nil {
		return nil, err
	}
	s, err := store.CreateSnapshot(ctx, blockstore.SnapshotRequest{Volume: d.ID()})
	if err != nil {
		return nil, err
	}
	size := r.options.size
	return []bench.Case{
		{Variant: "AEAD alone, opened and sealed", Bytes: size, Measure: func() (bench.Sample, error) {
			opened, err := sealAlone(size, true)
			if err != nil {
				return opened, err
			}
			sealed, err := sealAlone(size, false)
			sealed.Wall, sealed.CPU = sealed.Wall+opened.Wall, sealed.CPU+opened.CPU
			return sealed, err
		}},
		{Variant: "copy of a file", Bytes: size, Measure: func() (bench.Sample, error) { return r.copyFile(size) }},
		{Variant: peerCoffer, Bytes: size, Measure: once(syncAll, func() (func() error, error) {
			id, err := store.CopySnapshot(ctx, s.ID, blockstore.CopySpec{Key: otherBenchKey})
			if err != nil {
				return nil, err
			}
			return func() error { return store.DeleteSnapshot(ctx, id) }, waitForCopy(ctx, store, id)
		})},
	}, nil
}

func waitForCopy(ctx context.Context, store *blockstore.Store, id string) error {
	for {
		walk, done, err := store.CopyStatus(id)
		if err = errors.Join(err, walk.Err, ctx.Err()); done || err != nil {
			return err
		}
		time.Sleep(pollEvery)
	}
}

// copyFile copies a file of that size that no cache holds, onto the disk.
func (r *peersRig) copyFile(size int64) (bench.Sample, error) {
	from, to := r.file("copied"), r.file("copy")
	if _, err := os.Stat(from); err != nil {
		file, err := os.Create(from)
		if err != nil {
			return bench.Sample{}, err
		}
		_, err = io.Copy(file, io.LimitReader(newBenchLayer(size).reader(), size))
		if err = errors.Join(err, file.Close()); err != nil {
			return bench.Sample{}, err
		}
	}
	if err := dropCache(from); err != nil {
		return bench.Sample{}, err
	}
	sample, err := benchOnce(func() error { return copyOnce(from, to) })
	return sample, errors.Join(err, os.Remove(to))
}

// copyOnce copies by reading and writing: a file system that only shares the blocks would copy nothing.
func copyOnce(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() // it was read only
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{in}, make([]byte, loadRun))
	return errors.Join(err, out.Sync(), out.Close())
}
