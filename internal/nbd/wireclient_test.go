package nbd

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// wireClient is a strict client: every reply is held against the rules of the
// protocol, and the first that breaks one fails.
type wireClient struct {
	nc         net.Conn
	in         *bufio.Reader
	structured bool
	size       uint64
	flags      uint16
	pending    map[uint64]*pendingReply
	cookie     uint64
}

// optReply is one reply to an option.
type optReply struct {
	kind    uint32
	payload []byte
}

// pendingReply gathers the chunks of one reply.
type pendingReply struct {
	request request
	errno   errno
	text    string
	data    []byte
	covered []bool // per byte of a read
	chunks  int    // content chunks
	holes   int
	extents []extent
}

// dial connects to a server and sends client flags.
func dial(t testing.TB, s *started, flags uint32) *wireClient {
	t.Helper()
	nc, err := net.Dial("unix", s.socket)
	require.NoError(t, err)
	t.Cleanup(func() { nc.Close() })
	c, err := greet(nc, flags)
	require.NoError(t, err)
	return c
}

// attach connects and goes to transmission with structured replies and base:allocation.
func attach(t testing.TB, s *started, export string) *wireClient {
	t.Helper()
	c := dial(t, s, flagFixedNewstyle|flagNoZeroes)
	require.NoError(t, c.negotiate(export, true))
	return c
}

func greet(nc net.Conn, flags uint32) (*wireClient, error) {
	nc.SetDeadline(time.Now().Add(wireTimeout))
	c := &wireClient{nc: nc, in: bufio.NewReader(nc), pending: map[uint64]*pendingReply{}}
	var b [greetingSize]byte
	if _, err := io.ReadFull(c.in, b[:]); err != nil {
		return nil, err
	}
	if binary.BigEndian.Uint64(b[:]) != magicInit || binary.BigEndian.Uint64(b[8:]) != magicOption ||
		binary.BigEndian.Uint16(b[16:]) != flagFixedNewstyle|flagNoZeroes {
		return nil, fmt.Errorf("bad greeting %x", b)
	}
	_, err := nc.Write(binary.BigEndian.AppendUint32(nil, flags))
	return c, err
}

// option sends an option and returns its replies; the last is the final one.
func (c *wireClient) option(option uint32, payload []byte) ([]optReply, error) {
	if _, err := c.nc.Write(appendOption(nil, option, payload)); err != nil {
		return nil, err
	}
	return c.optionReplies(option)
}

func (c *wireClient) optionReplies(option uint32) ([]optReply, error) {
	var replies []optReply
	for {
		var b [optReplySize]byte
		if _, err := io.ReadFull(c.in, b[:]); err != nil {
			return replies, err
		}
		if binary.BigEndian.Uint64(b[:]) != magicOptReply || binary.BigEndian.Uint32(b[8:]) != option {
			return replies, fmt.Errorf("bad reply to option %d: %x", option, b)
		}
		r := optReply{binary.BigEndian.Uint32(b[12:]), make([]byte, binary.BigEndian.Uint32(b[16:]))}
		if _, err := io.ReadFull(c.in, r.payload); err != nil {
			return replies, err
		}
		replies = append(replies, r)
		if r.kind == repAck || r.kind >= 1<<31 {
			return replies, nil
		}
	}
}

// final sends an option and returns the kind of its final reply.
func (c *wireClient) final(t testing.TB, option uint32, payload []byte) uint32 {
	t.Helper()
	replies, err := c.option(option, payload)
	require.NoError(t, err)
	return replies[len(replies)-1].kind
}

// negotiate goes to transmission.
func (c *wireClient) negotiate(export string, structured bool) error {
	if structured {
		for _, step := range []struct {
			option  uint32
			payload []byte
		}{
			{optStructuredReply, nil},
			{optSetMetaContext, metaRequest{export, []string{contextAllocation}}.append(nil)},
		} {
			replies, err := c.option(step.option, step.payload)
			if err != nil {
				return err
			}
			if last := replies[len(replies)-1]; last.kind != repAck {
				return fmt.Errorf("option %d: %#x %s", step.option, last.kind, last.payload)
			}
		}
		c.structured = true
	}
	replies, err := c.option(optGo, infoRequest{export, []uint16{infoBlockSize}}.append(nil))
	if err != nil {
		return err
	}
	return c.enter(replies)
}

// enter takes the replies to GO.
func (c *wireClient) enter(replies []optReply) error {
	if last := replies[len(replies)-1]; last.kind != repAck {
		return fmt.Errorf("GO: %#x %s", last.kind, last.payload)
	}
	for _, r := range replies {
		if r.kind == repInfo && binary.BigEndian.Uint16(r.payload) == infoExport {
			c.size, c.flags = binary.BigEndian.Uint64(r.payload[2:]), binary.BigEndian.Uint16(r.payload[10:])
			return nil
		}
	}
	return fmt.Errorf("GO without the export's information")
}

