package nbd

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// everyWay runs a test with requests executed by workers, by the reader, and started
// by the reader, and with a reader that has no ring.
func everyWay(t *testing.T, test func(t *testing.T, m *memoryExport, s *started)) {
	for _, name := range []string{"workers", "inline", "started", "no ring"} {
		t.Run(name, func(t *testing.T) {
			m, o := newMemoryExport(8<<20), Options{}
			switch name {
			case "inline":
				m.prompt = true
			case "started":
				m.device = newDevice(t)
			case "no ring":
				o.Limits.Ring = -1
			}
			test(t, m, start(t, o, nil, map[string]Export{"vol": m}))
			require.Zero(t, m.misuse.Load(), "a bad range reached the export")
		})
	}
}

func TestErrorTable(t *testing.T) {
	const size = 8 << 20
	everyWay(t, func(t *testing.T, _ *memoryExport, s *started) {
		for _, structured := range []bool{false, true} {
			c := dial(t, s, flagFixedNewstyle)
			require.NoError(t, c.negotiate("vol", structured))
			for _, test := range []struct {
				name string
				r    request
				want errno
			}{
				{"read past the end", request{cmd: cmdRead, offset: size - 511, length: 512}, eINVAL},
				{"read at the end", request{cmd: cmdRead, offset: size, length: 1}, eINVAL},
				{"read far away", request{cmd: cmdRead, offset: 1 << 62, length: 512}, eINVAL},
				{"read wraps around", request{cmd: cmdRead, offset: math.MaxUint64 - 511, length: 512}, eINVAL},
				{"read wraps to 1", request{cmd: cmdRead, offset: math.MaxUint64, length: 2}, eINVAL},
				{"read of 2^32-1", request{cmd: cmdRead, length: math.MaxUint32}, eINVAL},
				{"write past the end", request{cmd: cmdWrite, offset: size - 511, length: 512}, eNOSPC},
				{"write wraps around", request{cmd: cmdWrite, offset: math.MaxUint64 - 511, length: 512}, eNOSPC},
				{"zeroes past the end", request{cmd: cmdWriteZeroes, offset: size - 511, length: 512}, eNOSPC},
				{"zeroes wrap around", request{cmd: cmdWriteZeroes, offset: math.MaxUint64, length: math.MaxUint32}, eNOSPC},
				{"trim past the end", request{cmd: cmdTrim, offset: size - 511, length: 512}, eINVAL},
				{"trim wraps around", request{cmd: cmdTrim, offset: math.MaxUint64 - 511, length: 512}, eINVAL},
				{"cache past the end", request{cmd: cmdCache, offset: 1, length: size}, eINVAL},
				{"status past the end", request{cmd: cmdBlockStatus, offset: 1, length: size}, eINVAL},
				{"status wraps around", request{cmd: cmdBlockStatus, offset: math.MaxUint64, length: 1}, eINVAL},
				{"unknown command", request{cmd: 99, length: 512}, eINVAL},
				{"resize", request{cmd: 8, length: 512}, eINVAL},
				{"unknown flag", request{cmd: cmdRead, flags: 1 << 15, length: 512}, eINVAL},
				{"DF on write", request{cmd: cmdWrite, flags: cmdFlagDF, length: 512}, eINVAL},
				{"NO_HOLE on write", request{cmd: cmdWrite, flags: cmdFlagNoHole, length: 512}, eINVAL},
				{"REQ_ONE on read", request{cmd: cmdRead, flags: cmdFlagReqOne, length: 512}, eINVAL},
				{"FAST_ZERO on trim", request{cmd: cmdTrim, flags: cmdFlagFastZero, length: 512}, eINVAL},
				{"flush with a range", request{cmd: cmdFlush, length: 512}, eINVAL},
				{"fast zero without holes", request{cmd: cmdWriteZeroes, flags: cmdFlagFastZero | cmdFlagNoHole, length: 4096}, eNOTSUP},
				{"fast zero", request{cmd: cmdWriteZeroes, flags: cmdFlagFastZero, length: 4096}, eOK},
				{"read", request{cmd: cmdRead, length: 512}, eOK},
				{"whole read", request{cmd: cmdRead, length: size}, eOK},
				{"read of nothing", request{cmd: cmdRead, offset: 5}, eOK},
				{"read of nothing at the end", request{cmd: cmdRead, offset: size}, eOK},
				{"write of nothing", request{cmd: cmdWrite}, eOK},
				{"trim of nothing", request{cmd: cmdTrim}, eOK},
				{"zeroes of nothing", request{cmd: cmdWriteZeroes}, eOK},
				{"cache of nothing", request{cmd: cmdCache}, eOK},
				{"status of nothing", request{cmd: cmdBlockStatus}, eINVAL},
				{"FUA on read", request{cmd: cmdRead, flags: cmdFlagFUA, length: 512}, eOK},
				{"FUA on flush", request{cmd: cmdFlush, flags: cmdFlagFUA}, eOK},
				{"FUA on trim", request{cmd: cmdTrim, flags: cmdFlagFUA, length: 512}, eOK},
				{"FUA on cache", request{cmd: cmdCache, flags: cmdFlagFUA, length: 512}, eOK},
				{"cache", request{cmd: cmdCache, length: size}, eOK},
			} {
				var data []byte
				if test.r.cmd == cmdWrite {
					data = make([]byte, test.r.length)
				}
				p := c.do(t, test.r, data)
				require.Equal(t, test.want, p.errno, "%s, structured %v", test.name, structured)
				require.Equal(t, structured && test.want != eOK, p.text != "", "%s: text %q", test.name, p.text)
			}
		}
	})
}

