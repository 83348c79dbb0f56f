package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// tlsFiles are the certificate files of the listeners beyond this machine.
type tlsFiles struct {
	certificate, key string // PEM, of the server
	clientCA         string // PEM, of the authorities that sign NBD clients' certificates
}

// configured says whether listeners can speak TLS.
func (f tlsFiles) configured() bool { return f.certificate != "" }

// load reads the files; it returns nil if there are none.
func (f tlsFiles) load() (*tls.Config, error) {
	if !f.configured() {
		if f.key != "" || f.clientCA != "" {
			return nil, usagef("--tls-key and --tls-client-ca need --tls-cert")
		}
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(f.certificate, f.key)
	if err != nil {
		return nil, fmt.Errorf("TLS certificate: %w", err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if f.clientCA == "" {
		return config, nil
	}
	pem, err := os.ReadFile(f.clientCA)
	if err != nil {
		return nil, fmt.Errorf("client authorities: %w", err)
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", f.clientCA)
	}
	return config, nil
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

// listenTCP listens on host:port for HTTP, over TLS beyond loopback.
func listenTCP(flag, address string, config *tls.Config, allowInsecure bool) (net.Listener, error) {
	secure := config != nil && !isLoopback(address)
	if !secure && !isLoopback(address) && !allowInsecure {
		return nil, errExposed(flag, address)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	if secure {
		config = config.Clone()
		config.ClientCAs = nil // HTTP requests are signed; only NBD asks for client certificates
		return tls.NewListener(listener, config), nil
	}
	return listener, nil
}

// listenUnix listens on a socket file that only this user, or one group too, can
// open. A file left by a process that is gone is replaced: the directory's lock says
// that nobody serves it.
func listenUnix(path, group string) (net.Listener, error) {
	info, err := os.Lstat(path)
	switch {
	case err == nil && info.Mode().Type() != fs.ModeSocket:
		return nil, fmt.Errorf("%s exists and is not a socket", path)
	case err == nil:
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	listener, err := listenPrivately(path)
	if err != nil {
		return nil, err
	}
	if err := shareSocket(path, group); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// listenPrivately creates the socket with mode 0600 from the start. The process-wide
// mask is changed for that moment, which is before anything else runs.
func listenPrivately(path string) (net.Listener, error) {
	before := syscall.Umask(0o177)
	defer syscall.Umask(before)
	return net.Listen("unix", path)
}

func shareSocket(path, group string) error {
	if group == "" {
		return os.Chmod(path, socketMode)
	}
	id, err := groupID(group)
	if err != nil {
		return err
	}
	if err := os.Chown(path, -1, id); err != nil {
		return err
	}
	return os.Chmod(path, 0o660)
}

func groupID(name string) (int, error) {
	if id, err := strconv.Atoi(name); err == nil {
		return id, nil
	}
	found, err := user.LookupGroup(name)
	if err != nil {
		return 0, fmt.Errorf("--nbd-group: %w", err)
	}
	return strconv.Atoi(found.Gid)
}

// inheritedListeners returns the sockets that systemd (or libnbd) opened for this process.
func inheritedListeners(env *environment) ([]net.Listener, error) {
	if env.getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	count, err := strconv.Atoi(env.getenv("LISTEN_FDS"))
	if err != nil || count < 1 || count > maxInherited {
		return nil, usagef("LISTEN_FDS=%q", env.getenv("LISTEN_FDS"))
	}
	var listeners []net.Listener
	for fd := firstInherited; fd < firstInherited+count; fd++ {
		file := os.NewFile(uintptr(fd), "LISTEN_FD_"+strconv.Itoa(fd))
		listener, err := net.FileListener(file)
		if err := errors.Join(err, file.Close()); err != nil {
			return nil, fmt.Errorf("inherited socket %d: %w", fd, err)
		}
		listeners = append(listeners, listener)
	}
	return listeners, nil
}

// firstInherited is SD_LISTEN_FDS_START of sd_listen_fds(3); more than maxInherited is a mistake.
const (
	firstInherited = 3
	maxInherited   = 16
)

// unixPath returns the path of an address unix:PATH.
func unixPath(address string) (string, bool) { return strings.CutPrefix(address, "unix:") }
