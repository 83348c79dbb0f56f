package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// imageLine is an image as `coffer image list` shows it.
type imageLine struct {
	ID        string    `json:"id"`
	Account   string    `json:"account"`
	Name      string    `json:"name"`
	State     string    `json:"state"`
	Snapshots []string  `json:"snapshots"`
	Created   time.Time `json:"created"`
}

func imageListCommand(ctx context.Context, env *environment, args []string) error {
	return listCommand(ctx, env, "image list", args, []string{"IMAGE", "NAME", "STATE", "SNAPSHOTS"}, func(i imageLine) []string {
		return []string{i.ID, i.Name, i.State, fmt.Sprint(len(i.Snapshots))}
	})
}

// importCall has the arguments of image import.
type importCall struct {
	scope
	File         string `json:"file"` // absolute: the daemon reads it
	Name         string `json:"name"`
	SizeGiB      int    `json:"sizeGiB,omitempty"` // 0: as large as the file
	Encrypted    bool   `json:"encrypted,omitempty"`
	KeyID        string `json:"keyId,omitempty"`
	Architecture string `json:"architecture"`
}

// importItem is one line of an import: how far it is or, at last, what it made.
type importItem struct {
	Done     int64  `json:"done,omitempty"`
	Total    int64  `json:"total,omitempty"`
	Image    string `json:"image,omitempty"`
	Snapshot string `json:"snapshot,omitempty"`
}

// imageImportCommand makes an image whose root volume is a disk image file.
func imageImportCommand(ctx context.Context, env *environment, args []string) error {
	f := newFlags(env, "image import", "FILE").withJSON()
	var call importCall
	call.scope.register(f)
	f.StringVar(&call.Name, "name", "", "the image's `name` (default: the file's)")
	f.IntVar(&call.SizeGiB, "size-gib", 0, "the root volume's size in `GiB` (default: the file's, rounded up)")
	f.BoolVar(&call.Encrypted, "encrypted", false, "encrypt the snapshot")
	f.StringVar(&call.KeyID, "kms-key-id", "", "the KMS `key` (default with --encrypted: the account's default key)")
	f.StringVar(&call.Architecture, "architecture", "x86_64", "the `architecture`: x86_64 or arm64")
	operands, err := f.parse(args, 1)
	if err != nil {
		return err
	}
	if call.KeyID != "" && !call.Encrypted {
		return usagef("--kms-key-id needs --encrypted")
	}
	if call.File, err = filepath.Abs(operands[0]); err != nil {
		return err
	}
	if call.Name == "" {
		call.Name = filepath.Base(call.File)
	}
	var made importItem
	shown := newProgress(env, "import")
	err = askStream(ctx, f.dataDir, "image-import", call, func(item importItem) error {
		if item.Image != "" {
			made = item
		}
		shown.update(item.Done, item.Total)
		return nil
	})
	shown.finish()
	if err == nil && made.Image == "" {
		err = errors.New("the daemon ended before the import did")
	}
	if err != nil {
		return err
	}
	if f.json {
		return printJSON(env.stdout, importItem{Image: made.Image, Snapshot: made.Snapshot})
	}
	_, err = fmt.Fprintln(env.stdout, made.Image)
	return err
}