func TestOversizedPayloadIsDrained(t *testing.T) {
	m := newMemoryExport(1 << 30)
	s := start(t, Options{}, nil, map[string]Export{"vol": m})
	c := attach(t, s, "vol")
	p := c.do(t, request{cmd: cmdWrite, length: MaxPayload + 1}, make([]byte, MaxPayload+1))
	require.Equal(t, eINVAL, p.errno)
	require.Equal(t, eINVAL, c.do(t, request{cmd: cmdRead, length: MaxPayload + 1}, nil).errno)
	require.Equal(t, eOVERFLOW, c.do(t, request{cmd: cmdRead, flags: cmdFlagDF, length: MaxPayload + 1}, nil).errno)
	data := bytes.Repeat([]byte{7}, MaxPayload)
	require.Equal(t, eOK, c.do(t, request{cmd: cmdWrite, length: MaxPayload}, data).errno)
	require.True(t, bytes.Equal(data, c.do(t, request{cmd: cmdRead, length: MaxPayload}, nil).data))
	for _, cmd := range []uint16{cmdTrim, cmdWriteZeroes, cmdCache, cmdBlockStatus} { // lengths of effect, not payload
		require.Equal(t, eOK, c.do(t, request{cmd: cmd, length: 1 << 30}, nil).errno, "%v", Op(cmd))
	}
}

func TestReadOnly(t *testing.T) {
	m := newMemoryExport(1 << 20)
	m.readOnly = true
	s := start(t, Options{}, nil, map[string]Export{"vol": m})
	c := attach(t, s, "vol")
	require.NotZero(t, c.flags&txReadOnly)
	for _, cmd := range []uint16{cmdWrite, cmdTrim, cmdWriteZeroes} {
		r := request{cmd: cmd, length: 512}
		require.Equal(t, ePERM, c.do(t, r, make([]byte, r.dataLength())).errno, "%v", Op(cmd))
	}
	require.Equal(t, eOK, c.do(t, request{cmd: cmdFlush}, nil).errno)
}

func TestExportErrors(t *testing.T) {
	everyWay(t, func(t *testing.T, m *memoryExport, s *started) {
		var fault atomic.Pointer[error]
		m.before(func(Op, int64, int64) error { return *fault.Load() })
		c := attach(t, s, "vol")
		for _, test := range []struct {
			err  error
			want errno
		}{
			{errors.New("secret detail"), eIO}, {fs.ErrPermission, eIO},
			{fmt.Errorf("pool: %w", ErrNoSpace), eNOSPC}, {ErrReadOnly, ePERM}, {ErrShuttingDown, eSHUTDOWN},
			{ErrNotSupported, eIO}, // only a fast zero may answer ENOTSUP
		} {
			fault.Store(&test.err)
			for _, cmd := range []uint16{cmdRead, cmdWrite, cmdFlush, cmdTrim, cmdCache, cmdWriteZeroes, cmdBlockStatus} {
				r := request{cmd: cmd, length: 4096}
				if cmd == cmdFlush {
					r.length = 0
				}
				p := c.do(t, r, make([]byte, r.dataLength()))
				require.Equal(t, test.want, p.errno, "%v of %v", test.err, Op(cmd))
				require.NotContains(t, p.text, "secret")
			}
		}
	})
}

// TestFailedRead has the third part of a fragmented read fail: nothing of it may be
// sent, what was read before it may, and the reply is an error.
func TestFailedRead(t *testing.T) {
	m := newMemoryExport(1 << 20)
	s := start(t, Options{}, nil, map[string]Export{"vol": m})
	for _, at := range []int64{0, 128 << 10, 256 << 10} {
		require.NoError(t, m.WriteAt(t.Context(), bytes.Repeat([]byte{9}, 64<<10), at))
	}
	m.before(func(op Op, off, _ int64) error {
		if op == OpRead && off == 256<<10 {
			return errors.New("bad tag")
		}
		return nil
	})
	p := attach(t, s, "vol").do(t, request{cmd: cmdRead, length: 1 << 20}, nil)
	require.Equal(t, eIO, p.errno)
	require.Equal(t, 4, p.chunks)
	require.False(t, p.covered[256<<10])
}

