package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
	"coffer.example/internal/nbd"
	"coffer.example/kms"
	"coffer.example/snapshot"
)

// ebsRig is a daemon's stack in a directory of its own, served on loopback, with a
// snapshot to copy and an upload to write to. Its audit trail and its keys are the
// daemon's: what they cost is part of what is measured.
type ebsRig struct {
	*stack
	cleanup          benchRig
	dir, url, region string
	size             int64
	caller           kms.Caller
	key, other       string // KMS keys
	instance         string
	source           string // the snapshot that is copied, restored and read
	tokens           []string
	upload           string // the snapshot that is written
}

func newEBSRig(ctx context.Context, dir string, size int64) (_ *ebsRig, err error) {
	r := &ebsRig{size: size, region: defaultRegion}
	defer func() {
		if err != nil {
			r.cleanup.close("ebs", io.Discard)
		}
	}()
	if r.dir, err = os.MkdirTemp(dir, "coffer-bench-"); err != nil {
		return nil, err
	}
	r.cleanup.undo = append(r.cleanup.undo, func() error { return os.RemoveAll(r.dir) })
	if err = r.serve(ctx); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{r.makeKeys, r.makeFile, r.makeSource, r.listSource, r.beginUpload} {
		if err = step(ctx); err != nil {
			return nil, fmt.Errorf("prepare: %w", err)
		}
	}
	return r, nil
}

// serve opens a --dev directory and serves its API.
func (r *ebsRig) serve(ctx context.Context) error {
	options := serveOptions{dataDir: filepath.Join(r.dir, "data"), region: r.region, dev: true, auditSync: "grouped", auditOnError: "fail"}
	owned, err := openDevDirectory(&options)
	if err != nil {
		return err
	}
	r.cleanup.undo = append(r.cleanup.undo, owned.release)
	unreached := func(awsapi.Credentials) http.Handler { return http.NotFoundHandler() }
	server := nbd.NewServer(nbd.Options{Registry: benchExports{}})
	r.cleanup.undo = append(r.cleanup.undo, server.Close)
	r.stack, err = openStack(ctx, stackOptions{
		serveOptions: options, log: slog.New(slog.DiscardHandler), dir: owned, root: kms.InsecureRootKeyFile(owned.file(devRootName)),
		blocks: server, uri: func(string) string { return "" }, reset: unreached,
	}, forServing())
	if err != nil {
		return err
	}
	r.cleanup.undo = append(r.cleanup.undo, r.stack.close)
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	api := &http.Server{Handler: r.front, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = api.Serve(listener) }() // until Close
	r.cleanup.undo = append(r.cleanup.undo, api.Close)
	r.url, r.caller = "http://"+listener.Addr().String(), r.operator(scope{})
	return nil
}

func (r *ebsRig) makeKeys(ctx context.Context) error {
	for _, arn := range []*string{&r.key, &r.other} {
		made, err := r.keys.CreateKey(ctx, r.caller, kms.CreateKeyInput{})
		if err != nil {
			return err
		}
		*arn = made.ARN
	}
	return nil
}

// makeFile makes the file that is copied in the place of a snapshot.
func (r *ebsRig) makeFile(context.Context) error {
	file, err := os.Create(r.file("source"))
	if err != nil {
		return err
	}
	_, err = io.CopyN(file, rand.Reader, r.size)
	return errors.Join(err, file.Sync(), file.Close())
}

func (r *ebsRig) file(name string) string { return filepath.Join(r.dir, name) }

// makeSource uploads the file into a snapshot, and makes an instance to attach volumes to.
func (r *ebsRig) makeSource(ctx context.Context) error {
	made, err := r.machines.RunInstances(ctx, r.caller, ec2.LaunchRequest{ImageID: ec2.EmptyImageID(r.region), MinCount: 1, MaxCount: 1})
	if err != nil {
		return err
	}
	snap, err := r.machines.StartSnapshot(ctx, r.caller, ec2.UploadRequest{SizeGiB: 1, Encrypted: snapshot.True, KeyID: r.key})
	if err != nil {
		return err
	}
	file, err := os.Open(r.file("source"))
	if err != nil {
		return err
	}
	defer file.Close()
	written, err := r.stack.upload(ctx, r.caller, snap.ID, file, func(int64) error { return nil })
	if err != nil {
		return err
	}
	r.instance, r.source = made[0].ID, snap.ID
	_, err = r.machines.CompleteSnapshot(ctx, r.caller, snap.ID, written, nil)
	return err
}

func (r *ebsRig) beginUpload(ctx context.Context) error {
	snap, err := r.machines.StartSnapshot(ctx, r.caller, ec2.UploadRequest{SizeGiB: 1, Encrypted: snapshot.True, KeyID: r.key})
	r.upload = snap.ID
	return err
}
