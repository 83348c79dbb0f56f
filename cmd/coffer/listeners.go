package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/metrics"
	"coffer.example/internal/nbd"
)

// addresses are where a daemon can be reached.
type addresses struct {
	API, Admin string   // base URLs
	NBD        []string // as --nbd takes them
	secureNBD  bool     // clients of the first must use TLS
}

// listen opens every listener, or with --volume those of one volume. What it returns
// is to be closed also on an error.
func (d *daemon) listen(ctx context.Context, env *environment) ([]server, error) {
	config, err := d.options.tls.load()
	if err != nil || d.options.stdio {
		return nil, err
	}
	opening := []func() ([]server, error){func() ([]server, error) { return d.listenBlocks(ctx, env, config) }}
	if d.options.volume == "" {
		opening = append(opening,
			func() ([]server, error) { return d.listenAPI(config) },
			func() ([]server, error) { return d.listenAdmin(config) },
			func() ([]server, error) { return d.listenControl(ctx) },
		)
	}
	var servers []server
	for _, open := range opening {
		opened, err := open()
		servers = append(servers, opened...)
		if err != nil {
			return servers, err
		}
	}
	return servers, nil
}

func (d *daemon) listenAPI(config *tls.Config) ([]server, error) {
	listener, url, err := listenHTTP("--api", d.options.api, config, d.options.allowInsecure)
	if err != nil {
		return nil, err
	}
	d.addresses.API = url
	return []server{httpServer(awsapi.NewServer(d.api(), nil, d.log), awsapi.LimitConnections(listener, 0))}, nil
}

func (d *daemon) listenAdmin(config *tls.Config) ([]server, error) {
	if d.options.admin == "off" {
		return nil, nil
	}
	figures, err := metrics.Handler(d.metricSources()...)
	if err != nil {
		return nil, err
	}
	listener, url, err := listenHTTP("--admin", d.options.admin, config, d.options.allowInsecure)
	if err != nil {
		return nil, err
	}
	d.addresses.Admin = url
	handler := awsapi.CheckHost(adminHandler(figures, d.ready, d.options.pprof), d.options.hosts)
	return []server{httpServer(&http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: awsapi.MaxHeaderBytes,
	}, listener)}, nil
}

func (d *daemon) listenControl(ctx context.Context) ([]server, error) {
	address := "unix:" + d.dir.file(controlName)
	if err := checkSocketPath(address); err != nil {
		return nil, err
	}
	listener, err := nbd.Listen(ctx, address, noGroup)
	if err != nil {
		return nil, err
	}
	return []server{httpServer(d.controlServer().server, listener)}, nil
}

// listenBlocks opens the NBD listeners: those that were inherited, else those of --nbd.
func (d *daemon) listenBlocks(ctx context.Context, env *environment, config *tls.Config) ([]server, error) {
	inherited, err := nbd.Inherited(env.getenv)
	if err != nil {
		return nil, usageError{err}
	}
	var servers []server
	for _, listener := range inherited {
		d.addresses.NBD = append(d.addresses.NBD, addressOf(listener))
		servers = append(servers, d.blockServer(listener, nil))
	}
	if len(inherited) > 0 {
		return servers, nil
	}
	group, err := groupID(d.options.nbdGroup)
	if err != nil {
		return nil, err
	}
	for _, address := range d.options.nbd {
		listener, needed, err := listenBlocks(ctx, address, group, config, d.options.allowInsecure)
		if err != nil {
			return servers, err
		}
		if _, unix := unixPath(address); !unix {
			address = listener.Addr().String() // with the port that it really has
		}
		if len(d.addresses.NBD) == 0 {
			d.addresses.secureNBD = needed != nil
		}
		d.addresses.NBD = append(d.addresses.NBD, address)
		servers = append(servers, d.blockServer(listener, needed))
	}
	return servers, nil
}

func addressOf(listener net.Listener) string {
	if listener.Addr().Network() == "unix" {
		return "unix:" + listener.Addr().String()
	}
	return listener.Addr().String()
}

// blockServer serves NBD on one listener.
func (d *daemon) blockServer(listener net.Listener, config *tls.Config) server {
	return server{
		listener: listener,
		serve: func() error {
			err := d.blocks.Serve(context.Background(), listener, config)
			if errors.Is(err, nbd.ErrServerClosed) {
				return nil
			}
			return err
		},
		shutdown: func(ctx context.Context) error {
			if err := d.blocks.Shutdown(ctx); err != nil && ctx.Err() == nil {
				return err
			}
			return nil // what was still connected has been cut
		},
	}
}
