// Package blobtest is the conformance suite of blob.Store.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/blob"
)

// Run checks that the stores that open returns, each empty, keep the contract.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	for name, check := range map[string]func(t *testing.T, s blob.Store){
		"PutGet": putGet, "CreateOnly": createOnly, "FailedPut": failedPut, "Missing": missing,
		"Names": names, "List": list, "Delete": deleteOpen, "OneWinner": oneWinner,
	} {
		t.Run(name, func(t *testing.T) { check(t, open(t)) })
	}
}

// Put makes an object of content.
func Put(t *testing.T, s blob.Store, name string, content []byte) {
	t.Helper()
	require.NoError(t, s.Put(t.Context(), name, writes(content)))
}

func writes(content []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	}
}

// Read returns the content of an object.
func Read(t *testing.T, s blob.Store, name string) []byte {
	t.Helper()
	o, err := s.Get(t.Context(), name)
	require.NoError(t, err)
	content, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	require.NoError(t, err)
	require.NoError(t, o.Close())
	return content
}

func putGet(t *testing.T, s blob.Store) {
	long := bytes.Repeat([]byte("0123456789"), 100_000)
	Put(t, s, "a/long", long)
	Put(t, s, "a/empty", nil)
	require.Equal(t, long, Read(t, s, "a/long"))
	require.Empty(t, Read(t, s, "a/empty"))
	size, err := s.Stat(t.Context(), "a/long")
	require.NoError(t, err)
	require.EqualValues(t, len(long), size)

	o, err := s.Get(t.Context(), "a/long")
	require.NoError(t, err)
	defer o.Close()
	require.EqualValues(t, len(long), o.Size())
	part := make([]byte, 10)
	_, err = o.ReadAt(part, 500_003)
	require.NoError(t, err)
	require.Equal(t, "3456789012", string(part))
	n, err := o.ReadAt(part, int64(len(long))-4)
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, "6789", string(part[:n]))
}

func createOnly(t *testing.T, s blob.Store) {
	Put(t, s, "name", []byte("first"))
	require.ErrorIs(t, s.Put(t.Context(), "name", writes([]byte("second"))), blob.ErrExists)
	require.Equal(t, "first", string(Read(t, s, "name")))
}

func failedPut(t *testing.T, s blob.Store) {
	broken := errors.New("broken")
	err := s.Put(t.Context(), "a/b", func(w io.Writer) error {
		_, err := w.Write(make([]byte, 100_000))
		return errors.Join(err, broken)
	})
	require.ErrorIs(t, err, broken)
	ended, cancel := context.WithCancel(t.Context())
	err = s.Put(ended, "a/b", func(w io.Writer) error {
		cancel()
		_, err := w.Write([]byte("late"))
		return err
	})
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.Stat(t.Context(), "a/b")
	require.ErrorIs(t, err, blob.ErrNotFound)
	require.Empty(t, listed(t, s, "", "", 0))
	Put(t, s, "a/b", []byte("whole"))
}

func missing(t *testing.T, s blob.Store) {
	_, err := s.Get(t.Context(), "none")
	require.ErrorIs(t, err, blob.ErrNotFound)
	_, err = s.Stat(t.Context(), "no/ne")
	require.ErrorIs(t, err, blob.ErrNotFound)
	require.ErrorIs(t, s.Delete(t.Context(), "none"), blob.ErrNotFound)
	Put(t, s, "dir/object", nil)
	_, err = s.Get(t.Context(), "dir")
	require.ErrorIs(t, err, blob.ErrNotFound)
}

func names(t *testing.T, s blob.Store) {
	for _, bad := range []string{"", "/", "a/", "/a", "a//b", ".", "..", "a/../b", ".hidden", "a b", "ü", "a\x00", strings.Repeat("n", blob.MaxPartSize+1), strings.Repeat("n/", blob.MaxNameSize/2) + "n"} {
		require.ErrorIs(t, s.Put(t.Context(), bad, writes(nil)), blob.ErrName, bad)
		_, err := s.Get(t.Context(), bad)
		require.ErrorIs(t, err, blob.ErrName, bad)
		_, err = s.Stat(t.Context(), bad)
		require.ErrorIs(t, err, blob.ErrName, bad)
		require.ErrorIs(t, s.Delete(t.Context(), bad), blob.ErrName, bad)
	}
	long := strings.Repeat("n", blob.MaxPartSize)
	for _, good := range []string{"a", "A-0_z.x", "a1/b/c/d", long + "/" + long} {
		Put(t, s, good, []byte(good))
		require.Equal(t, good, string(Read(t, s, good)))
	}
}

func listed(t *testing.T, s blob.Store, prefix, after string, limit int) []string {
	t.Helper()
	out := []string{}
	require.NoError(t, s.List(t.Context(), prefix, after, limit, func(name string, size int64) error {
		out = append(out, name)
		return nil
	}))
	return out
}

func list(t *testing.T, s blob.Store) {
	require.Empty(t, listed(t, s, "", "", 0))
	all := []string{"a-b/1", "a/1", "a/2", "a/b/3", "a0", "a1", "b"}
	for i := range all {
		Put(t, s, all[len(all)-1-i], []byte(all[len(all)-1-i]))
	}
	require.Equal(t, all, listed(t, s, "", "", 0))
	require.Equal(t, all[1:4], listed(t, s, "a/", "", 0))
	require.Equal(t, all[:6], listed(t, s, "a", "", 0))
	require.Equal(t, all[2:4], listed(t, s, "a", "a/1", 2))
	require.Empty(t, listed(t, s, "c", "", 0))
	stop := errors.New("stop")
	require.ErrorIs(t, s.List(t.Context(), "", "", 0, func(name string, size int64) error {
		require.EqualValues(t, len(name), size)
		return stop
	}), stop)
}

func deleteOpen(t *testing.T, s blob.Store) {
	Put(t, s, "a/b", []byte("content"))
	o, err := s.Get(t.Context(), "a/b")
	require.NoError(t, err)
	require.NoError(t, s.Delete(t.Context(), "a/b"))
	_, err = s.Stat(t.Context(), "a/b")
	require.ErrorIs(t, err, blob.ErrNotFound)
	b := make([]byte, 7)
	_, err = o.ReadAt(b, 0)
	require.NoError(t, err)
	require.Equal(t, "content", string(b))
	require.NoError(t, o.Close())
	require.ErrorIs(t, s.Delete(t.Context(), "a/b"), blob.ErrNotFound)
}

// oneWinner races Puts of one name: one of them wins, and its content is there.
func oneWinner(t *testing.T, s blob.Store) {
	const writers = 8
	var mu sync.Mutex
	var winners []string
	var all sync.WaitGroup
	for i := range writers {
		content := fmt.Sprint("writer ", i)
		all.Go(func() {
			err := s.Put(context.Background(), "dir/name", writes([]byte(content)))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				winners = append(winners, content)
			} else if !errors.Is(err, blob.ErrExists) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.Len(t, winners, 1)
	require.Equal(t, winners[0], string(Read(t, s, "dir/name")))
}
