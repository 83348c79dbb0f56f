package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os/user"
	"strconv"
	"strings"

	"coffer.example/internal/nbd"
)

// tlsFiles are the PEM files of the listeners beyond this machine.
type tlsFiles struct{ certificate, key, clientCA string }

// load reads the files; it returns nil if there are none. The configuration is NBD's;
// forHTTP makes that of the other listeners.
func (f tlsFiles) load() (*tls.Config, error) {
	if f.certificate == "" {
		if f.key != "" || f.clientCA != "" {
			return nil, usagef("--tls-key and --tls-client-ca need --tls-cert")
		}
		return nil, nil
	}
	return nbd.LoadTLS(f.certificate, f.key, f.clientCA)
}

// forHTTP asks for no client certificate: HTTP requests are signed.
func forHTTP(config *tls.Config) *tls.Config {
	config = config.Clone()
	config.ClientAuth, config.ClientCAs = tls.NoClientCert, nil
	return config
}

// isLoopback says whether every address of host:port is this machine's own.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// errExposed refuses a listener that others could reach in clear.
func errExposed(flag, address string) error {
	return usagef("%s %s is not on loopback: give --tls-cert and --tls-key (NBD: --tls-client-ca too), or --allow-insecure-listen", flag, address)
}

// listenHTTP listens on host:port, with TLS beyond loopback, and returns the base URL too.
func listenHTTP(flag, address string, config *tls.Config, allowInsecure bool) (net.Listener, string, error) {
	secure := config != nil && !isLoopback(address)
	if !secure && !isLoopback(address) && !allowInsecure {
		return nil, "", errExposed(flag, address)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", flag, err)
	}
	if secure {
		return tls.NewListener(listener, forHTTP(config)), "https://" + listener.Addr().String(), nil
	}
	return listener, "http://" + listener.Addr().String(), nil
}

// listenBlocks listens for NBD on unix:PATH or host:port, and returns the TLS
// configuration that its clients must use (nil: none).
func listenBlocks(ctx context.Context, address string, group int, config *tls.Config, allowInsecure bool) (net.Listener, *tls.Config, error) {
	if err := checkSocketPath(address); err != nil {
		return nil, nil, err
	}
	if _, unix := unixPath(address); unix || isLoopback(address) {
		listener, err := nbd.Listen(ctx, address, group)
		return listener, nil, err
	}
	secure := config != nil && config.ClientCAs != nil
	if !secure && !allowInsecure {
		return nil, nil, errExposed("--nbd", address)
	}
	if !secure {
		config = nil
	}
	listener, err := nbd.Listen(ctx, address, noGroup)
	return listener, config, err
}

// noGroup leaves a socket to its owner alone.
const noGroup = -1

func groupID(name string) (int, error) {
	if name == "" {
		return noGroup, nil
	}
	if id, err := strconv.Atoi(name); err == nil && id >= 0 {
		return id, nil
	}
	found, err := user.LookupGroup(name)
	if err != nil {
		return noGroup, fmt.Errorf("--nbd-group: %w", err)
	}
	return strconv.Atoi(found.Gid)
}

// maxSocketPath leaves room in sun_path (108 bytes on Linux, 104 on darwin) for the
// directory in which nbd.Listen binds first.
const maxSocketPath = 88

// checkSocketPath turns the kernel's "invalid argument" into a sentence.
func checkSocketPath(address string) error {
	if path, ok := unixPath(address); ok && len(path) > maxSocketPath {
		return errors.New("the path of the socket " + path + " is too long for a unix socket; use a directory with a shorter path")
	}
	return nil
}

// unixPath returns the path of an address unix:PATH.
func unixPath(address string) (string, bool) { return strings.CutPrefix(address, "unix:") }
