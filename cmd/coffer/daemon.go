package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/nbd"
	"coffer.example/kms"
)

// daemon is a process that serves one data directory.
type daemon struct {
	options   *serveOptions
	log       *slog.Logger
	started   time.Time
	dir       *directory
	root      kms.Root
	blocks    *nbd.Server
	stack     atomic.Pointer[stack] // nil while starting or sealed; replaced by a reset only
	sealed    atomic.Pointer[sealReason]
	changing  sync.Mutex // held while the stack is opened or replaced
	addresses addresses
	servers   []server

	stopUnsealing context.CancelFunc // nil unless a parent KMS is asked
	background    sync.WaitGroup
}

// openDaemon takes hold of the directory, opens the listeners and then everything in
// the directory, so that a client that comes early waits rather than fails.
func openDaemon(ctx context.Context, env *environment, o *serveOptions, log *slog.Logger) (*daemon, error) {
	d := &daemon{options: o, log: log, started: time.Now()}
	d.blocks = nbd.NewServer(nbd.Options{Registry: registry{d}, HideExports: o.nbdList == "off", Log: log})
	var err error
	if o.dev {
		d.dir, err = openDevDirectory(o)
	} else {
		d.dir, err = openOwnDirectory(o.dataDir)
	}
	if err != nil {
		return nil, err
	}
	if err := d.openAll(ctx, env); err != nil {
		return nil, errors.Join(err, d.closeListeners(), d.dir.release())
	}
	return d, nil
}

func (d *daemon) openAll(ctx context.Context, env *environment) (err error) {
	if !d.options.sealed {
		if d.root, err = d.options.root.forOpen(env, d.dir); err != nil {
			return err
		}
	}
	if d.servers, err = d.listen(ctx, env); err != nil {
		return err
	}
	return d.openOrStaySealed(ctx)
}

func (d *daemon) openStack(ctx context.Context, root kms.Root) (*stack, error) {
	return openStack(ctx, stackOptions{
		serveOptions: *d.options, log: d.log, dir: d.dir, root: root, blocks: d.blocks, uri: d.exportURI, reset: d.resetHandler,
	}, forServing())
}

func (d *daemon) closeListeners() error {
	var failed error
	for _, one := range d.servers {
		failed = errors.Join(failed, one.listener.Close())
	}
	return failed
}

// openOwnDirectory opens a directory that is not one of --dev.
func openOwnDirectory(path string) (*directory, error) {
	d, err := openDirectory(path)
	if err == nil && d.dev {
		return nil, errors.Join(fmt.Errorf("%s is a throw-away directory; serve it with --dev", path), d.release())
	}
	return d, err
}

func (d *daemon) close() error {
	if d.stopUnsealing != nil {
		d.stopUnsealing()
	}
	d.background.Wait()
	var failed error
	if s := d.stack.Load(); s != nil {
		failed = s.close()
	}
	return errors.Join(failed, d.dir.release())
}

// errStarting says that the listeners are open and the directory not yet.
var errStarting = errors.New("coffer is starting")

// current is the stack, or why there is none.
func (d *daemon) current() (*stack, error) {
	if s := d.stack.Load(); s != nil {
		return s, nil
	}
	if why := d.sealed.Load(); why != nil {
		return nil, why.error
	}
	return nil, errStarting
}

// api serves the AWS protocols from the stack that is current.
func (d *daemon) api() http.Handler {
	unavailable := awsapi.Unavailable(d.options.hosts, func() error {
		if d.sealed.Load() != nil {
			return errSealed // why is for the operator
		}
		return errStarting
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := d.current()
		if err != nil {
			unavailable.ServeHTTP(w, r)
			return
		}
		s.front.ServeHTTP(w, r)
	})
}

// ready says why the daemon cannot serve, if it cannot.
func (d *daemon) ready() error {
	s, err := d.current()
	if err != nil {
		return err
	}
	return s.ready()
}

// registry finds exports in the stack that is current.
type registry struct{ d *daemon }

// Open implements nbd.Registry.
func (r registry) Open(ctx context.Context, name string) (*nbd.Opened, error) {
	if s := r.d.stack.Load(); s != nil {
		return s.attached.Open(ctx, name)
	}
	return nil, nbd.ErrNoExport
}

// List implements nbd.Registry.
func (r registry) List(ctx context.Context) ([]nbd.ExportInfo, error) {
	if s := r.d.stack.Load(); s != nil {
		return s.attached.List(ctx)
	}
	return nil, nil
}

// exportURI is where NBD clients reach a volume: the first listener.
func (d *daemon) exportURI(volume string) string {
	if len(d.addresses.NBD) == 0 {
		return ""
	}
	if path, ok := unixPath(d.addresses.NBD[0]); ok {
		return "nbd+unix:///" + url.PathEscape(volume) + "?socket=" + url.QueryEscape(path)
	}
	scheme := "nbd://"
	if d.addresses.secureNBD {
		scheme = "nbds://"
	}
	return scheme + d.reachable(d.addresses.NBD[0]) + "/" + url.PathEscape(volume)
}

// reachable puts a name of this machine in the place of "every address".
func (d *daemon) reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	if err != nil || ip == nil || !ip.IsUnspecified() {
		return address
	}
	name := "localhost"
	if len(d.options.hosts) > 0 {
		name = d.options.hosts[0]
	}
	return net.JoinHostPort(name, port)
}
