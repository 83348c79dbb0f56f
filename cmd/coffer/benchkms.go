package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"coffer.example/bench"
	"coffer.example/internal/audit"
	"coffer.example/internal/iam"
	"coffer.example/kms"
)

// What the key store is to reach: over HTTP a share of the speed of a handler that does
// nothing, and in the process calls per second and core.
const (
	benchGoalHTTP    = 0.6
	benchGoalProcess = 200_000
	benchKMSSlot     = 20 * time.Millisecond

	benchGroupHTTP    = "KMS over HTTP, signed, policies and audit on"
	benchGroupProcess = "KMS in the process, policies and audit record, no file"
	benchEmpty        = "empty handler"
)

// benchKMS is `coffer bench kms`: a key store over HTTP and in the process.
func benchKMS(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, out := bench.Options{Kind: "kms"}, benchOutputs{}
	f := flag.NewFlagSet("kms", flag.ContinueOnError)
	quick := f.Bool("quick", false, "20 rounds")
	f.IntVar(&o.Rounds, "rounds", 0, fmt.Sprintf("interleaved rounds, at least %d", bench.MinRounds))
	f.DurationVar(&o.Slot, "slot", benchKMSSlot, "how long one operation runs in one round")
	dir := f.String("dir", os.TempDir(), "`DIRECTORY` on the disk that keys and audit trail lie on")
	if err := benchRunFlags(f, &o, &out, args, stdout); err != nil {
		return err
	}
	if *quick {
		o.Rounds = bench.MinRounds
	}
	rig := &benchKMSRig{}
	defer rig.close(stderr)
	if err := rig.build(ctx, *dir); err != nil {
		return err
	}
	o.Progress = benchProgress(stderr)
	rep, err := bench.Run(ctx, o, rig.cases(ctx))
	if err := finishBench(rep, err, &out, stdout, stderr); err != nil {
		return err
	}
	return writeKMSGoals(rep, stdout)
}

// writeKMSGoals compares what was measured with what is to be reached.
func writeKMSGoals(rep *bench.Report, out io.Writer) error {
	var failed error
	for i := range rep.Rows {
		r := &rep.Rows[i]
		var err error
		switch {
		case r.Group == benchGroupHTTP && r.Variant != benchEmpty:
			_, err = fmt.Fprintf(out, "%s over HTTP: %.2f of an empty handler (goal %.1f)\n", r.Variant, rep.Ratio(r).Median, benchGoalHTTP)
		case r.Group == benchGroupProcess && r.Variant == "Decrypt":
			_, err = fmt.Fprintf(out, "%s in the process: %.0f per second and core (goal %d)\n", r.Variant, 1e9/bench.Median(r.CPU), benchGoalProcess)
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// The user that asks: its identity policy is evaluated beside the key's.
const (
	benchAccount = "111122223333"
	benchUser    = "bench"
	benchPolicy  = `{"Version":"2012-10-17","Statement":[{"Sid":"Use","Effect":"Allow","Action":"kms:*","Resource":"*"}]}`
)

// benchKMSRig is a key store with one key, its audit trail and a user, in a directory
// of its own.
type benchKMSRig struct {
	dir      string
	keys     *kms.KMS
	trail    *audit.Log
	people   *iam.Directory
	user     kms.Caller
	keyID    string
	blob     []byte
	server   *benchKMSServer
	recorder map[string]kms.Recorder // by variant of cases in the process
	undo     []func() error
}

func (r *benchKMSRig) build(ctx context.Context, parent string) (err error) {
	if r.dir, err = os.MkdirTemp(parent, "coffer-bench-"); err != nil {
		return err
	}
	r.undo = append(r.undo, func() error { return os.RemoveAll(r.dir) })
	for _, step := range []func(context.Context) error{r.openKeys, r.openTrails, r.makeUser, r.makeKey, r.serve} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (r *benchKMSRig) openKeys(context.Context) (err error) {
	o := kms.Options{Dir: filepath.Join(r.dir, "data"), Root: kms.RootKeyFile(filepath.Join(r.dir, "root.key")), Account: benchAccount}
	if err := kms.Init(o); err != nil {
		return err
	}
	if r.keys, err = kms.Open(o); err != nil {
		return err
	}
	r.undo = append(r.undo, r.keys.Close)
	return nil
}

// openTrails opens the trail on the disk, and one that does everything but write.
func (r *benchKMSRig) openTrails(ctx context.Context) (err error) {
	o := audit.Options{Dir: filepath.Join(r.dir, "data", auditName), Key: r.keys.AuditKey(), Anchor: auditAnchor{r.keys.Keyring()}}
	if r.trail, err = audit.Open(ctx, o); err != nil {
		return err
	}
	r.undo = append(r.undo, r.trail.Close)
	unwritten, err := audit.Open(ctx, audit.Options{Dir: filepath.Join(r.dir, "unwritten"), Key: r.keys.AuditKey(), Anchor: new(benchAnchor), FS: unwrittenFS{}})
	if err != nil {
		return err
	}
	r.undo = append(r.undo, unwritten.Close)
	r.recorder = map[string]kms.Recorder{"": benchRecorder{}, ", chained": unwritten}
	r.keys.SetRecorder(r.trail)
	return nil
}

func (r *benchKMSRig) makeUser(ctx context.Context) error {
	r.people = iam.NewDirectory(iam.DirectoryOptions{Store: r.keys.Store(), Tokens: r.keys.TokenKey()})
	if err := r.people.CreateAccount(ctx, benchAccount, "", ""); err != nil {
		return err
	}
	ref := iam.Ref{Kind: iam.User, Account: benchAccount, Name: benchUser}
	made, err := r.people.Create(ctx, iam.Entity{Ref: ref, Path: "/"})
	if err != nil {
		return err
	}
	r.user = kms.Caller{
		Account: benchAccount, ARN: made.ARN(), UserID: made.ID, UserName: benchUser, Type: string(iam.IAMUser),
		Policies: []kms.Policy{{Name: "inline policy use of user " + benchUser, Document: benchPolicy}},
		SourceIP: "127.0.0.1", UserAgent: "coffer bench", RequestID: newRequestID(),
	}
	return r.people.PutInlinePolicy(ctx, ref, "use", benchPolicy)
}

func (r *benchKMSRig) makeKey(ctx context.Context) error {
	key, err := r.keys.CreateKey(ctx, r.user, kms.CreateKeyInput{})
	if err != nil {
		return err
	}
	r.keyID = key.ID
	size := benchKeyBytes
	made, err := r.keys.GenerateDataKey(ctx, r.user, kms.GenerateDataKeyInput{KeyID: key.ID, NumberOfBytes: &size, EncryptionContext: benchPairs()})
	if err == nil {
		r.blob = made.CiphertextBlob
	}
	return err
}

// close undoes everything in reverse; what fails then is only told.
func (r *benchKMSRig) close(stderr io.Writer) {
	for i := len(r.undo) - 1; i >= 0; i-- {
		if err := r.undo[i](); err != nil {
			fmt.Fprintf(stderr, "coffer bench kms: clean up: %v\n", err)
		}
	}
}
