package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"coffer.example/internal/ec2"
	"coffer.example/kms"
	"coffer.example/snapshot"
)

// importRoot is the device name of an imported image's root volume.
const importRoot = "/dev/xvda"

// listImages emits the images that an account owns in a Region.
func (s *stack) listImages(ctx context.Context, in scope, emit func(imageLine) error) error {
	caller, query := s.operator(in), ec2.Query{}
	for {
		page, err := s.machines.DescribeImages(ctx, caller, ec2.Visible{Owners: []string{"self"}}, query)
		if err != nil {
			return err
		}
		for _, i := range page.Items {
			line := imageLine{ID: i.ID, Account: i.Owner, Name: i.Name, State: string(i.State), Snapshots: []string{}, Created: i.Created}
			for _, d := range i.Mappings {
				if d.SnapshotID != "" {
					line.Snapshots = append(line.Snapshots, d.SnapshotID)
				}
			}
			if err := emit(line); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		query.Cursor = page.Next
	}
}

// importImage writes a disk image file into a snapshot, block by block and without its
// zeros, and registers an image of it. What it cannot finish it takes away again.
func (s *stack) importImage(ctx context.Context, in importCall, emit func(importItem) error) (err error) {
	file, size, err := openRaw(in.File)
	if err != nil {
		return err
	}
	defer file.Close()
	caller := s.operator(in.scope)
	request := ec2.UploadRequest{SizeGiB: in.SizeGiB, Description: "Imported from " + file.Name(), KeyID: in.KeyID}
	if needed := int((size + 1<<30 - 1) >> 30); in.SizeGiB == 0 {
		request.SizeGiB = needed
	} else if in.SizeGiB < needed {
		return fmt.Errorf("%s needs %d GiB, more than the %d asked for", in.File, needed, in.SizeGiB)
	}
	if in.Encrypted {
		request.Encrypted = snapshot.True
	}
	snap, err := s.machines.StartSnapshot(ctx, caller, request)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.machines.DeleteSnapshot(context.WithoutCancel(ctx), caller, snap.ID, false))
		}
	}()
	written, err := s.upload(ctx, caller, snap.ID, file, func(done int64) error { return emit(importItem{Done: done, Total: size}) })
	if err != nil {
		return err
	}
	if _, err := s.machines.CompleteSnapshot(ctx, caller, snap.ID, written, nil); err != nil {
		return err
	}
	image, err := s.machines.RegisterImage(ctx, caller, ec2.ImageRequest{
		Name: in.Name, RootDevice: importRoot, Architecture: in.Architecture, Virtualization: "hvm", ENASupport: true,
		Devices: []ec2.DeviceMapping{{Device: importRoot, Spec: ec2.DeviceSpec{SnapshotID: snap.ID}}},
	})
	if err != nil {
		return err
	}
	return emit(importItem{Done: size, Total: size, Image: image.ID, Snapshot: snap.ID})
}

// importAtOnce is how many blocks of an import are written at the same time: they share
// their flushes.
const importAtOnce = 16

// upload writes the blocks of a file that are not all zero, and says how many they are.
func (s *stack) upload(ctx context.Context, caller kms.Caller, id string, file io.Reader, progress func(done int64) error) (written int64, err error) {
	free, failed := make(chan []byte, importAtOnce), make(chan error, importAtOnce)
	for range importAtOnce {
		free <- make([]byte, ec2.SnapshotBlockSize)
	}
	var writing sync.WaitGroup
	zero := make([]byte, ec2.SnapshotBlockSize)
	for index := int64(0); err == nil; index++ {
		block, n := <-free, 0
		if n, err = io.ReadFull(file, block); errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = nil
		}
		clear(block[n:])
		switch {
		case err != nil:
		case bytes.Equal(block, zero):
			free <- block
		default:
			written++
			writing.Go(func() {
				if err := s.machines.PutSnapshotBlock(ctx, caller, id, index, block); err != nil {
					select {
					case failed <- err:
					default: // the first few are enough
					}
				}
				free <- block
			})
		}
		if err = errors.Join(err, ctx.Err(), progress(index*ec2.SnapshotBlockSize+int64(n))); err == nil {
			select {
			case err = <-failed:
			default:
			}
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	writing.Wait()
	select {
	case first := <-failed:
		err = errors.Join(err, first)
	default:
	}
	return written, err
}

// openRaw opens a disk image, which must be raw: what another format's file holds is
// not what its disk would.
func openRaw(path string) (*os.File, int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err == nil && info.Size() == 0 {
		err = fmt.Errorf("%s is empty", path)
	}
	head := make([]byte, 8)
	if err == nil {
		_, err = file.ReadAt(head, 0)
	}
	for magic, format := range map[string]string{"QFI\xfb": "qcow2", "KDMV": "vmdk", "vhdxfile": "vhdx", "conectix": "vpc"} {
		if err == nil && bytes.HasPrefix(head, []byte(magic)) {
			err = fmt.Errorf("%s is a %s image; make it raw with qemu-img convert -f %s -O raw", path, format, format)
		}
	}
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, info.Size(), nil
}
