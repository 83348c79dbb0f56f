package nbd

import "errors"

// Errors an Export or a Registry returns so that the client gets the right answer;
// wrap them for detail. Any other error of an Export is EIO.
var (
	// ErrNoSpace answers ENOSPC: the write could not be stored.
	ErrNoSpace = errors.New("no space left on the volume")
	// ErrReadOnly answers EPERM.
	ErrReadOnly = errors.New("export is read-only")
	// ErrNotSupported answers ENOTSUP: zeroing would be no faster than writing. It is
	// only legal for WriteZeroes with FastZero, and must leave the data unchanged.
	ErrNotSupported = errors.New("operation not supported")
	// ErrShuttingDown answers ESHUTDOWN, and ERR_SHUTDOWN in the handshake.
	ErrShuttingDown = errors.New("shutting down")

	// ErrNoExport is a Registry's answer for a name it does not serve (ERR_UNKNOWN).
	ErrNoExport = errors.New("no such export")
	// ErrDenied is a Registry's answer for an export it will not open (ERR_POLICY).
	ErrDenied = errors.New("export not allowed")
)

// Errors of a connection, returned by Server.ServeConn.
var (
	// ErrProtocol is a client that broke a rule which ends the connection.
	ErrProtocol = errors.New("protocol violation")
	// ErrTimeout is a client that stalled longer than Limits allow.
	ErrTimeout = errors.New("client timed out")
	// ErrTooManyConnections is a connection over Limits.Connections.
	ErrTooManyConnections = errors.New("too many connections")
	// ErrDisconnected is a connection ended by Disconnect, Shutdown or Close.
	ErrDisconnected = errors.New("disconnected by the server")
	// ErrServerClosed is what Serve returns after Shutdown or Close.
	ErrServerClosed = errors.New("nbd: server closed")
)

// errno is an error number of the protocol.
type errno uint32

const (
	eOK       errno = 0
	ePERM     errno = 1
	eIO       errno = 5
	eINVAL    errno = 22
	eNOSPC    errno = 28
	eOVERFLOW errno = 75
	eNOTSUP   errno = 95
	eSHUTDOWN errno = 108
)

// failure is an error reply: the number for programs, the text for people. The text
// never carries an error of the export, which may name what a client need not know.
type failure struct {
	errno errno
	text  string
}

// failed says whether f is an error.
func (f failure) failed() bool { return f.errno != eOK }

// failureOf maps an error of an export. fast is whether ENOTSUP is legal.
func failureOf(err error, fast bool) failure {
	switch {
	case err == nil:
		return failure{}
	case errors.Is(err, ErrNoSpace):
		return failure{eNOSPC, "no space left on the volume"}
	case errors.Is(err, ErrReadOnly):
		return failure{ePERM, "export is read-only"}
	case errors.Is(err, ErrNotSupported) && fast:
		return failure{eNOTSUP, "zeroing would not be fast"}
	case errors.Is(err, ErrShuttingDown):
		return failure{eSHUTDOWN, "server is shutting down"}
	}
	return failure{eIO, "input/output error"}
}
