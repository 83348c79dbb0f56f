package main

import (
	"context"
	"errors"
	"os"

	"coffer.example/kms"
)

// scope is the account and Region whose resources a command lists. Empty members mean
// the directory's own account and default Region.
type scope struct {
	Account string `json:"account,omitempty"`
	Region  string `json:"region,omitempty"`
}

func (s *scope) register(f *flags) {
	f.StringVar(&s.Account, "account-id", "", "the account's `number` (default: the directory's first)")
	f.StringVar(&s.Region, "region", "", "the `Region` (default: the daemon's)")
}

// controlServer adds every call of the control socket.
func (d *daemon) controlServer() *controlServer {
	c := newControlServer()
	addProfiles(c.mux)
	control(c, "status", d.status)
	control(c, "unseal", d.unsealCall)
	controlStream(c, "key-list", onStackStream(d, (*stack).listKeys))
	controlStream(c, "key-usage", onStackStream(d, (*stack).keyUsage))
	control(c, "key-policy-test", onStack(d, (*stack).testKeyPolicy))
	controlStream(c, "volume-list", onStackStream(d, (*stack).listVolumes))
	controlStream(c, "database-list", onStackStream(d, (*stack).listDatabases))
	controlStream(c, "snapshot-list", onStackStream(d, (*stack).listSnapshots))
	controlStream(c, "image-list", onStackStream(d, (*stack).listImages))
	controlStream(c, "image-import", onStackStream(d, (*stack).importImage))
	controlStream(c, "verify", onStackStream(d, (*stack).verify))
	controlStream(c, "snapshot-export", onStackStream(d, (*stack).exportSnapshot))
	controlStream(c, "snapshot-import", onStackStream(d, (*stack).importSnapshot))
	controlStream(c, "backup", onStackStream(d, (*stack).backup))
	control(c, "scrub", onStack(d, (*stack).startScrub))
	control(c, "inspect", onStack(d, (*stack).inspect))
	control(c, "volume-attach", onStack(d, (*stack).attachVolume))
	control(c, "volume-detach", onStack(d, (*stack).detachVolume))
	control(c, "volume-uri", onStack(d, (*stack).volumeURI))
	control(c, "account-add", onStack(d, (*stack).addAccount))
	control(c, "audit-verify", onStack(d, (*stack).verifyTrail))
	return c
}

// onStack makes a control call of a stack's method.
func onStack[In, Out any](d *daemon, call func(*stack, context.Context, In) (Out, error)) func(context.Context, In) (Out, error) {
	return func(ctx context.Context, in In) (out Out, err error) {
		s, err := d.current()
		if err != nil {
			return out, err
		}
		return call(s, ctx, in)
	}
}

// onStackStream is onStack for calls that answer with items.
func onStackStream[In, Item any](d *daemon, call func(*stack, context.Context, In, func(Item) error) error) func(context.Context, In, func(Item) error) error {
	return func(ctx context.Context, in In, emit func(Item) error) error {
		s, err := d.current()
		if err != nil {
			return err
		}
		return call(s, ctx, in, emit)
	}
}

func (d *daemon) status(context.Context, none) (statusAnswer, error) {
	s, err := d.current()
	if errors.Is(err, errStarting) {
		return statusAnswer{}, err
	}
	answer := statusAnswer{
		Version: versionText(), PID: os.Getpid(), Started: d.started.UTC(),
		Directory: d.dir.path, Dev: d.dir.dev, Region: d.options.region,
		API: d.addresses.API, Admin: d.addresses.Admin, NBD: d.addresses.NBD,
		Ready: true, Sealed: err != nil,
	}
	if err == nil {
		answer.Exports, answer.Pool, answer.Scrub = s.attached.published(), s.pool(), s.scrubStatus()
	}
	if err := d.ready(); err != nil {
		answer.Ready, answer.NotReady = false, err.Error()
	}
	return answer, nil
}

// operator is the account root as which an operator's commands ask.
func (s *stack) operator(in scope) kms.Caller {
	if in.Account == "" {
		in.Account = s.keys.Account()
	}
	if in.Region == "" {
		in.Region = s.keys.Region()
	}
	return kms.Caller{
		Account: in.Account, ARN: "arn:aws:iam::" + in.Account + ":root", UserID: in.Account,
		Type: "Root", Region: in.Region, UserAgent: "coffer", SourceIP: "coffer.sock", RequestID: newRequestID(),
	}
}
