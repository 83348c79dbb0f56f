package nbd

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// ErrBadTLSFile is a certificate, key or authority file that cannot be used.
var ErrBadTLSFile = errors.New("bad TLS file")

// LoadTLS makes the configuration of a listener from PEM files: a certificate chain
// with its key, and the authorities that must have signed a client's certificate. An
// empty clientCA asks clients for none.
func LoadTLS(certificate, key, clientCA string) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("%w: %s and %s: %w", ErrBadTLSFile, certificate, key, err)
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{pair},
		MinVersion:   tls.VersionTLS12, // qemu and libnbd of Debian 12 have 1.3
	}
	if clientCA == "" {
		return config, nil
	}
	pem, err := os.ReadFile(clientCA)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadTLSFile, err)
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%w: %s holds no certificate", ErrBadTLSFile, clientCA)
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	return config, nil
}
