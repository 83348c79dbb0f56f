package nbd

import "time"

// Fixed limits of the protocol engine. Those that an operator may change are in Limits.
const (
	// MaxNameLength bounds export names, queries and error texts: a string of the
	// protocol is at most 4096 bytes.
	MaxNameLength = 4096
	// maxOptionPayload is the most that is kept of an option; it holds a name of full
	// length and hundreds of queries.
	maxOptionPayload = 64 << 10
	// maxOptionDiscard is the most that is read and thrown away before the
	// ERR_TOO_BIG reply; a longer option ends the connection.
	maxOptionDiscard = 1 << 20
	// maxOptions bounds the options of one handshake.
	maxOptions = 1024
	// maxQueries bounds the metadata queries of one option.
	maxQueries = 256

	// MaxPayload is the largest read or write that is accepted.
	MaxPayload = 64 << 20
	// AdvertisedPayload is the largest read or write that clients are told of; the
	// protocol lets clients assume 32 MiB.
	AdvertisedPayload = 32 << 20
	// MinimumBlock is the advertised minimum block size: any offset and length work.
	MinimumBlock = 1
	// PreferredBlock is the advertised preferred block size.
	PreferredBlock = 4096
	// maxPrefetch bounds how much of a CACHE request is acted on; it is a hint.
	maxPrefetch = 64 << 20
	// prefetchStep is the piece in which an export without Prefetcher is read ahead.
	prefetchStep = 1 << 20
	// maxStatusExtents bounds the descriptors of one block status reply (64 KiB of
	// them); the protocol allows 2^20, and any answer that is shorter than asked.
	maxStatusExtents = 8192
	// maxReadChunks bounds the chunks of one structured read.
	maxReadChunks = 128

	// bulkSize is the length from which a request leaves the reader: sealing and
	// opening that much costs more than a hand-off, and a second core helps.
	bulkSize = 64 << 10
	// holeScanSize is the length from which a read asks for holes first. Below it one
	// data chunk of zeros is cheaper than the question.
	holeScanSize = 64 << 10
	// minHoleChunk is the shortest hole that interrupts a data chunk.
	minHoleChunk = 16 << 10

	// readBufferSize is the input buffer of a connection in transmission. Before, a
	// connection owns no buffer: the handshake reads exactly what it needs.
	readBufferSize = 256 << 10
	// batchBytes and batchSegments bound what the reader gathers before it writes.
	batchBytes    = 256 << 10
	batchSegments = 128
	// coalesceSize is the segment size up to which segments are copied together for
	// connections without writev; it is a TLS record.
	coalesceSize = 16 << 10
	// maxSocketPath is the longest path of a unix socket that clients can connect to on
	// every system (sun_path of darwin, with its NUL).
	maxSocketPath = 103
	// maxLoggedFailures bounds the log lines of one connection about failed requests.
	maxLoggedFailures = 10
	// maxErrorText bounds the text of an error reply.
	maxErrorText = 256
)

// What is read ahead must hold any request the reader executes in place, header and
// payload, and the advertised payload must be acceptable.
const (
	_ = uint(readBufferSize - bulkSize - requestSize)
	_ = uint(MaxPayload - AdvertisedPayload)
	_ = uint(maxOptionPayload - (4 + MaxNameLength + 2))
	_ = uint((1 << 20) - maxStatusExtents)
)

// Limits are what an operator may tune. Zero values mean the defaults.
type Limits struct {
	// Connections bounds the connections of a server, in handshake or after it.
	Connections int
	// Handshake is the time from accept to transmission.
	Handshake time.Duration
	// Stall is how long a client may take to go on with a request it has begun, or to
	// take replies, beside the time its bytes need at MinRate.
	Stall time.Duration
	// MinRate is the slowest transfer, in bytes per second, of a client that is served.
	MinRate int
	// Idle closes a connection without requests; negative or zero means never (an
	// attached disk may rest for days, and TCP keep-alive finds dead peers).
	Idle time.Duration
	// InFlightBytes bounds the payload of the requests of one connection that are being
	// executed or wait for their reply to be written. One request always passes. The
	// buffers behind it have power-of-two sizes, so memory may be twice as much.
	InFlightBytes int64
	// InFlightRequests bounds their number.
	InFlightRequests int64
	// TotalInFlightBytes bounds the payload in flight of all connections.
	TotalInFlightBytes int64
	// Workers bounds the requests of one connection that are inside the export at once.
	Workers int
	// Ring is negative to do without io_uring where the system has it.
	Ring int
	// Linger is how long a connection with nothing in flight is kept during a
	// shutdown so that requests under way get ESHUTDOWN.
	Linger time.Duration
}

// DefaultLimits returns what a zero Limits means.
func DefaultLimits() Limits {
	return Limits{
		Connections:        256,
		Handshake:          30 * time.Second,
		Stall:              30 * time.Second,
		MinRate:            256 << 10,
		InFlightBytes:      64 << 20,
		InFlightRequests:   1024,
		TotalInFlightBytes: 1 << 30,
		Workers:            64,
		Linger:             250 * time.Millisecond,
	}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	setDefault(&l.Connections, d.Connections)
	setDefault(&l.Handshake, d.Handshake)
	setDefault(&l.Stall, d.Stall)
	setDefault(&l.MinRate, d.MinRate)
	setDefault(&l.InFlightBytes, d.InFlightBytes)
	setDefault(&l.InFlightRequests, d.InFlightRequests)
	setDefault(&l.TotalInFlightBytes, d.TotalInFlightBytes)
	setDefault(&l.Workers, d.Workers)
	setDefault(&l.Linger, d.Linger)
	return l
}

func setDefault[T int | int64 | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}
