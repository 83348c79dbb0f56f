package nbd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// authority is a certificate authority with a directory as libnbd and qemu want it:
// ca-cert.pem, server-cert.pem, server-key.pem, client-cert.pem, client-key.pem.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	a := &authority{t.TempDir(), cert, key}
	a.write(t, "ca-cert.pem", "CERTIFICATE", der)
	a.issue(t, "server", x509.ExtKeyUsageServerAuth)
	a.issue(t, "client", x509.ExtKeyUsageClientAuth)
	return a
}

func (a *authority) issue(t testing.TB, who string, usage x509.ExtKeyUsage) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(usage) + 2), Subject: pkix.Name{CommonName: who},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{usage},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	require.NoError(t, err)
	a.write(t, who+"-cert.pem", "CERTIFICATE", der)
	der, err = x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	a.write(t, who+"-key.pem", "PRIVATE KEY", der)
}

func (a *authority) write(t testing.TB, name, kind string, der []byte) {
	require.NoError(t, os.WriteFile(a.path(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

// server is the configuration of a listener that asks clients for certificates.
func (a *authority) server(t testing.TB) *tls.Config {
	config, err := LoadTLS(a.path("server-cert.pem"), a.path("server-key.pem"), a.path("ca-cert.pem"))
	require.NoError(t, err)
	return config
}

// client is the configuration of a client with a certificate.
func (a *authority) client(t testing.TB) *tls.Config {
	pair, err := tls.LoadX509KeyPair(a.path("client-cert.pem"), a.path("client-key.pem"))
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	return &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots, ServerName: "localhost"}
}

// secure runs STARTTLS and the TLS handshake.
func (c *wireClient) secure(t testing.TB, config *tls.Config) error {
	require.EqualValues(t, repAck, c.final(t, optStartTLS, nil))
	secured := tls.Client(c.nc, config)
	if err := secured.Handshake(); err != nil {
		return err
	}
	c.nc = secured
	c.in.Reset(secured)
	return nil
}

func TestTLSIsForced(t *testing.T) {
	a := newAuthority(t)
	s := start(t, Options{}, a.server(t), oneVolume(t))
	c := dial(t, s, flagFixedNewstyle)
	for _, option := range []uint32{optList, optInfo, optGo, optStructuredReply, optListMetaContext, optSetMetaContext, 77} {
		require.EqualValues(t, repErrTLSReqd, c.final(t, option, infoRequest{"vol", nil}.append(nil)), "option %d", option)
	}
	require.EqualValues(t, repAck, c.final(t, optAbort, nil))

	c = dial(t, s, flagFixedNewstyle)
	_, err := c.nc.Write(appendOption(nil, optExportName, []byte("vol")))
	require.NoError(t, err)
	c.gone(t)

	c = dial(t, s, 0) // no fixed newstyle, no options
	_, err = c.nc.Write(appendOption(nil, optStartTLS, nil))
	require.NoError(t, err)
	c.gone(t)
}

func TestTLSWipesTheHandshake(t *testing.T) {
	a := newAuthority(t)
	s := start(t, Options{}, a.server(t), oneVolume(t))
	c := dial(t, s, flagFixedNewstyle)
	require.NoError(t, c.secure(t, a.client(t)))
	require.EqualValues(t, repErrInvalid, c.final(t, optStartTLS, nil), "TLS in TLS")
	require.EqualValues(t, repErrInvalid, c.final(t, optSetMetaContext, metaRequest{"vol", []string{contextAllocation}}.append(nil)),
		"structured replies are to be negotiated again")
	require.NoError(t, c.negotiate("vol", true))
	data := make([]byte, 3<<20)
	rand.Read(data)
	require.Equal(t, eOK, c.do(t, request{cmd: cmdWrite, offset: 1, length: 100}, data[:100]).errno)
	require.Equal(t, data[:100], c.do(t, request{cmd: cmdRead, offset: 1, length: 100}, nil).data)
}

// TestInjectionBeforeTLS sends plaintext options in the packet of STARTTLS: they must
// not be taken as options of the TLS session.
func TestInjectionBeforeTLS(t *testing.T) {
	a := newAuthority(t)
	s := start(t, Options{}, a.server(t), oneVolume(t))
	c := dial(t, s, flagFixedNewstyle)
	attack := appendOption(nil, optStartTLS, nil)
	attack = appendOption(attack, optStructuredReply, nil)
	attack = appendOption(attack, optExportName, []byte("vol"))
	_, err := c.nc.Write(attack)
	require.NoError(t, err)
	replies, err := c.optionReplies(optStartTLS)
	require.NoError(t, err)
	require.EqualValues(t, repAck, replies[0].kind)
	require.Error(t, tls.Client(c.nc, a.client(t)).Handshake())
	require.Eventually(t, func() bool { return s.Metrics().TLSFailures == 1 && s.Metrics().Connections == 0 }, soon, time.Millisecond)
}

// TestSilenceBeforeTLS has a client ask for TLS and then say nothing.
func TestSilenceBeforeTLS(t *testing.T) {
	a := newAuthority(t)
	s := start(t, Options{Limits: Limits{Handshake: 100 * time.Millisecond}}, a.server(t), oneVolume(t))
	c := dial(t, s, flagFixedNewstyle)
	require.EqualValues(t, repAck, c.final(t, optStartTLS, nil))
	c.gone(t)
	require.Eventually(t, func() bool { return s.Metrics().TLSFailures == 1 && s.Metrics().Connections == 0 }, soon, time.Millisecond)
}

func TestClientCertificates(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	s := start(t, Options{}, a.server(t), oneVolume(t))
	for name, change := range map[string]func(*tls.Config){
		"none":         func(c *tls.Config) { c.Certificates = nil },
		"of a server":  func(c *tls.Config) { c.Certificates, _ = pairOf(a, "server") },
		"of strangers": func(c *tls.Config) { c.Certificates, _ = pairOf(stranger, "client") },
		"old TLS":      func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 },
	} {
		t.Run(name, func(t *testing.T) {
			config := a.client(t)
			change(config)
			c := dial(t, s, flagFixedNewstyle)
			if err := c.secure(t, config); err == nil { // TLS 1.3 tells the client late
				require.Error(t, c.negotiate("vol", false))
			}
		})
	}
}

func pairOf(a *authority, who string) ([]tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(a.path(who+"-cert.pem"), a.path(who+"-key.pem"))
	return []tls.Certificate{pair}, err
}

func TestLoadTLS(t *testing.T) {
	a := newAuthority(t)
	config, err := LoadTLS(a.path("server-cert.pem"), a.path("server-key.pem"), "")
	require.NoError(t, err)
	require.Equal(t, tls.NoClientCert, config.ClientAuth)
	for _, files := range [][3]string{
		{"none.pem", "server-key.pem", ""}, {"server-cert.pem", "client-key.pem", ""},
		{"server-cert.pem", "server-key.pem", "none.pem"}, {"server-cert.pem", "server-key.pem", "server-key.pem"},
	} {
		ca := ""
		if files[2] != "" {
			ca = a.path(files[2])
		}
		_, err := LoadTLS(a.path(files[0]), a.path(files[1]), ca)
		require.ErrorIs(t, err, ErrBadTLSFile)
	}
}

func TestClientDeathUnderTLS(t *testing.T) {
	a := newAuthority(t)
	s := start(t, Options{}, a.server(t), oneVolume(t))
	for _, when := range []string{"handshake", "transmission", "goodbye"} {
		c := dial(t, s, flagFixedNewstyle)
		raw := c.nc
		require.NoError(t, c.secure(t, a.client(t)))
		if when != "handshake" {
			require.NoError(t, c.negotiate("vol", true))
			_, err := c.send(request{cmd: cmdRead, length: 1 << 20}, nil)
			require.NoError(t, err)
		}
		if when == "goodbye" {
			_, err := c.nc.Write(appendRequest(nil, request{cmd: cmdDisc}))
			require.NoError(t, err)
			_, err = c.receive()
			require.NoError(t, err)
			c.gone(t) // and with a close_notify, or the read would fail
		}
		raw.Close()
		require.Eventually(t, func() bool { return s.Metrics().Connections == 0 }, soon, time.Millisecond, when)
	}
}

func TestRealClientsOverTLS(t *testing.T) {
	a := newAuthority(t)
	vol := dirtyExport(t, 4<<20)
	s := start(t, Options{}, a.server(t), map[string]Export{"vol": vol})
	l, err := Listen(t.Context(), "127.0.0.1:0", -1)
	require.NoError(t, err)
	s.serve(t, l, a.server(t))
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)

	unverified := "nbds+unix:///vol?socket=" + s.socket + "&tls-certificates=" + a.dir + "&tls-verify-peer=false"
	tcp := "nbds://localhost:" + port + "/vol?tls-certificates=" + a.dir
	for _, uri := range []string{unverified, tcp, "nbds://127.0.0.1:" + port + "/?tls-certificates=" + a.dir} {
		require.Equal(t, "4194304\n", succeed(t, "nbdinfo", "--size", uri))
		succeed(t, "nbdinfo", "--is", "tls", uri)
	}
	_, stderr, status := client(t, "nbdinfo", "--size", "nbd://localhost:"+port+"/vol")
	require.Equal(t, 1, status)
	require.Contains(t, stderr, "TLS")
	stranger := newAuthority(t)
	_, _, status = client(t, "nbdinfo", "--size", "nbds://localhost:"+port+"/vol?tls-certificates="+stranger.dir)
	require.Equal(t, 1, status, "wrong authority")
	anonymous := t.TempDir()
	require.NoError(t, os.Link(a.path("ca-cert.pem"), filepath.Join(anonymous, "ca-cert.pem")))
	_, _, status = client(t, "nbdinfo", "--size", "nbds://localhost:"+port+"/vol?tls-certificates="+anonymous)
	require.Equal(t, 1, status, "no client certificate")

	image := sparseImage(t, 4<<20)
	succeed(t, "nbdcopy", "--connections=4", image, tcp)
	back := filepath.Join(t.TempDir(), "back.img")
	succeed(t, "nbdcopy", unverified, back)
	succeed(t, "cmp", image, back)
	for _, where := range []string{
		"file.server.type=inet,file.server.host=localhost,file.server.port=" + port,
		"file.server.type=unix,file.server.path=" + s.socket + ",file.tls-hostname=localhost",
	} {
		succeed(t, "qemu-io", "--object", "tls-creds-x509,id=tls0,dir="+a.dir+",endpoint=client",
			"--image-opts", "driver=raw,file.driver=nbd,file.export=vol,file.tls-creds=tls0,"+where,
			"-c", "write -P 0x7e 0 1M", "-c", "read -P 0x7e 0 1M", "-c", "write -z 4k 64k", "-c", "read -P 0 4k 64k", "-c", "flush")
	}
}
