package audit

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTamper changes the log in every way that leaves lines, and wants the place named.
func TestTamper(t *testing.T) {
	build := func() (*memFS, *memAnchor) {
		fs, anchor := newMemFS(), &memAnchor{}
		l := open(t, Options{Dir: "/a", Key: testKey(t), Anchor: anchor, FS: fs, MaxFileBytes: 1500})
		record(t, l, 0, 30)
		require.NoError(t, l.Close())
		require.Greater(t, len(fs.files), 3)
		return fs, anchor
	}
	lines := func(fs *memFS, n uint64) [][]byte {
		return bytes.SplitAfter(fs.files["/a/"+fileName(n)].data, []byte("\n"))
	}
	set := func(fs *memFS, n uint64, lines ...[]byte) { fs.files["/a/"+fileName(n)].data = bytes.Join(lines, nil) }
	last := func(fs *memFS) uint64 { return uint64(len(fs.files)) }
	for name, c := range map[string]struct {
		change func(fs *memFS)
		file   uint64
		line   int
	}{
		"flip in an event":        {func(fs *memFS) { ls := lines(fs, 2); ls[3][5] ^= 1; set(fs, 2, ls...) }, 2, 4},
		"flip in the chain value": {func(fs *memFS) { ls := lines(fs, 2); ls[3][len(ls[3])-10] ^= 1; set(fs, 2, ls...) }, 2, 4},
		"flip in a header":        {func(fs *memFS) { ls := lines(fs, 3); ls[0][len(ls[0])/2] ^= 1; set(fs, 3, ls...) }, 3, 1},
		"upper case chain value":  {func(fs *memFS) { ls := lines(fs, 2); upper(ls[2]); set(fs, 2, ls...) }, 2, 3},
		"drop a line":             {func(fs *memFS) { ls := lines(fs, 2); set(fs, 2, append(ls[:2:2], ls[3:]...)...) }, 2, 3},
		"repeat a line":           {func(fs *memFS) { ls := lines(fs, 2); set(fs, 2, append(ls[:3:3], ls[2:]...)...) }, 2, 4},
		"reorder lines":           {func(fs *memFS) { ls := lines(fs, 2); ls[2], ls[3] = ls[3], ls[2]; set(fs, 2, ls...) }, 2, 3},
		"insert a line": {func(fs *memFS) {
			ls := lines(fs, 2)
			set(fs, 2, append(ls[:2:2], append([][]byte{[]byte("{\"a\":1}\n")}, ls[2:]...)...)...)
		}, 2, 3},
		"splice from another file": {func(fs *memFS) { ls, o := lines(fs, 2), lines(fs, 3); ls[2] = o[2]; set(fs, 2, ls...) }, 2, 3},
		"cut a closed file":        {func(fs *memFS) { ls := lines(fs, 2); set(fs, 2, ls[:3]...) }, 3, 1},
		"tear a closed file":       {func(fs *memFS) { ls := lines(fs, 2); ls[len(ls)-2] = ls[len(ls)-2][:9]; set(fs, 2, ls...) }, 2, 0},
		"cut the last file":        {func(fs *memFS) { ls := lines(fs, last(fs)); set(fs, last(fs), ls[:1]...) }, 0, 0},
		"lose the last file":       {func(fs *memFS) { delete(fs.files, "/a/"+fileName(last(fs))) }, 0, 0},
		"lose a closed file":       {func(fs *memFS) { delete(fs.files, "/a/"+fileName(2)) }, 2, 0},
		"swap files": {func(fs *memFS) {
			a, b := "/a/"+fileName(2), "/a/"+fileName(3)
			fs.files[a], fs.files[b] = fs.files[b], fs.files[a]
		}, 2, 1},
		"empty a file": {func(fs *memFS) { set(fs, 2) }, 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			fs, anchor := build()
			c.change(fs)
			r, err := Verify(context.Background(), VerifyOptions{Dir: "/a", FS: fs, Key: testKey(t), Anchor: anchor.value})
			require.ErrorIs(t, err, ErrBroken)
			require.NotEmpty(t, r.Broken)
			if c.file > 0 {
				require.Equal(t, fileName(c.file), r.Broken[0].File, err)
			}
			if c.line > 0 {
				require.Equal(t, c.line, r.Broken[0].Line, err)
			}
		})
	}
}

