package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"coffer.example/internal/audit"
	"coffer.example/internal/awsapi"
	"coffer.example/internal/iam"
	"coffer.example/kms"
)

// stack is everything that is opened from a data directory, from the keys up to the
// front end. A reset of a --dev directory replaces it while the listeners stay.
type stack struct {
	options *serveOptions
	log     *slog.Logger
	dir     *directory

	keys     *kms.KMS
	trail    *audit.Log
	people   *iam.Directory
	attached *attachments
	front    *awsapi.Front
	opened   []func() error // what close undoes, in the order it was opened
}

// openStack opens the packages, each with what stands to its left. On an error it
// closes what it has opened.
func openStack(ctx context.Context, o *serveOptions, log *slog.Logger, dir *directory, root kms.Root) (*stack, error) {
	s := &stack{options: o, log: log, dir: dir}
	for _, step := range []func(context.Context) error{
		func(context.Context) error { return s.openKeys(root) },
		s.openTrail, s.openPeople, s.openFront,
	} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	return s, nil
}

// close closes everything in reverse, and says what went wrong with each.
func (s *stack) close() error {
	var failed error
	for i := len(s.opened) - 1; i >= 0; i-- {
		failed = errors.Join(failed, s.opened[i]())
	}
	s.opened = nil
	return failed
}

func (s *stack) closeLater(undo func() error) { s.opened = append(s.opened, undo) }

func (s *stack) openKeys(root kms.Root) (err error) {
	s.keys, err = kms.Open(kms.Options{
		Dir: s.dir.path, Root: root, Region: s.options.region,
		Logf: func(format string, args ...any) { s.log.Warn(fmt.Sprintf(format, args...)) },
	})
	if err != nil {
		return err
	}
	s.closeLater(s.keys.Close)
	return nil
}

func (s *stack) openTrail(ctx context.Context) (err error) {
	onError := audit.Fail
	if s.options.auditOnError == "drop" {
		onError = audit.Drop
	}
	s.trail, err = audit.Open(ctx, audit.Options{
		Dir: s.dir.file(auditName), Key: s.keys.AuditKey(), Anchor: auditAnchor{s.keys.Keyring()},
		SyncAlways: s.options.auditSync, OnError: onError,
	})
	if err != nil {
		return err
	}
	s.closeLater(s.trail.Close)
	s.keys.SetRecorder(s.trail)
	return nil
}

func (s *stack) openPeople(context.Context) error {
	s.people = iam.NewDirectory(iam.DirectoryOptions{Store: s.keys.Store()})
	return nil
}

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

// ready says why the stack cannot serve, if it cannot.
func (s *stack) ready() error {
	if s.trail.Stats().Failed && s.options.auditOnError == "fail" {
		return errors.New("the audit trail cannot be written")
	}
	return nil
}
