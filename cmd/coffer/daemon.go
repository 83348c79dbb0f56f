package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"coffer.example/internal/audit"
	"coffer.example/internal/awsapi"
	"coffer.example/internal/iam"
	"coffer.example/kms"
)

// daemon is everything that a running coffer holds open.
type daemon struct {
	options   *serveOptions
	log       *slog.Logger
	started   time.Time
	dir       *directory
	keys      *kms.KMS
	trail     *audit.Log
	people    *iam.Directory
	front     *awsapi.Front
	addresses addresses
	opened    []func() error // what close undoes, in the order it was opened
}

// openDaemon opens the packages, each with what stands to its left. On an error it
// closes what it has opened.
func openDaemon(ctx context.Context, env *environment, o *serveOptions, log *slog.Logger) (d *daemon, err error) {
	d = &daemon{options: o, log: log, started: time.Now()}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	for _, step := range []func(context.Context, *environment) error{
		d.openDirectory, d.openKeys, d.openTrail, d.openPeople, d.openFront,
	} {
		if err := step(ctx, env); err != nil {
			return d, err
		}
	}
	return d, nil
}

// close closes everything in reverse, and says what went wrong with each.
func (d *daemon) close() error {
	var failed error
	for i := len(d.opened) - 1; i >= 0; i-- {
		failed = errors.Join(failed, d.opened[i]())
	}
	d.opened = nil
	return failed
}

func (d *daemon) closeLater(undo func() error) { d.opened = append(d.opened, undo) }

func (d *daemon) openDirectory(ctx context.Context, _ *environment) (err error) {
	if d.options.dev {
		d.dir, err = openDevDirectory(ctx, d.options)
	} else {
		d.dir, err = openDirectory(d.options.dataDir)
		if err == nil && d.dir.dev {
			err = errors.Join(fmt.Errorf("%s is a throw-away directory; serve it with --dev", d.dir.path), d.dir.release())
		}
	}
	if err != nil {
		return err
	}
	d.closeLater(d.dir.release)
	return nil
}

func (d *daemon) openKeys(_ context.Context, env *environment) error {
	root, err := d.options.root.forOpen(env, d.dir)
	if err != nil {
		return err
	}
	d.keys, err = kms.Open(kms.Options{
		Dir: d.dir.path, Root: root, Region: d.options.region,
		Logf: func(format string, args ...any) { d.log.Warn(fmt.Sprintf(format, args...)) },
	})
	if err != nil {
		return err
	}
	d.closeLater(d.keys.Close)
	return nil
}

func (d *daemon) openTrail(ctx context.Context, _ *environment) (err error) {
	onError := audit.Fail
	if d.options.auditOnError == "drop" {
		onError = audit.Drop
	}
	d.trail, err = audit.Open(ctx, audit.Options{
		Dir: d.dir.file(auditName), Key: d.keys.AuditKey(), Anchor: auditAnchor{d.keys.Keyring()},
		SyncAlways: d.options.auditSync, OnError: onError,
	})
	if err != nil {
		return err
	}
	d.closeLater(d.trail.Close)
	d.keys.SetRecorder(d.trail)
	return nil
}

func (d *daemon) openPeople(context.Context, *environment) error {
	d.people = iam.NewDirectory(iam.DirectoryOptions{Store: d.keys.Store()})
	return nil
}

// ready says why the daemon cannot serve, if it cannot.
func (d *daemon) ready() error { return nil }

// auditAnchor keeps the head of the audit chain beside the anchors of volumes.
type auditAnchor struct{ keyring *kms.Keyring }

// auditAnchorName is its name there; volumes' names start otherwise.
const auditAnchorName = "audit"

// Load implements audit.AnchorStore.
func (a auditAnchor) Load(ctx context.Context) ([]byte, error) {
	return a.keyring.Load(ctx, auditAnchorName)
}

// Save implements audit.AnchorStore.
func (a auditAnchor) Save(ctx context.Context, anchor []byte) error {
	return a.keyring.Save(ctx, auditAnchorName, anchor)
}
