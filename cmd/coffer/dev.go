package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"

	"coffer.example/internal/awsapi"
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
	d.changing.Lock()
	defer d.changing.Unlock()
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
	opened, err := d.openStack(ctx, d.root)
	if err != nil {
		return err
	}
	d.stack.Store(opened)
	return nil
}

// resetHandler answers POST /_coffer/reset, signed for the service coffer or with the
// header X-Coffer-Reset: yes. Either shows that it is no web page which asks: a browser
// sends such a header to another origin only after a preflight, and none is answered.
func (d *daemon) resetHandler(credentials awsapi.Credentials) http.Handler {
	reset := func(ctx context.Context) error {
		d.log.Warn("reset: everything is deleted")
		return d.reset(context.WithoutCancel(ctx))
	}
	signed := awsapi.New(awsapi.Options{
		Credentials: credentials, Hosts: d.options.hosts, Logger: d.log,
		Services: []*awsapi.Service{{
			Name: "coffer", Protocol: awsapi.REST, InternalCode: "InternalFailure",
			Operations: map[string]awsapi.Operation{"Reset": {
				Route: "POST " + resetPath,
				Call: func(ctx context.Context, _ *awsapi.Request, _ any) (any, error) {
					return &awsapi.RESTAnswer{Status: http.StatusNoContent}, reset(ctx)
				},
			}},
		}},
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.Header.Get("X-Coffer-Reset") != "yes" {
			signed.ServeHTTP(w, r)
			return
		}
		if err := reset(r.Context()); err != nil {
			d.log.Error("reset failed", "error", err)
			http.Error(w, "reset failed", http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// keepInReset says what belongs to the running process.
func keepInReset(entry os.DirEntry) bool {
	return entry.Name() == lockName || entry.Type() == os.ModeSocket
}
