package blockstore

import "sync"

// A sealed block's tag is written behind its ciphertext before it moves to the
// record, so every buffer has one aligned block of slack at its end.
const bufferSlack = BlockSize

// bufferPool hands out aligned I/O buffers of one size from memory that is never
// given back: touching a fresh page costs more than sealing a block. get waits when
// all buffers are out, which is the back-pressure of the write path.
type bufferPool struct {
	size int // usable bytes of a buffer
	max  int // buffers at most

	progress func() // waits until a buffer may have come back; nil: put wakes who waits

	mu   sync.Mutex // guards the fields below
	cond sync.Cond
	free [][]byte
	made int
}

func newBufferPool(size, maxBytes int) *bufferPool {
	p := &bufferPool{size: size, max: max(maxBytes/(size+bufferSlack), readParallel)}
	p.cond.L = &p.mu
	return p
}

// get returns a buffer of size + bufferSlack bytes.
func (p *bufferPool) get() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.free) == 0 {
		if p.made < p.max {
			p.made++
			return alignedBuffer(p.size + bufferSlack)
		}
		if p.progress == nil {
			p.cond.Wait()
			continue
		}
		p.mu.Unlock()
		p.progress()
		p.mu.Lock()
	}
	b := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	return b
}

// tryGet returns a buffer, or nil instead of waiting.
func (p *bufferPool) tryGet() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch n := len(p.free); {
	case n > 0:
		b := p.free[n-1]
		p.free = p.free[:n-1]
		return b
	case p.made < p.max:
		p.made++
		return alignedBuffer(p.size + bufferSlack)
	}
	return nil
}

// ready says whether get would return at once.
func (p *bufferPool) ready() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.free) > 0 || p.made < p.max
}

func (p *bufferPool) put(b []byte) {
	p.mu.Lock()
	p.free = append(p.free, b)
	p.mu.Unlock()
	p.cond.Signal()
}

// close unmaps the free buffers; none may be out.
func (p *bufferPool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.free {
		freeAligned(b)
	}
	p.free, p.made = nil, 0
}
