package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"coffer.example/bench"
	"coffer.example/internal/ec2"
	"coffer.example/snapshot"
)

// benchPoll is how often a copy is asked whether it is complete.
const benchPoll = 500 * time.Microsecond

// fileCopy copies the source file and syncs the copy.
func (r *ebsRig) fileCopy() (bench.Worker, error) {
	buffer := make([]byte, 1<<20)
	run := func() error {
		in, err := os.Open(r.file("source"))
		if err != nil {
			return err
		}
		defer in.Close()
		out, err := os.Create(r.file("copy"))
		if err != nil {
			return err
		}
		// The wrappers keep the kernel from sharing the blocks of the two files.
		_, err = io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{in}, buffer)
		return errors.Join(err, out.Sync(), out.Close())
	}
	return bench.Worker{Run: run, Reset: func() {}}, nil
}

// doing is a worker whose every Run leaves something that the next Reset takes away.
func doing(run func() (made string, err error), undo func(made string) error) bench.Worker {
	made, failed := "", error(nil)
	clean := func() {
		if made != "" {
			failed = errors.Join(failed, undo(made))
			made = ""
		}
	}
	return bench.Worker{
		Reset: clean,
		Run: func() (err error) {
			if failed != nil {
				return failed
			}
			made, err = run()
			return err
		},
		Close: func() error { clean(); return failed },
	}
}

// copies copies the snapshot under a key and waits until the copy is completed.
func (r *ebsRig) copies(ctx context.Context, key string) bench.Worker {
	return doing(func() (string, error) {
		snap, err := r.machines.CopySnapshot(ctx, r.caller, ec2.CopySnapshotRequest{SourceID: r.source, Encrypted: snapshot.True, KeyID: key})
		for err == nil {
			var page ec2.Page[ec2.Snapshot]
			page, err = r.machines.DescribeSnapshots(ctx, r.caller, ec2.Visible{}, ec2.Query{IDs: []string{snap.ID}})
			if err != nil || page.Items[0].State == ec2.SnapshotCompleted {
				break
			}
			if page.Items[0].State != ec2.SnapshotPending {
				err = fmt.Errorf("copy %s: %s", snap.ID, page.Items[0].StateMessage)
			}
			time.Sleep(benchPoll)
		}
		return snap.ID, err
	}, func(id string) error { return r.machines.DeleteSnapshot(ctx, r.caller, id, false) })
}

// restores makes a volume of the snapshot under a key, attaches it and reads it whole.
func (r *ebsRig) restores(ctx context.Context, key string) bench.Worker {
	buffer := make([]byte, 1<<20)
	return doing(func() (string, error) {
		v, err := r.machines.CreateVolume(ctx, r.caller, ec2.VolumeRequest{
			Zone: r.region + "a", DeviceSpec: ec2.DeviceSpec{SnapshotID: r.source, Encrypted: snapshot.True, KeyID: key},
		})
		if err == nil {
			_, err = r.machines.AttachVolume(ctx, r.caller, ec2.AttachRequest{VolumeID: v.ID, InstanceID: r.instance, Device: "/dev/sdf"})
		}
		for off := int64(0); err == nil && off < r.size; off += int64(len(buffer)) {
			_, err = r.attached.engine.Device(v.ID).ReadAt(buffer, off)
		}
		return v.ID, err
	}, func(id string) error {
		if _, err := r.machines.DetachVolume(ctx, r.caller, ec2.DetachRequest{VolumeID: id, Force: true}); err != nil {
			return err
		}
		for {
			err := r.machines.DeleteVolume(ctx, r.caller, id, false)
			if !ec2.HasReason(err, ec2.VolumeInUse) {
				return err
			}
			time.Sleep(benchPoll)
		}
	})
}

// fileWrites writes n blocks at once, and syncs after each as PutSnapshotBlock does.
func (r *ebsRig) fileWrites(n int) (bench.Worker, error) {
	file, err := os.OpenFile(r.file("blocks"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return bench.Worker{}, err
	}
	block := make([]byte, ec2.SnapshotBlockSize)
	return bench.Worker{Batch: n, Close: file.Close, Run: func() error {
		return atOnce(n, func(i int) error {
			_, err := file.WriteAt(block, int64(i)*ec2.SnapshotBlockSize)
			return errors.Join(err, file.Sync())
		})
	}}, nil
}

func (r *ebsRig) fileReads(n int) (bench.Worker, error) {
	file, err := os.Open(r.file("source"))
	if err != nil {
		return bench.Worker{}, err
	}
	blocks := int(r.size / ec2.SnapshotBlockSize)
	return bench.Worker{Batch: n, Close: file.Close, Run: func() error {
		return atOnce(n, func(i int) error {
			_, err := file.ReadAt(make([]byte, ec2.SnapshotBlockSize), int64(i%blocks)*ec2.SnapshotBlockSize)
			return err
		})
	}}, nil
}

// atOnce runs do for 0 to n-1 at the same time.
func atOnce(n int, do func(i int) error) error {
	failed := make(chan error, n)
	for i := range n {
		go func() { failed <- do(i) }()
	}
	var err error
	for range n {
		err = errors.Join(err, <-failed)
	}
	return err
}
