package blockstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"coffer.example/blockstore"
	"coffer.example/kms"
)

// openBoth makes a key management service and a store in a new directory.
func openBoth() (keys *kms.KMS, store *blockstore.Store, cleanup func(), err error) {
	dir, err := os.MkdirTemp("", "blockstore")
	if err != nil {
		return nil, nil, nil, err
	}
	o := kms.Options{Dir: filepath.Join(dir, "kms"), Root: kms.RootKeyFile(filepath.Join(dir, "root.key")), Account: "111122223333"}
	if err := kms.Init(o); err != nil {
		return nil, nil, nil, err
	}
	if keys, err = kms.Open(o); err != nil {
		return nil, nil, nil, err
	}
	ctx := context.Background()
	for _, alias := range []string{"alias/volumes", "alias/other"} {
		key, err := keys.CreateKey(ctx, keys.RootCaller(), kms.CreateKeyInput{})
		if err == nil {
			err = keys.CreateAlias(ctx, keys.RootCaller(), kms.AliasInput{AliasName: alias, TargetKeyID: key.ID})
		}
		if err != nil {
			return nil, nil, nil, err
		}
	}
	store, err = blockstore.Open(blockstore.Options{Dir: filepath.Join(dir, "store"), Keys: keys.Keyring(),
		ZoneSlots: 1024, ReserveBytes: -1}) // small, for an example
	return keys, store, func() {
		store.Close()
		keys.Close()
		os.RemoveAll(dir)
	}, err
}

// A volume under a KMS key: what Flush has confirmed survives a crash.
func Example() {
	_, store, cleanup, err := openBoth()
	if err != nil {
		panic(err)
	}
	defer cleanup()
	ctx := context.Background()
	vol, err := store.CreateVolume(ctx, blockstore.VolumeSpec{Size: 8 << 30, Key: "alias/volumes"})
	if err != nil {
		panic(err)
	}
	dev, err := store.Attach(ctx, vol.ID) // unwraps the data key, starts a write session
	if err != nil {
		panic(err)
	}
	if _, err := dev.WriteAt([]byte("hello"), 4096); err != nil {
		panic(err)
	}
	if err := dev.Flush(ctx); err != nil {
		panic(err)
	}
	p := make([]byte, 5)
	if _, err := dev.ReadAt(p, 4096); err != nil {
		panic(err)
	}
	fmt.Printf("%s\n", p)
	_ = dev.Extents(ctx, 0, 1<<20, func(length int64, data bool) bool {
		fmt.Println(length, data)
		return true
	})
	fmt.Println(dev.Detach(ctx))
	// Output:
	// hello
	// 4096 false
	// 4096 true
	// 1040384 false
	// <nil>
}

// A snapshot costs one flush; a clone under another key is usable at once and is
// re-encrypted behind.
func ExampleStore_CloneSnapshot() {
	_, store, cleanup, err := openBoth()
	if err != nil {
		panic(err)
	}
	defer cleanup()
	ctx := context.Background()
	vol, err := store.CreateVolume(ctx, blockstore.VolumeSpec{Size: 1 << 30, Key: "alias/volumes"})
	if err != nil {
		panic(err)
	}
	dev, err := store.Attach(ctx, vol.ID)
	if err != nil {
		panic(err)
	}
	_, _ = dev.WriteAt([]byte("before"), 0)
	snap, err := store.CreateSnapshot(ctx, blockstore.SnapshotRequest{Volume: vol.ID})
	if err != nil {
		panic(err)
	}
	_, _ = dev.WriteAt([]byte("after!"), 0)
	clone, err := store.CloneSnapshot(ctx, snap.ID, blockstore.VolumeSpec{Key: "alias/other"})
	if err != nil {
		panic(err)
	}
	cloned, err := store.Attach(ctx, clone.ID)
	if err != nil {
		panic(err)
	}
	p := make([]byte, 6)
	_, err = cloned.ReadAt(p, 0)
	fmt.Printf("%s %v, another data key: %v\n", p, err, clone.DataKey != vol.DataKey)
	// Output: before <nil>, another data key: true
}

// Errors tell by errors.Is what a caller can do about them.
func ExampleStore_Attach() {
	_, store, cleanup, err := openBoth()
	if err != nil {
		panic(err)
	}
	defer cleanup()
	ctx := context.Background()
	_, err = store.Attach(ctx, "vol-unknown")
	fmt.Println(errors.Is(err, blockstore.ErrNotFound))
	vol, err := store.CreateVolume(ctx, blockstore.VolumeSpec{Size: 1 << 30, Key: "alias/volumes"})
	if err != nil {
		panic(err)
	}
	if _, err = store.Attach(ctx, vol.ID); err != nil {
		panic(err)
	}
	_, err = store.Attach(ctx, vol.ID)
	fmt.Println(errors.Is(err, blockstore.ErrAttached), errors.Is(store.DeleteVolume(ctx, vol.ID), blockstore.ErrAttached))
	// Output:
	// true
	// true true
}

// Verify authenticates everything a store holds.
func ExampleStore_Verify() {
	_, store, cleanup, err := openBoth()
	if err != nil {
		panic(err)
	}
	defer cleanup()
	ctx := context.Background()
	vol, err := store.CreateVolume(ctx, blockstore.VolumeSpec{Size: 1 << 30, Key: "alias/volumes"})
	if err != nil {
		panic(err)
	}
	dev, err := store.Attach(ctx, vol.ID)
	if err != nil {
		panic(err)
	}
	_, _ = dev.WriteAt(make([]byte, 64<<10), 0)
	if err := dev.Flush(ctx); err != nil {
		panic(err)
	}
	report, err := store.Verify(ctx, blockstore.VerifyOptions{})
	fmt.Println(report.Clean(), report.Records, report.Blocks, err)
	// Output: true 1 16 <nil>
}
