package awsapi

import "time"

// Limits of the front end. Caps of bodies are per service: Service.MaxBody.
const (
	// DefaultMaxBody caps a body where the service says nothing: no JSON or Query call here needs more.
	DefaultMaxBody = 1 << 20
	// MaxHeaderBytes caps the request line and headers. The longest is a session token
	// with a session policy and 50 tags of the largest size, about 30 KiB.
	MaxHeaderBytes = 64 << 10
	// DefaultMaxConnections caps open connections; further ones wait in the kernel's backlog.
	DefaultMaxConnections = 1024

	// readHeaderTimeout and readTimeout end connections that trickle. A body is at
	// most a few MiB, so a minute is enough for any client worth serving.
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 60 * time.Second
	// writeTimeout includes the operation itself.
	writeTimeout = 5 * time.Minute
	// idleTimeout is above the 50–90 s after which SDKs drop idle connections themselves.
	idleTimeout = 2 * time.Minute
)
