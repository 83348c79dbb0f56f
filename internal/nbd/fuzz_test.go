package nbd

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func FuzzInfoRequest(f *testing.F) {
	f.Add(infoRequest{"vol", []uint16{infoName, infoBlockSize}}.append(nil))
	f.Add(infoRequest{"", nil}.append(nil))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 0})
	f.Add([]byte{0, 0, 0, 0, 0xff, 0xff, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseInfoRequest(b)
		if err == nil {
			require.Equal(t, b, r.append(nil), "what parses encodes to the same bytes")
			require.LessOrEqual(t, len(r.name), MaxNameLength)
		}
	})
}

func FuzzMetaRequest(f *testing.F) {
	f.Add(metaRequest{"vol", []string{"base:", "base:allocation", "x-y:z"}}.append(nil))
	f.Add(metaRequest{"", nil}.append(nil))
	f.Add([]byte{0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseMetaRequest(b)
		if err == nil {
			require.Equal(t, b, r.append(nil), "what parses encodes to the same bytes")
			require.LessOrEqual(t, len(r.queries), maxQueries)
		}
	})
}

func FuzzRequest(f *testing.F) {
	s := session{size: 1 << 30, structured: true, status: true}
	for _, r := range edgeRequests() {
		f.Add(appendRequest(nil, r))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < requestSize {
			return
		}
		r, err := decodeRequest(b)
		if err != nil {
			require.ErrorIs(t, err, ErrProtocol)
			return
		}
		require.Equal(t, b[:requestSize], appendRequest(nil, r))
		if r.check(s).failed() || r.cmd == cmdFlush {
			return
		}
		require.LessOrEqual(t, r.held(), int64(MaxPayload))
		end := int64(r.offset) + int64(r.length)
		require.True(t, int64(r.offset) >= 0 && end >= 0 && end <= 1<<30, "%+v", r)
	})
}

// edgeRequests are requests at the edges of offset, length and flags.
func edgeRequests() []request {
	var all []request
	for cmd := uint16(0); cmd < 10; cmd++ {
		for _, offset := range []uint64{0, 1, 1<<20 - 1, 1 << 20, math.MaxInt64, math.MaxUint64 - 511, math.MaxUint64} {
			for _, length := range []uint32{0, 1, 512, 1 << 20, MaxPayload, MaxPayload + 1, math.MaxUint32 - 1, math.MaxUint32} {
				all = append(all, request{cmd: cmd, offset: offset, length: length, cookie: uint64(len(all))})
			}
		}
	}
	for flag := range 16 {
		all = append(all, request{cmd: cmdRead, flags: 1 << flag, length: 512}, request{cmd: cmdWriteZeroes, flags: 1 << flag, length: 512})
	}
	return all
}

// conversations are what clients say after the greeting: the seeds of FuzzConnection.
func conversations() [][]byte {
	flags := []byte{0, 0, 0, flagFixedNewstyle | flagNoZeroes}
	goTo := func(b []byte) []byte {
		return appendOption(b, optGo, infoRequest{"vol", []uint16{infoBlockSize}}.append(nil))
	}
	haggle := append([]byte{}, flags...)
	haggle = appendOption(haggle, optStartTLS, nil)
	haggle = appendOption(haggle, optList, nil)
	haggle = appendOption(haggle, 77, []byte("unknown"))
	haggle = appendOption(haggle, optInfo, infoRequest{"vol", []uint16{infoName, infoDescription}}.append(nil))
	haggle = appendOption(haggle, optAbort, nil)
	structured := appendOption(append([]byte{}, flags...), optStructuredReply, nil)
	structured = appendOption(structured, optListMetaContext, metaRequest{"vol", nil}.append(nil))
	structured = appendOption(structured, optSetMetaContext, metaRequest{"vol", []string{contextAllocation}}.append(nil))
	structured = goTo(structured)
	old := appendOption([]byte{0, 0, 0, 0}, optExportName, []byte("vol"))

	work := func(b []byte) []byte {
		b = append([]byte{}, b...)
		b = append(appendRequest(b, request{cmd: cmdWrite, cookie: 1, offset: 100, length: 600}), make([]byte, 600)...)
		b = append(appendRequest(b, request{cmd: cmdWrite, flags: cmdFlagFUA, cookie: 2, length: 70_000}), bytes.Repeat([]byte{5}, 70_000)...)
		b = appendRequest(b, request{cmd: cmdRead, cookie: 3, length: 1 << 20})
		b = appendRequest(b, request{cmd: cmdRead, flags: cmdFlagDF, cookie: 4, offset: 512, length: 512})
		b = appendRequest(b, request{cmd: cmdWriteZeroes, flags: cmdFlagNoHole, cookie: 5, length: 8192})
		b = appendRequest(b, request{cmd: cmdTrim, cookie: 6, offset: 4096, length: 8192})
		b = appendRequest(b, request{cmd: cmdBlockStatus, cookie: 7, length: 1 << 20})
		b = appendRequest(b, request{cmd: cmdBlockStatus, flags: cmdFlagReqOne, cookie: 8, length: 1 << 20})
		b = appendRequest(b, request{cmd: cmdCache, cookie: 9, length: 4096})
		b = appendRequest(b, request{cmd: cmdFlush, cookie: 10})
		return appendRequest(b, request{cmd: cmdDisc})
	}
	all := [][]byte{nil, flags, haggle, structured, old, work(structured), work(old), work(goTo(append([]byte{}, flags...)))}
	for _, r := range edgeRequests() {
		if r.length <= 512 || r.cmd != cmdWrite && r.length <= MaxPayload {
			all = append(all, appendRequest(append([]byte{}, structured...), r))
		}
	}
	return all
}