// send sends a request under a cookie of its own, and its data.
func (c *wireClient) send(r request, data []byte) (uint64, error) {
	message, cookie := c.expect(r)
	_, err := c.nc.Write(append(message, data...))
	return cookie, err
}

// expect prepares for the reply to a request and returns the request's bytes.
func (c *wireClient) expect(r request) ([]byte, uint64) {
	c.cookie++
	r.cookie = c.cookie
	p := &pendingReply{request: r}
	if r.cmd == cmdRead && r.length <= MaxPayload {
		p.data, p.covered = make([]byte, r.length), make([]bool, r.length)
	}
	c.pending[r.cookie] = p
	return appendRequest(nil, r), r.cookie
}

// do sends a request and waits for its reply.
func (c *wireClient) do(t testing.TB, r request, data []byte) *pendingReply {
	t.Helper()
	c.nc.SetDeadline(time.Now().Add(wireTimeout + time.Duration(r.length)*time.Microsecond)) // 1 MB/s on a busy machine
	cookie, err := c.send(r, data)
	require.NoError(t, err)
	p, err := c.receive()
	require.NoError(t, err)
	require.Equal(t, cookie, p.request.cookie)
	return p
}

// receive reads until one reply is complete.
func (c *wireClient) receive() (*pendingReply, error) {
	for {
		p, done, err := c.chunk()
		if err != nil {
			return nil, err
		}
		if done {
			delete(c.pending, p.request.cookie)
			return p, c.complete(p)
		}
	}
}

// chunk reads a simple reply or a chunk.
func (c *wireClient) chunk() (p *pendingReply, done bool, err error) {
	magic, err := c.uint32()
	if err != nil {
		return nil, false, err
	}
	switch magic {
	case magicSimple:
		p, err = c.simple()
		return p, true, err
	case magicStructured:
		if c.structured {
			return c.structuredChunk()
		}
	}
	return nil, false, fmt.Errorf("reply magic %#x", magic)
}

func (c *wireClient) simple() (*pendingReply, error) {
	var b [simpleReplySize - 4]byte
	if _, err := io.ReadFull(c.in, b[:]); err != nil {
		return nil, err
	}
	p := c.pending[binary.BigEndian.Uint64(b[4:])]
	if p == nil || p.chunks > 0 {
		return nil, fmt.Errorf("simple reply for no request: %x", b)
	}
	if c.structured && (p.request.cmd == cmdRead || p.request.cmd == cmdBlockStatus) {
		return nil, fmt.Errorf("simple reply to %v", Op(p.request.cmd))
	}
	p.errno = errno(binary.BigEndian.Uint32(b[:]))
	if p.request.cmd == cmdRead && p.errno == eOK {
		if _, err := io.ReadFull(c.in, p.data); err != nil {
			return nil, err
		}
		return p, p.cover(p.request.offset, uint64(p.request.length))
	}
	return p, nil
}

func (c *wireClient) structuredChunk() (*pendingReply, bool, error) {
	var b [chunkHeaderSize - 4]byte
	if _, err := io.ReadFull(c.in, b[:]); err != nil {
		return nil, false, err
	}
	flags, kind := binary.BigEndian.Uint16(b[:]), binary.BigEndian.Uint16(b[2:])
	cookie, length := binary.BigEndian.Uint64(b[4:]), binary.BigEndian.Uint32(b[12:])
	p := c.pending[cookie]
	if p == nil || flags&^chunkDone != 0 || length > MaxPayload+8 {
		return nil, false, fmt.Errorf("bad chunk header %x", b)
	}
	payload := make([]byte, length)
	if _, err := io.ReadFull(c.in, payload); err != nil {
		return nil, false, err
	}
	done := flags&chunkDone != 0
	return p, done, p.take(kind, payload, done)
}

// take checks and keeps one chunk.
func (p *pendingReply) take(kind uint16, payload []byte, done bool) error {
	switch kind {
	case chunkNone:
		if len(payload) != 0 || !done {
			return fmt.Errorf("NONE chunk of %d bytes, done %v", len(payload), done)
		}
		return nil
	case chunkError, chunkErrorOffset:
		return p.takeError(kind, payload)
	case chunkBlockStatus:
		return p.takeStatus(payload)
	case chunkData, chunkHole:
		return p.takeContent(kind, payload)
	}
	return fmt.Errorf("chunk type %#x", kind)
}

