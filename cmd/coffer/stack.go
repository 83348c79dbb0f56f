package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"

	"coffer.example/blockstore"
	"coffer.example/internal/audit"
	"coffer.example/internal/awsapi"
	"coffer.example/internal/blob/dirblob"
	"coffer.example/internal/ec2"
	"coffer.example/internal/ecr"
	"coffer.example/internal/iam"
	"coffer.example/internal/nbd"
	"coffer.example/internal/rds"
	"coffer.example/kms"
)

// stack is everything that is opened from a data directory, from the keys up to the
// front end. A reset of a --dev directory replaces it while the listeners stay.
type stack struct {
	stackOptions
	keys     *kms.KMS
	trail    *audit.Log
	people   *iam.Directory
	store    *blockstore.Store
	attached *attachments
	machines *ec2.Service
	images   *ecr.Service
	bases    *rds.Service
	blobs    *dirblob.Store
	front    *awsapi.Front
	opened   []func() error // what close undoes, in the order it was opened

	backingUp sync.Mutex // held while a backup is made
	moving    sync.Mutex // held while a snapshot is exported or imported
}

// stackOptions are what a stack is opened with.
type stackOptions struct {
	serveOptions
	log    *slog.Logger
	dir    *directory
	root   kms.Root
	blocks *nbd.Server                           // for those that serve volumes
	uri    func(volume string) string            // where a volume's export is reached
	reset  func(awsapi.Credentials) http.Handler // of a --dev directory
}

// step opens one package of a stack.
type step = func(*stack, context.Context) error

// forServing are the steps of a daemon; for the other commands a few of them are enough.
func forServing() []step {
	return []step{(*stack).openKeys, (*stack).openTrail, (*stack).openPeople, (*stack).openStore, (*stack).openMachines, (*stack).openDatabases, (*stack).openImages, (*stack).openFront}
}

// openStack opens packages, each with what stands to its left. On an error it closes
// what it has opened.
func openStack(ctx context.Context, o stackOptions, steps []step) (*stack, error) {
	s := &stack{stackOptions: o}
	for _, open := range steps {
		if err := open(s, ctx); err != nil {
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

func (s *stack) openKeys(context.Context) (err error) {
	s.keys, err = kms.Open(kms.Options{
		Dir: s.dir.path, Root: s.root, Region: s.region,
		Logf: func(format string, args ...any) { s.log.Warn(fmt.Sprintf(format, args...)) },
	})
	if err != nil {
		return withHint(err)
	}
	s.closeLater(s.keys.Close)
	return nil
}

func (s *stack) openTrail(ctx context.Context) (err error) {
	onError := audit.Fail
	if s.auditOnError == "drop" {
		onError = audit.Drop
	}
	s.trail, err = audit.Open(ctx, audit.Options{
		Dir: s.dir.file(auditName), Key: s.keys.AuditKey(), Anchor: auditAnchor{s.keys.Keyring()},
		SyncAlways: s.auditSync == "always", OnError: onError, MaxFileBytes: s.auditFileMiB << 20,
	})
	if err != nil {
		return err
	}
	s.closeLater(s.trail.Close)
	s.keys.SetRecorder(s.trail)
	return nil
}

func (s *stack) openPeople(context.Context) error {
	s.people = iam.NewDirectory(iam.DirectoryOptions{Store: s.keys.Store(), Tokens: s.keys.TokenKey()})
	s.keys.SetPrincipals(s.people)
	return nil
}

func (s *stack) openStore(context.Context) (err error) {
	if err := os.RemoveAll(s.dir.file(scratchName)); err != nil { // of a backup that a crash cut short
		return err
	}
	s.store, err = blockstore.Open(blockstore.Options{
		Dir: s.dir.path, Keys: s.keys.StoreKeyring(), MaxBytes: s.poolLimit * blockstore.GiB,
		Scrub: blockstore.ScrubOptions{BytesPerSecond: s.scrubRate << 20},
	})
	if err != nil {
		return err
	}
	s.closeLater(s.store.Close)
	return nil
}

// openMachines opens the EC2 catalogue, which attaches again what was attached.
func (s *stack) openMachines(ctx context.Context) (err error) {
	engine := ec2.NewStoreEngine(s.store)
	s.closeLater(engine.Close)
	s.attached = newAttachments(s.blocks, engine, s.uri, s.volume)
	s.machines, err = ec2.Open(ctx, ec2.Options{
		Store: s.keys.Store(), Engine: engine, KMS: ec2.KMSOf(s.keys), Exports: s.attached, Blocks: engine,
		ManagedKeyCopies: s.copyDefault == "aws-managed", Log: s.log,
	})
	if err != nil {
		return err
	}
	s.closeLater(s.attached.withdrawAll)
	s.closeLater(s.machines.Close)
	s.keys.SetRecorder(keyEvents{trail: s.trail, changed: s.machines.KeysChanged})
	s.startTicking(ctx)
	return nil
}

// openDatabases opens the RDS catalogue, which opens and serves the storage of what was available.
func (s *stack) openDatabases(ctx context.Context) (err error) {
	s.bases, err = rds.Open(ctx, rds.Options{
		Store: s.keys.Store(), Engine: s.store, Keys: s.keys, Exports: databaseExports{s.attached}, Log: s.log,
	})
	if err != nil {
		return err
	}
	s.closeLater(s.bases.Close)
	s.keys.SetRecorder(keyEvents{s.trail, s.machines.KeysChanged, s.bases.KeysChanged})
	return nil
}

// blobsName is the directory of objects, such as image layers.
const blobsName = "blobs"

// openImages opens the registry of container images.
func (s *stack) openImages(ctx context.Context) error {
	var err error
	if s.blobs, err = dirblob.Open(s.dir.file(blobsName)); err != nil {
		return err
	}
	s.images, err = ecr.Open(ctx, ecr.Options{Store: s.keys.Store(), Blobs: s.blobs, Keys: s.keys, Log: s.log})
	if err != nil {
		return err
	}
	s.closeLater(s.images.Close)
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
	if s.trail.Stats().Failed && s.auditOnError == "fail" {
		return errors.New("the audit trail cannot be written")
	}
	if err := s.keys.Failed(); err != nil {
		return errors.New("the metadata store has failed; restart coffer serve")
	}
	if s.store.Metrics().Failed {
		return errors.New("the index of the volumes has failed; restart coffer serve")
	}
	return nil
}
