package main

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/metrics"
)

// addresses are where a daemon can be reached.
type addresses struct {
	API, Admin string   // base URLs
	NBD        []string // as --nbd takes them
}

// listen opens every listener; on an error it closes those it has opened.
func (d *daemon) listen(env *environment) (servers []server, err error) {
	config, err := d.options.tls.load()
	if err != nil {
		return nil, err
	}
	var opened []net.Listener
	defer func() {
		if err != nil {
			for _, listener := range opened {
				err = errors.Join(err, listener.Close())
			}
		}
	}()
	for _, open := range []func(*environment, *tls.Config) (net.Listener, server, error){d.listenAPI, d.listenAdmin} {
		listener, one, err := open(env, config)
		if err != nil {
			return nil, err
		}
		if listener != nil {
			opened, servers = append(opened, listener), append(servers, one)
		}
	}
	blocks, listeners, err := d.listenNBD(env, config)
	opened = append(opened, listeners...)
	if err != nil {
		return nil, err
	}
	control, err := listenUnix(d.dir.file(controlName), "")
	if err != nil {
		return nil, err
	}
	opened = append(opened, control)
	return append(append(servers, blocks...), httpServer(d.controlServer(), control)), nil
}

func (d *daemon) listenAPI(_ *environment, config *tls.Config) (net.Listener, server, error) {
	listener, err := listenTCP("--api", d.options.api, config, d.options.allowInsecure)
	if err != nil {
		return nil, server{}, err
	}
	d.addresses.API = baseURL(listener, config, d.options.api)
	return listener, httpServer(awsapi.NewServer(d.front, nil, d.log), awsapi.LimitConnections(listener, 0)), nil
}

func (d *daemon) listenAdmin(_ *environment, config *tls.Config) (net.Listener, server, error) {
	if d.options.admin == "off" {
		return nil, server{}, nil
	}
	listener, err := listenTCP("--admin", d.options.admin, config, d.options.allowInsecure)
	if err != nil {
		return nil, server{}, err
	}
	figures, err := metrics.Handler(d.metricSources()...)
	if err != nil {
		return nil, server{}, errors.Join(err, listener.Close())
	}
	d.addresses.Admin = baseURL(listener, config, d.options.admin)
	handler := checkHost(adminHandler(figures, d.ready, d.options.pprof), d.options.hosts)
	return listener, httpServer(&http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: awsapi.MaxHeaderBytes,
	}, listener), nil
}

// baseURL is the URL of a listener, with the port that it really has.
func baseURL(listener net.Listener, config *tls.Config, address string) string {
	scheme := "http://"
	if config != nil && !isLoopback(address) {
		scheme = "https://"
	}
	return scheme + listener.Addr().String()
}
