package kms

import (
	"context"
	"errors"
	"fmt"

	"coffer.example/aead"
	"coffer.example/internal/meta"
)

// Reseal has another Root seal the root key of a directory that nobody has open. The
// root key stays the same; what the former Root sealed does not open the directory any more.
func Reseal(o Options, to Root) error {
	return offline(o, func(rec *sealingRecord, root *aead.Secret, _ meta.Store) error {
		if rec.state != sealingReady {
			return fmt.Errorf("%w: finish with RotateRoot: %s", ErrRotating, o.Dir)
		}
		return writeSealed(o.withDefaults(), rec, to, root)
	})
}

// writeSealed has to seal root, checks that it opens again, and replaces the sealing record.
func writeSealed(o Options, rec *sealingRecord, to Root, root *aead.Secret) error {
	next := &sealingRecord{state: sealingReady, store: rec.store, kind: to.Kind()}
	var err error
	if next.root, err = to.Seal(context.Background(), rec.dir(o), root); err != nil {
		return err
	}
	again, err := to.Open(context.Background(), rec.dir(o), next.root)
	if err != nil {
		return err
	}
	defer again.Destroy()
	if !again.Equal(root) {
		return errors.New("kms: the root key does not open as it was sealed")
	}
	return writeSealing(o.Dir, next)
}

// offline runs fn on a directory that this process alone holds.
func offline(o Options, fn func(*sealingRecord, *aead.Secret, meta.Store) error) (err error) {
	o = o.withDefaults()
	if err := checkOptions(o); err != nil {
		return err
	}
	rec, root, err := openSealing(o)
	if err != nil {
		return err
	}
	defer root.Destroy()
	inner, own, err := openStore(o, rec)
	if err != nil {
		return err
	}
	if own != nil {
		defer func() { err = errors.Join(err, own.Close()) }()
	}
	return fn(rec, root, inner)
}
