package main

import (
	"path/filepath"
	"slices"

	"coffer.example/internal/audit"
)

// serveOptions are the flags of coffer serve.
type serveOptions struct {
	dataDir       string
	root          rootFlags
	sealed        bool
	api, admin    string
	nbd           stringList
	nbdGroup      string
	nbdList       string
	hosts         stringList
	tls           tlsFiles
	allowInsecure bool
	region        string
	dev           bool
	copyDefault   string
	pprof         bool
	stdio         bool
	volume        string
	auditSync     string
	auditOnError  string
	auditFileMiB  int64
	poolLimit     int64 // GiB
	scrubRate     int64 // MiB per second
}

const (
	defaultAPI    = "127.0.0.1:4566"
	defaultAdmin  = "127.0.0.1:4567"
	defaultRegion = "us-east-1"
	// maxAuditFileMiB bounds a file of the audit trail: the last one is verified at every start.
	maxAuditFileMiB = 1024
	maxPoolLimit    = 4 << 20  // GiB: what slot numbers reach
	maxScrubRate    = 64 << 10 // MiB a second
)

func parseServe(env *environment, args []string) (*serveOptions, error) {
	f, o := newFlags(env, "serve", ""), &serveOptions{}
	o.root.register(f)
	f.BoolVar(&o.sealed, "sealed", false, "hold the directory and wait for coffer unseal to open it")
	f.String("config", "", "a `file` of lines `flag = value`")
	f.StringVar(&o.api, "api", defaultAPI, "where the AWS protocols are served (`host:port`)")
	f.StringVar(&o.admin, "admin", defaultAdmin, "where /metrics, /healthz and /readyz are served (`host:port`, or off)")
	f.Var(&o.nbd, "nbd", "where NBD is served (`address` unix:PATH or host:port; repeatable; default unix:DIR/nbd.sock)")
	f.StringVar(&o.nbdGroup, "nbd-group", "", "a `group` that may open the NBD sockets too")
	f.StringVar(&o.nbdList, "nbd-list", "on", "whether NBD clients may list the exports (`on|off`)")
	f.Var(&o.hosts, "host", "a `name` that HTTP clients may use for this machine, with the names below it (repeatable)")
	f.StringVar(&o.tls.certificate, "tls-cert", "", "a PEM `file` with the certificate for listeners beyond loopback")
	f.StringVar(&o.tls.key, "tls-key", "", "a PEM `file` with its private key")
	f.StringVar(&o.tls.clientCA, "tls-client-ca", "", "a PEM `file` with the authorities of NBD clients' certificates")
	f.BoolVar(&o.allowInsecure, "allow-insecure-listen", false, "allow listeners beyond loopback without TLS")
	f.StringVar(&o.region, "region", defaultRegion, "the default `Region`")
	f.BoolVar(&o.dev, "dev", false, "a throw-away directory with well-known credentials, on loopback only")
	f.StringVar(&o.copyDefault, "copy-snapshot-default", "source", "the key of an own snapshot's copy when none is named (`source|aws-managed`)")
	f.BoolVar(&o.pprof, "pprof", false, "serve /debug/pprof on --admin too")
	f.BoolVar(&o.stdio, "stdio", false, "serve NBD for --volume on standard input and output, and nothing else")
	f.StringVar(&o.volume, "volume", "", "the `volume` that --stdio or an inherited socket serves")
	f.StringVar(&o.auditSync, "audit-sync", "grouped", "when audit events are synced: within a second, or before every answer (`grouped|always`)")
	f.StringVar(&o.auditOnError, "audit-on-error", "fail", "what happens to requests when the audit trail cannot be written (`fail|drop`)")
	f.Int64Var(&o.auditFileMiB, "audit-file-mib", audit.DefaultMaxFileBytes>>20, "the size in `MiB` at which a new file of the audit trail is begun")
	f.Int64Var(&o.poolLimit, "pool-limit", 0, "how many `GiB` the volumes may take together; beyond, writes get ENOSPC (default 0: what the disk has)")
	f.Int64Var(&o.scrubRate, "scrub-rate", 0, "read and authenticate everything once a day in the background, at most so many `MiB` a second (default 0: not)")
	if _, err := f.parse(args, 0); err != nil {
		return nil, err
	}
	var err error
	if o.dataDir, err = filepath.Abs(f.dataDir); err != nil { // URIs name sockets in it
		return nil, err
	}
	if len(o.nbd) == 0 {
		o.nbd = stringList{"unix:" + (&directory{path: o.dataDir}).file(nbdName)}
	}
	return o, o.check(env)
}

// check refuses values and combinations that cannot work.
func (o *serveOptions) check(env *environment) error {
	for _, choice := range []struct {
		flag, value string
		allowed     []string
	}{
		{"nbd-list", o.nbdList, []string{"on", "off"}},
		{"copy-snapshot-default", o.copyDefault, []string{"source", "aws-managed"}},
		{"audit-sync", o.auditSync, []string{"grouped", "always"}},
		{"audit-on-error", o.auditOnError, []string{"fail", "drop"}},
	} {
		if !slices.Contains(choice.allowed, choice.value) {
			return usagef("--%s %s: must be one of %v", choice.flag, choice.value, choice.allowed)
		}
	}
	if o.auditFileMiB < 1 || o.auditFileMiB > maxAuditFileMiB {
		return usagef("--audit-file-mib %d: must be 1 to %d", o.auditFileMiB, maxAuditFileMiB)
	}
	if o.poolLimit < 0 || o.poolLimit > maxPoolLimit || o.scrubRate < 0 || o.scrubRate > maxScrubRate {
		return usagef("--pool-limit and --scrub-rate: must be 0 to %d GiB and 0 to %d MiB a second", maxPoolLimit, maxScrubRate)
	}
	if o.stdio && o.volume == "" {
		return usagef("--stdio needs --volume")
	}
	if o.volume != "" && !o.stdio && env.getenv("LISTEN_FDS") == "" {
		return usagef("--volume needs --stdio or an inherited socket")
	}
	if err := o.root.check(); err != nil {
		return err
	}
	if o.sealed && (o.root.given() || o.volume != "" || o.dev) {
		return usagef("--sealed goes with no root key, --volume or --dev")
	}
	if o.dev {
		return o.checkDev()
	}
	return nil
}

// checkDev keeps well-known credentials on this machine.
func (o *serveOptions) checkDev() error {
	if o.root.keyFile != "" || !o.root.isFile() {
		return usagef("--dev keeps its root key inside the directory; give no other")
	}
	for _, address := range append([]string{o.api, o.admin}, o.nbd...) {
		if _, unix := unixPath(address); !unix && address != "off" && !isLoopback(address) {
			return usagef("--dev serves on loopback only, not on %s", address)
		}
	}
	return nil
}