func TestHolesInReads(t *testing.T) {
	everyWay(t, func(t *testing.T, m *memoryExport, s *started) {
		want := make([]byte, 8<<20)
		for _, at := range []int64{64 << 10, 1<<20 + 4096, 3<<20 - 512, 8<<20 - 4096} {
			data := bytes.Repeat([]byte{byte(at>>12) | 1}, 8192)
			data = data[:min(8192, len(want)-int(at))]
			copy(want[at:], data)
			require.NoError(t, m.WriteAt(t.Context(), data, at))
		}
		c := attach(t, s, "vol")
		p := c.do(t, request{cmd: cmdRead, length: 8 << 20}, nil)
		require.True(t, bytes.Equal(want, p.data))
		require.Equal(t, 4, p.holes)
		require.Equal(t, 8, p.chunks)
		p = c.do(t, request{cmd: cmdRead, flags: cmdFlagDF, length: 8 << 20}, nil)
		require.True(t, bytes.Equal(want, p.data))
		p = c.do(t, request{cmd: cmdRead, offset: 4 << 20, length: 1 << 20}, nil)
		require.Equal(t, 1, p.holes, "a hole is all there is")
		require.Equal(t, 1, p.chunks)
		for _, r := range [][2]uint64{{1, 100_001}, {65_535, 70_003}, {1 << 20, 65_536}} { // unaligned
			p := c.do(t, request{cmd: cmdRead, offset: r[0], length: uint32(r[1])}, nil)
			require.True(t, bytes.Equal(want[r[0]:r[0]+r[1]], p.data))
		}
	})
}

func TestManyFragments(t *testing.T) {
	const stride = 2 * minHoleChunk
	m := newMemoryExport(2 * maxReadChunks * stride)
	for at := int64(0); at < m.size; at += stride {
		require.NoError(t, m.WriteAt(t.Context(), []byte{1}, at))
	}
	s := start(t, Options{}, nil, map[string]Export{"vol": m})
	p := attach(t, s, "vol").do(t, request{cmd: cmdRead, length: uint32(m.size)}, nil)
	require.Equal(t, eOK, p.errno)
	require.LessOrEqual(t, p.chunks, maxReadChunks)
	want := make([]byte, m.size)
	for at := 0; at < len(want); at += stride {
		want[at] = 1
	}
	require.True(t, bytes.Equal(want, p.data))
}

func TestBlockStatus(t *testing.T) {
	everyWay(t, func(t *testing.T, m *memoryExport, s *started) {
		require.NoError(t, m.WriteAt(t.Context(), make([]byte, 8192), 4096))
		require.NoError(t, m.WriteZeroes(t.Context(), 16384, 4096, ZeroOptions{NoHole: true}))
		c := attach(t, s, "vol")
		p := c.do(t, request{cmd: cmdBlockStatus, length: 8 << 20}, nil)
		const hole = stateHole | stateZero
		require.Equal(t, []extent{{4096, hole}, {8192, 0}, {4096, hole}, {4096, stateZero}, {8<<20 - 20480, hole}}, p.extents)
		p = c.do(t, request{cmd: cmdBlockStatus, flags: cmdFlagReqOne, offset: 5000, length: 1 << 20}, nil)
		require.Equal(t, []extent{{12288 - 5000, 0}}, p.extents)
		p = c.do(t, request{cmd: cmdBlockStatus, flags: cmdFlagReqOne, offset: 5000, length: 10}, nil)
		require.Equal(t, []extent{{10, 0}}, p.extents)
	})
}

func TestBlockStatusIsBounded(t *testing.T) {
	m := newMemoryExport(4 * maxStatusExtents * memoryBlock)
	for i := int64(0); i < m.size; i += 2 * memoryBlock {
		require.NoError(t, m.WriteAt(t.Context(), []byte{1}, i))
	}
	s := start(t, Options{}, nil, map[string]Export{"vol": m})
	p := attach(t, s, "vol").do(t, request{cmd: cmdBlockStatus, length: uint32(m.size)}, nil)
	require.Len(t, p.extents, maxStatusExtents)
}

