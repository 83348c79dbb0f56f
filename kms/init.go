package kms

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"

	"coffer.example/aead"
)

// Init makes a new data directory: it draws a root key, has Options.Root seal it, and
// writes the sealing record and an empty store. An Init that was interrupted may be
// repeated; on a finished directory it returns ErrInitialised and changes nothing.
func Init(o Options) error {
	o = o.withDefaults()
	if err := checkOptions(o); err != nil {
		return err
	}
	rec, err := readSealing(o.Dir)
	switch {
	case err == nil && rec.state != sealingInit:
		return fmt.Errorf("%w: %s", ErrInitialised, o.Dir)
	case err == nil: // finish what an interrupted Init began
	case errors.Is(err, ErrNotInitialised):
		if err := beginInit(o); err != nil {
			return err
		}
	default:
		return err
	}
	k, err := Open(o) // Open finishes an Init
	if err != nil {
		return err
	}
	return k.Close()
}

func beginInit(o Options) error {
	if o.Store == nil {
		if _, err := os.Lstat(filepath.Join(o.Dir, metaDir)); err == nil {
			return fmt.Errorf("%w: %s has metadata but no sealing record", ErrInitialised, o.Dir)
		}
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return fmt.Errorf("kms: %w", err)
	}
	if err := syncDir(filepath.Dir(filepath.Clean(o.Dir))); err != nil {
		return fmt.Errorf("kms: %w", err)
	}
	rec := &sealingRecord{state: sealingInit, kind: o.Root.Kind()}
	root := make([]byte, aead.KeySize)
	for _, b := range [][]byte{rec.store[:], root} {
		if _, err := io.ReadFull(o.Rand, b); err != nil {
			return fmt.Errorf("kms: draw root key: %w", err)
		}
	}
	secret := aead.NewSecret(root)
	defer secret.Destroy()
	var err error
	if rec.root, err = o.Root.Seal(context.Background(), rec.dir(o), secret); err != nil {
		return err
	}
	return writeSealing(o.Dir, rec)
}

// initialise writes the format record and the reserved key in one commit.
func (k *KMS) initialise(ctx context.Context) error {
	account := k.o.Account
	if account == "" {
		n, err := rand.Int(k.o.Rand, big.NewInt(9e11))
		if err != nil {
			return fmt.Errorf("kms: draw account: %w", err)
		}
		account = fmt.Sprint(n.Int64() + 1e11)
	}
	rec := &keyRecord{Account: account, Region: k.o.Region, Usage: usageEncrypt, Spec: specSymmetric,
		Origin: originKMS, Manager: managerAWS, State: Enabled, Reserved: true}
	t := newTxn()
	if err := k.stageNewKey(t, rec); err != nil {
		return err
	}
	audit, err := k.draw(aead.KeySize)
	if err != nil {
		return err
	}
	k.format = formatRecord{Version: storeFormatVersion, Account: account, ReservedKey: rec.ID, AuditSecret: audit}
	t.set(nameFormat, k.format)
	t.absent(nameFormat)
	return k.commit(ctx, t)
}