func upper(line []byte) {
	i := len(line) - trailerSize
	copy(line[i+len(chainMember):], bytes.ToUpper(line[i+len(chainMember):i+len(chainMember)+2*chainSize]))
}

// TestEveryFlip flips every bit of a small log: Verify finds each.
func TestEveryFlip(t *testing.T) {
	fs, anchor := newMemFS(), &memAnchor{}
	l := open(t, Options{Dir: "/a", Key: testKey(t), Anchor: anchor, FS: fs})
	record(t, l, 0, 3)
	require.NoError(t, l.Close())
	data, key := fs.files["/a/"+fileName(1)].data, testKey(t)
	for i := range len(data) * 8 {
		data[i/8] ^= 1 << (i % 8)
		_, err := Verify(context.Background(), VerifyOptions{Dir: "/a", FS: fs, Key: key, Anchor: anchor.value})
		require.ErrorIs(t, err, ErrBroken, "bit %d", i)
		data[i/8] ^= 1 << (i % 8)
	}
}

// TestTornEnd: what a crash leaves after the last whole record is kept aside and recorded.
func TestTornEnd(t *testing.T) {
	for _, tail := range []string{"{\"eve", strings.Repeat("\x00", 700), "{\"a\":1}\n{\"b\":", "\n"} {
		fs, anchor := newMemFS(), &memAnchor{}
		o := Options{Dir: "/a", Key: testKey(t), Anchor: anchor, FS: fs}
		l := open(t, o)
		record(t, l, 0, 5)
		require.NoError(t, l.Close())
		f := fs.files["/a/"+fileName(1)]
		f.data = append(f.data, tail...)
		l = open(t, o)
		require.Equal(t, int64(len(tail)), l.Stats().Recovered)
		record(t, l, 5, 6)
		require.NoError(t, l.Close())
		require.Equal(t, tail, string(fs.files["/a/audit-0000000001.torn-1"].data))
		require.Len(t, events(t, fs, "/a"), 6)
		_, err := Verify(context.Background(), VerifyOptions{Dir: "/a", FS: fs, Key: testKey(t), Anchor: anchor.value})
		require.NoError(t, err)
		require.Contains(t, string(f.data), fmt.Sprintf(`{"cofferAudit":{"recovered":%d,`, len(tail)))
	}
}

// TestBrokenRefusesToOpen: bytes that had been on disk are missing; only the operator may go on.
func TestBrokenRefusesToOpen(t *testing.T) {
	fs, anchor := newMemFS(), &memAnchor{}
	o := Options{Dir: "/a", Key: testKey(t), Anchor: anchor, FS: fs, MaxFileBytes: 1500}
	l := open(t, o)
	record(t, l, 0, 20)
	require.NoError(t, l.Close())
	n := uint64(len(fs.files))
	f := fs.files["/a/"+fileName(n)]
	whole := bytes.Clone(f.data)
	for _, damage := range []func(){
		func() { f.data = whole[:len(whole)-20] },
		func() { f.data = append([]byte("x"), whole...) },
		func() { delete(fs.files, "/a/"+fileName(n)) },
		func() { anchor.value = []byte("junk") },
	} {
		saved := bytes.Clone(anchor.value)
		damage()
		_, err := Open(context.Background(), o)
		require.ErrorIs(t, err, ErrBroken)
		again := o
		again.Restart = true
		l, err := Open(context.Background(), again)
		require.NoError(t, err)
		require.True(t, l.Stats().Restarted)
		record(t, l, 0, 1)
		require.NoError(t, l.Close())
		l = open(t, o) // goes on without Restart
		require.NoError(t, l.Close())
		r, _ := Verify(context.Background(), VerifyOptions{Dir: "/a", FS: fs, Key: testKey(t), Anchor: anchor.value})
		require.Len(t, r.Restarts, 1)
		for name := range fs.files {
			if name > "/a/"+fileName(n) {
				delete(fs.files, name)
			}
		}
		f.data, anchor.value = bytes.Clone(whole), saved
		fs.files["/a/"+fileName(n)] = f
	}
}
