package kms

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"coffer.example/internal/meta"
)

// Checkpoint writes a copy of the key store to dir, which becomes a directory that Open opens
// under the same root key. Where the file system has hard links they are used, so the copy
// shares files with the store until somebody copies it on. during runs while nothing
// is committed: what it copies agrees with the key store. Only a store of the KMS's own is copied.
func (k *KMS) Checkpoint(ctx context.Context, dir string, during func() error) error {
	if k.own == nil {
		return fmt.Errorf("kms: %w", meta.ErrNoCheckpoint)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("kms: %w", err)
	}
	return meta.Checkpoint(ctx, k.inner, filepath.Join(dir, metaDir), func() error {
		record, err := os.ReadFile(filepath.Join(k.o.Dir, sealingFile))
		if err != nil {
			return fmt.Errorf("kms: %w", err)
		}
		if err := writeFileDurably(filepath.Join(dir, sealingFile), record, os.O_EXCL); err != nil {
			return fmt.Errorf("kms: %w", err)
		}
		return during()
	})
}