func TestNoHoleReserves(t *testing.T) {
	m := newMemoryExport(1 << 20)
	s := start(t, Options{}, nil, map[string]Export{"vol": m})
	c := attach(t, s, "vol")
	require.Equal(t, eOK, c.do(t, request{cmd: cmdWrite, length: 8192}, bytes.Repeat([]byte{1}, 8192)).errno)
	require.Equal(t, eOK, c.do(t, request{cmd: cmdWriteZeroes, flags: cmdFlagNoHole, length: 4096}, nil).errno)
	require.Equal(t, eOK, c.do(t, request{cmd: cmdWriteZeroes, offset: 4096, length: 4096}, nil).errno)
	p := c.do(t, request{cmd: cmdBlockStatus, length: 8192}, nil)
	require.Equal(t, []extent{{4096, stateZero}, {4096, stateZero | stateHole}}, p.extents)
}

func TestBadRequestMagic(t *testing.T) {
	s := start(t, Options{}, nil, oneVolume(t))
	c := attach(t, s, "vol")
	_, err := c.nc.Write(make([]byte, requestSize))
	require.NoError(t, err)
	c.gone(t)
	require.Eventually(t, func() bool { return s.Metrics().ProtocolErrors == 1 }, soon, time.Millisecond)
}

func TestFUAFlushes(t *testing.T) {
	everyWay(t, func(t *testing.T, m *memoryExport, s *started) {
		c := attach(t, s, "vol")
		for i, cmd := range []uint16{cmdWrite, cmdTrim, cmdWriteZeroes} {
			r := request{cmd: cmd, flags: cmdFlagFUA, length: 4096}
			require.Equal(t, eOK, c.do(t, r, make([]byte, r.dataLength())).errno)
			require.Equal(t, i+1, m.flushed(), "%v", Op(cmd))
		}
		m.before(func(op Op, _, _ int64) error {
			if op == OpFlush {
				return errors.New("lost")
			}
			return nil
		})
		r := request{cmd: cmdWrite, flags: cmdFlagFUA, length: 512}
		require.Equal(t, eIO, c.do(t, r, make([]byte, 512)).errno, "a failed flush fails the write")
	})
}

// TestOverlappingWrites keeps writes to one range in flight: each is there whole or not
// at all, and one that was answered is never undone by one that was answered before it.
func TestOverlappingWrites(t *testing.T) {
	everyWay(t, func(t *testing.T, _ *memoryExport, s *started) {
		a, b := attach(t, s, "vol"), attach(t, s, "vol")
		for i := range 50 {
			for j := range 16 {
				_, err := a.send(request{cmd: cmdWrite, offset: 512, length: 4096}, bytes.Repeat([]byte{byte(j + 1)}, 4096))
				require.NoError(t, err)
			}
			for range 16 {
				p, err := a.receive()
				require.NoError(t, err)
				require.Equal(t, eOK, p.errno)
			}
			p := b.do(t, request{cmd: cmdRead, offset: 512, length: 4096}, nil)
			require.Equal(t, bytes.Repeat(p.data[:1], 4096), p.data)
			last := bytes.Repeat([]byte{byte(100 + i)}, 4096)
			require.Equal(t, eOK, b.do(t, request{cmd: cmdWrite, offset: 512, length: 4096}, last).errno)
			require.Equal(t, last, a.do(t, request{cmd: cmdRead, offset: 512, length: 4096}, nil).data)
		}
	})
}

func TestEmptyExport(t *testing.T) {
	s := start(t, Options{}, nil, map[string]Export{"vol": newMemoryExport(0)})
	c := attach(t, s, "vol")
	require.Zero(t, c.size)
	require.Equal(t, eOK, c.do(t, request{cmd: cmdTrim}, nil).errno)
	require.Equal(t, eOK, c.do(t, request{cmd: cmdRead}, nil).errno)
	require.Equal(t, eINVAL, c.do(t, request{cmd: cmdRead, length: 1}, nil).errno)
}

func TestFailuresAreLoggedForTheOperator(t *testing.T) {
	m := newMemoryExport(1 << 20)
	m.before(func(Op, int64, int64) error { return errors.New("zone 3 slot 77: bad tag") })
	var log bytes.Buffer
	s := start(t, Options{Log: slog.New(slog.NewTextHandler(&log, nil))}, nil, map[string]Export{"vol": m})
	c := attach(t, s, "vol")
	for range 2 * maxLoggedFailures {
		p := c.do(t, request{cmd: cmdRead, offset: 4096, length: 512}, nil)
		require.Equal(t, eIO, p.errno)
		require.NotContains(t, p.text, "slot")
	}
	require.NoError(t, s.Close())
	require.Equal(t, maxLoggedFailures, strings.Count(log.String(), "bad tag"))
	require.Contains(t, log.String(), "export=vol op=read offset=4096 length=512")
}
