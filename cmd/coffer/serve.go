package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// shutdownLimit bounds how long requests in flight may take when the daemon stops;
// after it their connections are cut.
const shutdownLimit = 10 * time.Second

// serveCommand opens the directory and serves it until the context ends.
func serveCommand(ctx context.Context, env *environment, args []string) error {
	o, err := parseServe(env, args)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(env.stderr, nil))
	d, err := openDaemon(ctx, env, o, log)
	if err != nil {
		return err
	}
	switch {
	case o.stdio:
		err = d.withVolume(ctx, o.volume, func() error { return d.serveStdio(ctx, env) })
	case o.volume != "":
		err = d.withVolume(ctx, o.volume, func() error { return d.serve(ctx) })
	default:
		err = d.serve(ctx)
	}
	return errors.Join(err, d.close())
}

// serve serves the listeners and waits for the end: of the context, or of a listener
// that failed.
func (d *daemon) serve(ctx context.Context) error {
	failed := make(chan error, len(d.servers))
	for _, one := range d.servers {
		go func() { failed <- one.serve() }()
	}
	d.log.Info("serving", "directory", d.dir.path, "api", d.addresses.API, "admin", d.addresses.Admin, "nbd", d.addresses.NBD)
	if d.dir.dev {
		d.log.Warn("--dev: anyone on this machine can use the access key test; keep nothing of value here")
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	d.log.Info("stopping")
	limited, cancel := context.WithTimeout(context.Background(), shutdownLimit)
	defer cancel()
	for _, one := range d.servers {
		err = errors.Join(err, one.shutdown(limited))
	}
	return err
}

// server is one listener with what serves it.
type server struct {
	listener net.Listener
	serve    func() error
	shutdown func(context.Context) error
}

// httpServer makes a server of an HTTP one.
func httpServer(s *http.Server, listener net.Listener) server {
	return server{
		listener: listener,
		serve: func() error {
			if err := s.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		},
		shutdown: func(ctx context.Context) error {
			if err := s.Shutdown(ctx); err != nil {
				return s.Close() // what still runs is cut; that is no failure of ours
			}
			return nil
		},
	}
}