func (p *pendingReply) takeError(kind uint16, payload []byte) error {
	if len(payload) < 6 {
		return fmt.Errorf("error chunk of %d bytes", len(payload))
	}
	p.errno = errno(binary.BigEndian.Uint32(payload))
	text := int(binary.BigEndian.Uint16(payload[4:]))
	rest := len(payload) - 6 - text
	if p.errno == eOK || kind == chunkError && rest != 0 || kind == chunkErrorOffset && rest != 8 {
		return fmt.Errorf("bad error chunk %x", payload)
	}
	p.text = string(payload[6 : 6+text])
	if kind == chunkErrorOffset {
		at := binary.BigEndian.Uint64(payload[6+text:])
		if at < p.request.offset || at-p.request.offset >= uint64(p.request.length) {
			return fmt.Errorf("error at %d outside the request", at)
		}
	}
	return nil
}

func (p *pendingReply) takeStatus(payload []byte) error {
	if p.request.cmd != cmdBlockStatus || len(payload) < 12 || (len(payload)-4)%8 != 0 ||
		binary.BigEndian.Uint32(payload) != contextAllocationID || p.extents != nil {
		return fmt.Errorf("bad block status chunk of %d bytes", len(payload))
	}
	total := uint64(0)
	for rest := payload[4:]; len(rest) > 0; rest = rest[8:] {
		e := extent{binary.BigEndian.Uint32(rest), binary.BigEndian.Uint32(rest[4:])}
		if last := len(p.extents) - 1; e.length == 0 || e.state&^(stateHole|stateZero) != 0 || last >= 0 && p.extents[last].state == e.state {
			return fmt.Errorf("bad extent %+v after %+v", e, p.extents)
		}
		if total >= uint64(p.request.length) {
			return fmt.Errorf("extent %+v starts after the range", e)
		}
		total += uint64(e.length)
		p.extents = append(p.extents, e)
	}
	if p.request.flags&cmdFlagReqOne != 0 && (len(p.extents) != 1 || total > uint64(p.request.length)) {
		return fmt.Errorf("REQ_ONE answered by %+v", p.extents)
	}
	return nil
}

func (p *pendingReply) takeContent(kind uint16, payload []byte) error {
	if p.request.cmd != cmdRead || len(payload) < 9 {
		return fmt.Errorf("content chunk of %d bytes for %v", len(payload), Op(p.request.cmd))
	}
	offset, n := binary.BigEndian.Uint64(payload), uint64(len(payload)-8)
	if kind == chunkHole {
		if len(payload) != 12 {
			return fmt.Errorf("hole chunk of %d bytes", len(payload))
		}
		n = uint64(binary.BigEndian.Uint32(payload[8:]))
		p.holes++
	}
	if p.chunks++; p.chunks > 1 && p.request.flags&cmdFlagDF != 0 || p.holes > 0 && p.request.flags&cmdFlagDF != 0 {
		return fmt.Errorf("fragments in spite of DF")
	}
	first, last := offset == p.request.offset, offset+n == p.request.offset+uint64(p.request.length)
	if !first && offset%512 != 0 || !last && (offset+n)%512 != 0 {
		return fmt.Errorf("chunk [%d,+%d) is not aligned", offset, n)
	}
	if err := p.cover(offset, n); err != nil {
		return err
	}
	if kind == chunkData {
		copy(p.data[offset-p.request.offset:], payload[8:])
	}
	return nil
}

// cover marks a part of a read as answered.
func (p *pendingReply) cover(offset, n uint64) error {
	if offset < p.request.offset || n == 0 && p.request.length != 0 || offset-p.request.offset+n > uint64(p.request.length) {
		return fmt.Errorf("chunk [%d,+%d) outside the request", offset, n)
	}
	part := p.covered[offset-p.request.offset:][:n]
	for i := range part {
		if part[i] {
			return fmt.Errorf("chunk [%d,+%d) overlaps another", offset, n)
		}
		part[i] = true
	}
	return nil
}

// complete checks a reply that has ended.
func (c *wireClient) complete(p *pendingReply) error {
	if p.errno != eOK {
		return nil
	}
	for i, covered := range p.covered {
		if !covered {
			return fmt.Errorf("byte %d of a read was not answered", i)
		}
	}
	if p.request.cmd == cmdBlockStatus && p.extents == nil {
		return fmt.Errorf("block status without extents")
	}
	return nil
}

func (c *wireClient) uint32() (uint32, error) {
	var b [4]byte
	_, err := io.ReadFull(c.in, b[:])
	return binary.BigEndian.Uint32(b[:]), err
}

// gone checks that the server has closed the connection without another byte.
func (c *wireClient) gone(t testing.TB) {
	t.Helper()
	b, err := io.ReadAll(c.in)
	if err != nil {
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the server keeps the connection")
	}
	require.Empty(t, b)
}

// wireTimeout bounds the wait for a server that should answer at once.
const wireTimeout = 20 * time.Second
