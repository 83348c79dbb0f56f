package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"

	"coffer.example/kms"
)

// devAccount is the account of the access key test; see awsapi.DevCredentials.
const devAccount = "000000000000"

// openDevDirectory opens a directory of --dev, or makes an absent or empty one one.
func openDevDirectory(o *serveOptions) (*directory, error) {
	d, err := openDirectory(o.dataDir)
	if err == nil && !d.dev {
		notDev := errors.New(o.dataDir + " holds real keys; --dev works only on a directory that it made")
		return nil, errors.Join(notDev, d.release())
	}
	if !errors.Is(err, errNotData) {
		return d, err
	}
	if d, err = createDirectory(o.dataDir, true); err != nil {
		return nil, err
	}
	if err := fillDevDirectory(d, o.region); err != nil {
		return nil, errors.Join(err, d.release())
	}
	return d, nil
}

// fillDevDirectory makes the key store, its root key inside the directory.
func fillDevDirectory(d *directory, region string) error {
	root := kms.InsecureRootKeyFile(d.file(devRootName))
	if err := kms.Init(kms.Options{Dir: d.path, Root: root, Account: devAccount, Region: region}); err != nil {
		return err
	}
	return d.finish()
}

// reset empties a --dev directory and opens it anew. The listeners and the lock stay.
func (d *daemon) reset(ctx context.Context) error {
	d.resetting.Lock()
	defer d.resetting.Unlock()
	if err := d.stack.Load().close(); err != nil {
		return err
	}
	entries, err := os.ReadDir(d.dir.path)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if keepInReset(entry) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(d.dir.path, entry.Name())); err != nil {
			return err
		}
	}
	if err := fillDevDirectory(d.dir, d.options.region); err != nil {
		return err
	}
	opened, err := d.openStack(ctx)
	if err != nil {
		return err
	}
	d.stack.Store(opened)
	return nil
}

// resetHandler answers POST /_coffer/reset. The header shows that it is no web page
// which asks: a browser sends it to another origin only after a preflight, and none is answered.
func (d *daemon) resetHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodPost:
			http.Error(w, "POST only", http.StatusMethodNotAllowed)
		case r.Header.Get("X-Coffer-Reset") != "yes":
			http.Error(w, "send the header X-Coffer-Reset: yes", http.StatusForbidden)
		default:
			d.log.Warn("reset: everything is deleted")
			if err := d.reset(context.WithoutCancel(r.Context())); err != nil {
				d.log.Error("reset failed", "error", err)
				http.Error(w, "reset failed", http.StatusInternalServerError)
				return
			}
			w.WriteHeader(http.StatusNoContent)
		}
	})
}

// keepInReset says what belongs to the running process.
func keepInReset(entry os.DirEntry) bool {
	return entry.Name() == lockName || entry.Type() == os.ModeSocket
}
