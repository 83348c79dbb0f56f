package snapshot_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"coffer.example/blockstore"
	"coffer.example/kms"
	"coffer.example/snapshot"
)

// Example writes to an encrypted volume, takes a snapshot, copies it under another
// key, disables the first key and reads the copy.
func Example() {
	if err := example(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// restored: hello
	// the first volume: key refused
	// restored from the copy: hello
}

func example() (err error) {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "snapshot")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	o := kms.Options{Dir: filepath.Join(dir, "data"), Root: kms.RootKeyFile(filepath.Join(dir, "root.key"))}
	if err := kms.Init(o); err != nil {
		return err
	}
	keys, err := kms.Open(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, keys.Close()) }()
	var ids []string
	for range 2 {
		k, err := keys.CreateKey(ctx, keys.RootCaller(), kms.CreateKeyInput{})
		if err != nil {
			return err
		}
		ids = append(ids, k.ID)
	}
	store, err := blockstore.Open(blockstore.Options{Dir: filepath.Join(dir, "data", "blocks"), Keys: keys.Keyring(), ZoneSlots: 4096})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	snaps, err := snapshot.Open(store)
	if err != nil {
		return err
	}

	vol, err := store.CreateVolume(ctx, blockstore.VolumeSpec{Size: blockstore.GiB, Key: ids[0]})
	if err != nil {
		return err
	}
	dev, err := store.Attach(ctx, vol.ID)
	if err != nil {
		return err
	}
	if _, err := dev.WriteAt([]byte("hello"), 4096); err != nil {
		return err
	}
	first, err := snaps.Create(ctx, vol.ID)
	if err != nil {
		return err
	}
	if err := dev.Detach(ctx); err != nil {
		return err
	}
	copied, err := snaps.Copy(ctx, first.ID, blockstore.CopySpec{Key: ids[1]})
	if err != nil {
		return err
	}
	if err := show(ctx, store, snaps, "restored", first.ID); err != nil {
		return err
	}
	if err := keys.DisableKey(ctx, keys.RootCaller(), kms.KeyInput{KeyID: ids[0]}); err != nil {
		return err
	}
	var refused *blockstore.KeyError
	if _, err := store.Attach(ctx, vol.ID); errors.As(err, &refused) {
		fmt.Println("the first volume: key refused")
	}
	return show(ctx, store, snaps, "restored from the copy", copied.ID)
}

func show(ctx context.Context, store *blockstore.Store, snaps *snapshot.Manager, what, id string) error {
	vol, err := snaps.Restore(ctx, id, blockstore.VolumeSpec{})
	if err != nil {
		return err
	}
	dev, err := store.Attach(ctx, vol.ID)
	if err != nil {
		return err
	}
	b := make([]byte, 5)
	if _, err := dev.ReadAt(b, 4096); err != nil {
		return err
	}
	fmt.Printf("%s: %s\n", what, bytes.TrimRight(b, "\x00"))
	return dev.Detach(ctx)
}
