package nbd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// systemPython is the interpreter that Debian's python3-libnbd belongs to; a python3
// found in PATH may be another.
const systemPython = "/usr/bin/python3"

// libnbd runs a script with libnbd's module, a connected handle h of the export "vol",
// and U, the URI.
func libnbd(t *testing.T, s *started, script string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script.py")
	prelude := "import nbd, errno, os\nU = '" + s.uri("vol") + "'\n" +
		"def handle():\n    h = nbd.NBD()\n    h.add_meta_context('base:allocation')\n    h.connect_uri(U)\n    return h\nh = handle()\n"
	require.NoError(t, os.WriteFile(path, []byte(prelude+script), 0o600))
	succeed(t, systemPython, path)
}

// TestLibnbdErrors sends bad requests with libnbd's own checks switched off.
func TestLibnbdErrors(t *testing.T) {
	s := start(t, Options{}, nil, map[string]Export{"vol": newMemoryExport(1 << 20)})
	libnbd(t, s, `
h.set_strict_mode(0)
def fails(want, f, *args, **flags):
    try:
        f(*args, **flags)
    except nbd.Error as e:
        assert e.errnum == want, (f.__name__, args, e.errno, e.string)
    else:
        assert want == 0, (f.__name__, args)
end = 1 << 20
status = lambda *a: 0
fails(errno.EINVAL, h.pread, 512, end - 511)
fails(errno.EINVAL, h.pread, 512, (1 << 63) - 1024)
fails(errno.ENOSPC, h.pwrite, b"x" * 512, end - 511)
fails(errno.ENOSPC, h.zero, 512, end)
fails(errno.EINVAL, h.trim, 512, end)
fails(errno.EINVAL, h.cache, 512, end)
fails(errno.EINVAL, h.block_status, 512, end, status)
fails(errno.EINVAL, h.pread, 512, 0, flags=1 << 9)
fails(errno.ENOTSUP, h.zero, 4096, 0, flags=nbd.CMD_FLAG_FAST_ZERO | nbd.CMD_FLAG_NO_HOLE)
fails(0, h.zero, 4096, 0, flags=nbd.CMD_FLAG_FAST_ZERO)
h.pwrite(b"A" * 512, 0, flags=nbd.CMD_FLAG_FUA)
assert h.pread(512, 0) == b"A" * 512
h.flush()
h.shutdown()
`)
}

// TestLibnbdConnections writes on one connection, flushes on a second and reads on a third.
func TestLibnbdConnections(t *testing.T) {
	s := start(t, Options{}, nil, map[string]Export{"vol": newMemoryExport(1 << 20)})
	libnbd(t, s, `
b, c = handle(), handle()
assert h.can_multi_conn()
for i in range(200):
    data = os.urandom(700)
    h.pwrite(data, i * 777)
    b.flush()
    assert c.pread(700, i * 777) == data
for each in (h, b, c):
    each.shutdown()
`)
}

// TestLibnbdLoad keeps 64 requests in flight and compares with a shadow buffer.
func TestLibnbdLoad(t *testing.T) {
	for _, prompt := range []bool{false, true} {
		m := newMemoryExport(1 << 20)
		m.prompt = prompt
		s := start(t, Options{}, nil, map[string]Export{"vol": m})
		libnbd(t, s, `
import random
random.seed(7)
unit = 8192
slots = (1 << 20) // unit
shadow = [bytes(unit)] * slots
busy = {}  # slot -> what to do when its request is done
flying = []
def start(slot):
    kind = random.randrange(4)
    if kind == 0:
        data = os.urandom(unit)
        shadow[slot] = data
        cookie = h.aio_pwrite(nbd.Buffer.from_bytearray(bytearray(data)), slot * unit)
        check = None
    elif kind == 1:
        shadow[slot] = bytes(unit)
        cookie = h.aio_zero(unit, slot * unit)
        check = None
    else:
        buf = nbd.Buffer(unit)
        cookie = h.aio_pread(buf, slot * unit)
        check = buf
    busy[slot] = True
    flying.append((cookie, slot, check))
for n in range(4000):
    while True:
        slot = random.randrange(slots)
        if slot not in busy:
            break
    start(slot)
    while len(flying) >= 64:
        h.poll(-1)
        for entry in list(flying):
            cookie, slot, check = entry
            if h.aio_command_completed(cookie):
                if check is not None:
                    assert bytes(check.to_bytearray()) == shadow[slot], slot
                flying.remove(entry)
                del busy[slot]
while flying:
    h.poll(-1)
    flying = [f for f in flying if not h.aio_command_completed(f[0])]
assert h.pread(1 << 20, 0) == b"".join(shadow)
h.shutdown()
`)
	}
}
