// Package nbd serves block devices over the NBD protocol (fixed newstyle): the codec,
// the handshake, the transmission loop and the server around them. What it exports is
// the Export interface; the package knows nothing of volumes, keys or accounts, and
// seals nothing. It is not a client, and it does not speak oldstyle, extended headers
// or resize.
//
// # Invariants
//
//   - No buffer is sized by a number a client sent before that number passed a limit
//     of limits.go, and before the client passed TLS where TLS is required.
//   - A reply header leaves only after the export has filled, hence verified, the whole
//     buffer that follows it.
//   - The range of a request is checked as off > size || n > size-off, which no offset
//     near 2^64 can wrap around. An export only sees ranges within its size.
//   - A bad request gets an error reply and the connection lives; a stream that is no
//     longer in step (bad magic, truncated payload) ends it.
//   - A write is answered before or after another by the export alone: the server
//     gives no order to requests in flight, which is the protocol's rule.
//   - Flush covers every write answered before it arrived, on any connection of the
//     export: the registry hands the same device to all of them. FUA is the write
//     followed by a flush.
//   - The reader of a connection never waits for an export, but for room, in bytes and
//     requests in flight, and, while it has nothing else to do, for a flush that the
//     export says is one short write.
//
// # A connection
//
//	reader ── request header ─┬─ prompt ──── executes here ──────────┐
//	                          ├─ short read ─ starts it ─ the ring ──┤
//	                          └─ may block ─ workers ─ execute there ─┤
//	                                                       outbox ────┴─ one writev per wake-up
//
// The reader executes what the export calls prompt (see Prompter), keeps the replies
// and writes them all when its input buffer runs dry. Where the system has io_uring it
// receives through a ring, and starts short reads that need the device in the same
// ring (see Starter): one system call hands over what a burst of requests needs and
// waits for socket and device alike. The socket is then taken from the poller of the Go
// runtime, which would wake a thread for every request and for every reply that the client
// takes. Everything else, and everything of bulkSize or more, goes to workers that start
// when needed; their replies are written by the connection's writer goroutine, which takes
// whatever has gathered.
//
// # Formats
//
// All integers are big-endian.
//
//	option        IHAVEOPT u64 · option u32 · length u32 · payload
//	option reply  0x0003e889045565a9 u64 · option u32 · type u32 · length u32 · payload
//	request       0x25609513 u32 · flags u16 · type u16 · cookie u64 · offset u64 · length u32 [· data of a write]
//	simple reply  0x67446698 u32 · error u32 · cookie u64 [· data of a read]
//	chunk         0x668e33ef u32 · flags u16 · type u16 · cookie u64 · length u32 · payload
//
// Facts are those of the NBD protocol specification (NetworkBlockDevice/nbd,
// doc/proto.md, public domain).
//
// # What a client can still do
//
// Whoever can open the unix socket, or holds a certificate the TLS configuration
// accepts, can open every export the registry hands out, and hold up to
// Limits.InFlightBytes of memory, twice sendBuffer of the kernel's, and Limits.Workers requests of the engine per
// connection. A client that reads slowly but steadily (above Limits.MinRate) is served.
package nbd
