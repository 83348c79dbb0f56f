package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"coffer.example/kms"
)

// A daemon is sealed while it holds its directory but not the root key: with --sealed,
// or when the parent KMS was not reached or refused. Its listeners answer, with
// errors, /readyz says so, and `coffer unseal` or the parent KMS ends it.

// Bounds of the wait between two questions to a parent KMS.
const (
	minUnsealDelay = time.Second
	maxUnsealDelay = 30 * time.Second
)

// errSealed says that the root key is not open.
var errSealed = errors.New("coffer is sealed")

// sealReason is why a daemon is sealed.
type sealReason struct{ error }

// sealed remembers why the daemon is sealed.
func (d *daemon) setSealed(why error) { d.sealed.Store(&sealReason{why}) }

// openOrStaySealed opens the stack, or keeps the daemon sealed where the root key may come later.
func (d *daemon) openOrStaySealed(ctx context.Context) error {
	if d.options.sealed {
		d.setSealed(fmt.Errorf("%w: `coffer unseal` opens it", errSealed))
		d.log.Warn("sealed: waiting for coffer unseal")
		return nil
	}
	err := d.unseal(ctx, d.root)
	if !errors.Is(err, kms.ErrParent) || d.options.volume != "" {
		return err
	}
	d.setSealed(fmt.Errorf("%w: %w", errSealed, err))
	d.log.Warn("sealed: asking the parent KMS again and again", "error", err)
	ctx, d.stopUnsealing = context.WithCancel(ctx)
	d.background.Go(func() { d.keepUnsealing(ctx, d.root) })
	return nil
}

// keepUnsealing asks the parent KMS until it opens the root key, or somebody else has.
func (d *daemon) keepUnsealing(ctx context.Context, root kms.Root) {
	for delay := minUnsealDelay; ; delay = min(2*delay, maxUnsealDelay) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(delay):
		}
		err := d.unseal(ctx, root)
		if err == nil || errors.Is(err, errNotSealed) {
			return
		}
		d.setSealed(fmt.Errorf("%w: %w", errSealed, err))
		d.log.Warn("still sealed", "error", err)
	}
}

var errNotSealed = errors.New("coffer is not sealed")

// unseal opens the stack under a root key; a failure leaves the daemon as it was.
func (d *daemon) unseal(ctx context.Context, root kms.Root) error {
	d.changing.Lock()
	defer d.changing.Unlock()
	if d.stack.Load() != nil {
		return errNotSealed
	}
	opened, err := d.openStack(context.WithoutCancel(ctx), root)
	if err != nil {
		return err
	}
	d.stack.Store(opened)
	if d.sealed.Swap(nil) != nil {
		d.log.Info("unsealed")
	}
	return nil
}

// unsealCall is `coffer unseal`.
func (d *daemon) unsealCall(ctx context.Context, source rootSource) (none, error) {
	root, err := source.root()
	if err != nil {
		return none{}, err
	}
	if err := d.unseal(ctx, root); err != nil {
		return none{}, err
	}
	return none{}, d.stack.Load().recordOperator(ctx, "Unseal", nil)
}

// unsealCommand hands a sealed daemon what opens its root key.
func unsealCommand(ctx context.Context, env *environment, args []string) error {
	f := newFlags(env, "unseal", "").withJSON()
	var root rootFlags
	root.register(f)
	if _, err := f.parse(args, 0); err != nil {
		return err
	}
	if err := root.check(); err != nil {
		return err
	}
	source, err := root.sourceFor(env, f.dataDir)
	if err != nil {
		return err
	}
	if source, err = source.absolute(); err != nil {
		return err
	}
	if _, err := ask[none](ctx, f.dataDir, "unseal", source); err != nil {
		return err
	}
	if f.json {
		return printJSON(env.stdout, map[string]bool{"sealed": false})
	}
	_, err = fmt.Fprintln(env.stdout, "unsealed")
	return err
}