// scripted is a connection to a client that says its lines whatever it is told, in
// pieces of a given size, and then closes its side.
type scripted struct {
	net.Conn // nil: only what is below is called
	lines    []byte
	piece    int
	mu       sync.Mutex
	closed   bool
	heard    bytes.Buffer
}

func (s *scripted) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, net.ErrClosed
	}
	if len(s.lines) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), s.piece)], s.lines)
	s.lines = s.lines[n:]
	return n, nil
}

// Write keeps the first heardSize bytes.
func (s *scripted) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, net.ErrClosed
	}
	s.heard.Write(b[:min(len(b), max(0, heardSize-s.heard.Len()))])
	return len(b), nil
}

func (s *scripted) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

func (*scripted) SetDeadline(time.Time) error      { return nil }
func (*scripted) SetReadDeadline(time.Time) error  { return nil }
func (*scripted) SetWriteDeadline(time.Time) error { return nil }

// heardSize is how much of the answers is kept.
const heardSize = 4 << 20

// FuzzConnection sends arbitrary bytes as a client. The server must end by itself,
// answer in well-formed messages, call the export with valid ranges only, and hold
// nothing afterwards.
func FuzzConnection(f *testing.F) {
	for i, seed := range conversations() {
		f.Add(seed, uint16(i*i), i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, input []byte, piece uint16, prompt bool) {
		m := newMemoryExport(1 << 20)
		m.prompt = prompt
		registry := newMemoryRegistry(map[string]Export{"vol": m})
		s := NewServer(Options{Registry: registry, Limits: Limits{Workers: 4}})
		c := &scripted{lines: input, piece: int(piece) + 1}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			s.ServeConn(context.Background(), c, nil)
		}()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Fatal("the connection does not end")
		}
		require.Zero(t, m.misuse.Load(), "a bad range reached the export")
		require.Zero(t, registry.holding())
		require.Zero(t, s.Metrics().InFlightBytes)
		require.NoError(t, wellFormed(c.heard.Bytes()))
	})
}

// wellFormed walks what a server has sent as far as it is there: greeting, option
// replies, the answer to EXPORT_NAME or GO, then replies. Data of simple replies has no
// length of its own, so there the walk ends.
func wellFormed(b []byte) error {
	if len(b) < greetingSize {
		return nil
	}
	b = b[greetingSize:]
	for len(b) >= optReplySize && binary.BigEndian.Uint64(b) == magicOptReply {
		n := int(binary.BigEndian.Uint32(b[16:]))
		if n > maxOptionPayload {
			return fmt.Errorf("option reply of %d bytes", n)
		}
		if len(b) < optReplySize+n {
			return nil
		}
		b = b[optReplySize+n:]
	}
	for len(b) >= chunkHeaderSize {
		if binary.BigEndian.Uint32(b) != magicStructured {
			return nil
		}
		kind, n := binary.BigEndian.Uint16(b[6:]), int(binary.BigEndian.Uint32(b[16:]))
		if n > MaxPayload+8 || kind != chunkNone && n == 0 {
			return fmt.Errorf("chunk of type %#x and %d bytes", kind, n)
		}
		if len(b) < chunkHeaderSize+n {
			return nil
		}
		b = b[chunkHeaderSize+n:]
	}
	return nil
}
