package nbd

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// device is a file that a memoryExport reads before it answers a started read: what
// it holds does not matter, that it is read does.
type device struct {
	file *os.File
	mem  []byte
}

func newDevice(t testing.TB) *device {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "device")
	require.NoError(t, err)
	require.NoError(t, f.Truncate(MaxPayload))
	mem, err := unix.Mmap(-1, 0, MaxPayload, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	require.NoError(t, err)
	t.Cleanup(func() {
		f.Close()
		unix.Munmap(mem)
	})
	return &device{f, mem}
}

// StartRead implements Starter.
func (m *memoryExport) StartRead(q DeviceQueue, p []byte, off int64, done func(error)) bool {
	if m.device == nil {
		return false
	}
	return q.StartRead(m.device.file.Fd(), m.device.mem[:len(p)], 0, func(result int) {
		if result != len(p) {
			done(os.ErrInvalid)
			return
		}
		done(m.ReadAt(context.Background(), p, off))
	})
}

// TestStartedReads has more reads under way than a ring takes, among writes and errors,
// ended in each way: every read that was started gets its reply or the connection ends,
// and the export is released after the last.
func TestStartedReads(t *testing.T) {
	for _, end := range []string{"disc", "close", "shutdown", "cut"} {
		t.Run(end, func(t *testing.T) {
			m := newMemoryExport(8 << 20)
			m.device = newDevice(t)
			s := start(t, Options{Limits: Limits{InFlightRequests: 600, InFlightBytes: 8 << 20}}, nil, map[string]Export{"vol": m})
			c := attach(t, s, "vol")
			const reads = 500
			var burst []byte // more than a ring takes, in one write
			for i := range reads {
				message, _ := c.expect(request{cmd: cmdRead, offset: uint64(i) * 4096, length: 4096})
				burst = append(burst, message...)
			}
			_, err := c.nc.Write(burst)
			require.NoError(t, err)
			for range reads {
				p, err := c.receive()
				require.NoError(t, err)
				require.Equal(t, eOK, p.errno)
				require.Len(t, p.data, 4096)
			}
			require.Positive(t, s.Metrics().Started)
			for i := range 50 { // these are under way when it ends
				_, err := c.send(request{cmd: cmdRead, offset: uint64(i) * 4096, length: 4096}, nil)
				require.NoError(t, err)
			}
			switch end {
			case "disc":
				_, err := c.nc.Write(appendRequest(nil, request{cmd: cmdDisc}))
				require.NoError(t, err)
				for range 50 {
					p, err := c.receive()
					require.NoError(t, err)
					require.Equal(t, eOK, p.errno)
				}
			case "close":
				require.NoError(t, c.nc.Close())
			case "shutdown":
				require.NoError(t, s.Shutdown(context.Background()))
			case "cut":
				require.NoError(t, s.Close())
			}
			require.Eventually(t, func() bool { return s.Metrics().Connections == 0 }, soon, time.Millisecond)
			require.Zero(t, s.Metrics().InFlightBytes)
		})
	}
}
