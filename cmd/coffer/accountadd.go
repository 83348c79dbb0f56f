package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// accountAddCommand adds an account with its root access key.
func accountAddCommand(ctx context.Context, env *environment, args []string) error {
	f := newFlags(env, "account add", "").withJSON()
	var root rootFlags
	var added account
	root.register(f)
	added.register(f)
	if _, err := f.parse(args, 0); err != nil {
		return err
	}
	if err := errors.Join(root.check(), added.complete()); err != nil {
		return err
	}
	answer, err := onDirectory(ctx, env, f.dataDir, &root, "account-add", added, (*stack).addAccount,
		(*stack).openKeys, (*stack).openTrail, (*stack).openPeople)
	if err != nil {
		return err
	}
	if f.json {
		return printJSON(env.stdout, answer)
	}
	_, err = fmt.Fprintf(env.stdout, "[coffer-%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", answer.ID, answer.AccessKeyID, answer.SecretAccessKey)
	return err
}

func (s *stack) addAccount(ctx context.Context, added account) (account, error) {
	added.Region = s.keys.Region()
	return added, s.people.CreateAccount(ctx, added.ID, added.AccessKeyID, added.SecretAccessKey)
}

// onDirectory makes a call on the daemon of a directory or, if nobody holds it, on the
// directory itself, with the packages open that the steps open.
func onDirectory[In, Out any](ctx context.Context, env *environment, path string, root *rootFlags, name string, in In, call func(*stack, context.Context, In) (Out, error), steps ...step) (out Out, err error) {
	s, release, err := openOffline(ctx, env, path, root, steps)
	if errors.Is(err, errBusy) {
		return ask[Out](ctx, path, name, in)
	}
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, release()) }()
	return call(s, ctx, in)
}

// openOffline opens a directory that nobody holds, or fails with errBusy.
func openOffline(ctx context.Context, env *environment, path string, root *rootFlags, steps []step) (*stack, func() error, error) {
	dir, err := openDirectory(path)
	if err != nil {
		return nil, nil, err
	}
	seal, err := root.forOpen(env, dir)
	if err != nil {
		return nil, nil, errors.Join(err, dir.release())
	}
	s, err := openStack(ctx, stackOptions{log: slog.New(slog.DiscardHandler), dir: dir, root: seal}, steps)
	if err != nil {
		return nil, nil, errors.Join(err, dir.release())
	}
	return s, func() error { return errors.Join(s.close(), dir.release()) }, nil
}
