package nbd

import (
	"math/bits"
	"sync"
)

// headerRoom precedes the data of a buffer, so that a reply header and its data are
// one segment. It holds the longest header, and keeps the data aligned to 64 bytes.
const headerRoom = 64

const (
	minClassBits = 12 // 4 KiB
	maxClassBits = 26 // MaxPayload
)

const (
	_ = uint(headerRoom - offsetHeaderSize)
	_ = uint(1<<maxClassBits - MaxPayload)
)

// buffer is pooled memory for the data of one request. data may be resliced freely.
type buffer struct {
	mem  []byte
	data []byte
	pool *sync.Pool
}

// withHeader puts a header in front of the data and returns both as one segment.
func (b *buffer) withHeader(header []byte) []byte {
	start := headerRoom - len(header)
	copy(b.mem[start:], header)
	return b.mem[start : headerRoom+len(b.data)]
}

func (b *buffer) release() { b.pool.Put(b) }

// bufferPools hold buffers in power-of-two classes.
type bufferPools struct {
	classes [maxClassBits - minClassBits + 1]sync.Pool
}

func newBufferPools() *bufferPools {
	p := &bufferPools{}
	for i := range p.classes {
		size, pool := 1<<(minClassBits+i), &p.classes[i]
		pool.New = func() any { return &buffer{mem: make([]byte, headerRoom+size), pool: pool} }
	}
	return p
}

// get returns a buffer of n bytes, at most MaxPayload, with undefined content.
func (p *bufferPools) get(n int) *buffer {
	class := max(bits.Len(uint(max(n, 1)-1)), minClassBits) - minClassBits
	b := p.classes[class].Get().(*buffer)
	b.data = b.mem[headerRoom : headerRoom+n]
	return b
}
