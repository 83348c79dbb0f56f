package records_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/memmeta"
	"coffer.example/internal/meta/records"
)

type thing struct{ Name string }

func TestRecords(t *testing.T) {
	ctx, store := context.Background(), memmeta.New()
	_, err := records.Get[thing](ctx, store, "a/1")
	require.ErrorIs(t, err, meta.ErrNotFound)
	require.NoError(t, records.NewChange().At("a/1", 0).Set("a/1", thing{"one"}).Set("a/2", thing{"two"}).Commit(ctx, store))
	one, err := records.Get[thing](ctx, store, "a/1")
	require.NoError(t, err)
	require.Equal(t, thing{"one"}, one.Value)

	// A record that has changed since it was read is not written over, nor is what goes with it.
	require.NoError(t, records.NewChange().At("a/1", one.Revision).Set("a/1", thing{"uno"}).Commit(ctx, store))
	err = records.NewChange().At("a/1", one.Revision).Set("a/1", thing{"lost"}).Clear("a/2").Commit(ctx, store)
	require.ErrorIs(t, err, meta.ErrConflict)

	var names []string
	list := func(stop string) error {
		names = nil
		return records.Scan(ctx, store, "a/", "", func(_ string, value thing, _ uint64) error {
			names = append(names, value.Name)
			if value.Name == stop {
				return records.ErrStop
			}
			return nil
		})
	}
	require.NoError(t, list(""))
	require.Equal(t, []string{"uno", "two"}, names)
	require.NoError(t, list("uno"))
	require.Equal(t, []string{"uno"}, names)
}

func TestBadRecords(t *testing.T) {
	ctx, store := context.Background(), memmeta.New()
	require.NoError(t, store.Commit(ctx, nil, map[string][]byte{"a/1": []byte("{")}))
	_, err := records.Get[thing](ctx, store, "a/1")
	require.ErrorIs(t, err, meta.ErrCorrupt)
	err = records.Scan(ctx, store, "a/", "", func(string, thing, uint64) error { return errors.New("not reached") })
	require.ErrorIs(t, err, meta.ErrCorrupt)
	require.Error(t, records.NewChange().Set("a/2", make(chan int)).Commit(ctx, store))
	_, err = records.Get[thing](ctx, store, "a/2")
	require.ErrorIs(t, err, meta.ErrNotFound, "the error stuck")
}
