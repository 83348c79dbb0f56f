package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"strings"

	"coffer.example/internal/audit"
	"coffer.example/kms"
)

// rootChange are the flags of coffer init on a directory that exists: --reseal and
// --rotate-root. Nobody may serve the directory meanwhile.
type rootChange struct {
	reseal, rotate bool
	to             rootFlags
}

// rootChangeAnswer is what they print with --json.
type rootChangeAnswer struct {
	Directory string `json:"directory"`
	Opens     string `json:"opens"` // with what
	RootKey   string `json:"rootKey,omitempty"`
}

func newRootChange(f *flags) *rootChange {
	c := &rootChange{to: rootFlags{prefix: "new-"}}
	f.BoolVar(&c.reseal, "reseal", false, "seal the root key of an existing directory anew, as the --new- flags say")
	f.BoolVar(&c.rotate, "rotate-root", false, "put everything in an existing directory under a new root key; finishes a rotation that was interrupted")
	c.to.register(f)
	return c
}

func (c *rootChange) wanted() bool { return c.reseal || c.rotate }

// check refuses flags that do not belong together.
func (c *rootChange) check(f *flags) error {
	switch {
	case c.reseal && c.rotate:
		return usagef("give one of --reseal and --rotate-root")
	case c.reseal != c.to.given():
		return usagef("--reseal needs one of the --new- flags, and they need --reseal")
	}
	var foreign error
	f.Visit(func(one *flag.Flag) {
		if c.wanted() && (one.Name == "region" || strings.HasPrefix(one.Name, "account-") || strings.HasSuffix(one.Name, "access-key") || one.Name == "access-key-id") {
			foreign = usagef("--%s is for a new directory", one.Name)
		}
	})
	return errors.Join(c.to.check(), foreign)
}

func (c *rootChange) run(ctx context.Context, env *environment, f *flags, root *rootFlags) (err error) {
	d, err := openOwnDirectory(f.dataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.release()) }()
	seal, err := root.forOpen(env, d)
	if err != nil {
		return err
	}
	options := kms.Options{Dir: d.path, Root: seal}
	if c.rotate {
		return c.rotateRoot(ctx, env, f, d, options, root.held(root.keyFileOf(d.path, false)))
	}
	return c.resealRoot(ctx, env, f, d, options)
}

// recordRootChange notes in the audit trail what has been done.
func recordRootChange(ctx context.Context, d *directory, seal kms.Root, name, held string) error {
	s, err := openStack(ctx, stackOptions{log: slog.New(slog.DiscardHandler), dir: d, root: seal}, []step{(*stack).openKeys, (*stack).openTrail})
	if err != nil {
		return err
	}
	return errors.Join(s.recordOperator(ctx, name, audit.Fields{{Name: "opensWith", Value: held}}), s.close())
}

// resealRoot has another seal hold the root key.
func (c *rootChange) resealRoot(ctx context.Context, env *environment, f *flags, d *directory, options kms.Options) error {
	made, err := c.to.forNew(env, options.Dir)
	if err != nil {
		return err
	}
	answer := rootChangeAnswer{Directory: options.Dir, Opens: c.to.held(made.keyFile), RootKey: made.variable}
	if made.variable != "" {
		// Shown before anything depends on it: a key that nobody saw would lose the directory.
		if _, err := fmt.Fprintf(env.stderr, "export %s\n", made.variable); err != nil {
			return err
		}
	}
	if err := kms.Reseal(options, made.seal); err != nil {
		return withHint(err)
	}
	if err := recordRootChange(ctx, d, made.seal, "ResealRootKey", answer.Opens); err != nil {
		return fmt.Errorf("resealed, but not recorded: %w", err)
	}
	return answer.print(env, f, "what opened it before opens it no more, but old copies of it")
}

// rotateRoot puts everything under a new root key.
func (c *rootChange) rotateRoot(ctx context.Context, env *environment, f *flags, d *directory, options kms.Options, held string) error {
	if err := kms.RotateRoot(options); err != nil {
		return withHint(err)
	}
	if err := recordRootChange(ctx, d, options.Root, "RotateRootKey", held); err != nil {
		return fmt.Errorf("rotated, but not recorded: %w", err)
	}
	answer := rootChangeAnswer{Directory: options.Dir, Opens: held}
	return answer.print(env, f, "everything in it is under a new root key; tokens and temporary credentials from before are void")
}

func (a rootChangeAnswer) print(env *environment, f *flags, said string) error {
	if f.json {
		return printJSON(env.stdout, a)
	}
	_, err := fmt.Fprintf(env.stdout, "%s opens with %s:\n%s\n", a.Directory, a.Opens, said)
	return err
}

// withHint says which command ends a state that an interrupted one has left.
func withHint(err error) error {
	if errors.Is(err, kms.ErrRotating) {
		return fmt.Errorf("%w (coffer init --rotate-root)", err)
	}
	return err
}
