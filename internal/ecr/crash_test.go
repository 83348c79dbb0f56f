package ecr_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"coffer.example/internal/blob"
	"coffer.example/internal/ecr"
	"coffer.example/internal/ecr/ecrtest"
	"coffer.example/internal/meta"
	"coffer.example/internal/testkit"
	"github.com/stretchr/testify/require"
)

// faultyStore and faultyBlobs fail every change from a chosen one on, as the stores of a process that dies.
type faultyStore struct {
	meta.Store
	faults *testkit.Faults
}

func (s faultyStore) Commit(ctx context.Context, expect map[string]uint64, put map[string][]byte) error {
	if err := s.faults.Point(); err != nil {
		return err
	}
	return s.Store.Commit(ctx, expect, put)
}

type faultyBlobs struct {
	blob.Store
	faults *testkit.Faults
}

func (s faultyBlobs) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	if err := s.faults.Point(); err != nil {
		return err
	}
	return s.Store.Put(ctx, name, write)
}

func (s faultyBlobs) Delete(ctx context.Context, name string) error {
	if err := s.faults.Point(); err != nil {
		return err
	}
	return s.Store.Delete(ctx, name)
}

// life makes a repository, pushes an image in two parts, pulls it and deletes everything; it stops at the first error.
func life(s *ecr.Service, layer, config []byte) (deleted bool, err error) {
	if _, err := s.CreateRepository(ctx, root, ecr.CreateRepositoryInput{Name: name("app"), Encryption: ecr.Encryption{Type: ecr.EncryptionDSSE}}); err != nil {
		return false, err
	}
	if err := pushLayer(s, root, "app", config); err != nil {
		return false, err
	}
	id, err := s.StartUpload(ctx, root, name("app"))
	if err != nil {
		return false, err
	}
	for _, part := range [][]byte{layer[:1000], layer[1000:]} {
		if _, err := s.Append(ctx, root, name("app"), id, ecr.AnyOffset, bytes.NewReader(part)); err != nil {
			return false, err
		}
	}
	if _, err := s.CompleteUpload(ctx, root, name("app"), id, ecrtest.Digest(layer)); err != nil {
		return false, err
	}
	if _, err := s.PutImage(ctx, root, ecr.PutImageInput{Name: name("app"), Content: ecrtest.Manifest(config, layer), Tags: []string{"v1"}}); err != nil {
		return false, err
	}
	_, err = s.DeleteRepository(ctx, root, name("app"), true)
	return true, err
}

// The process dies at each change in turn. After the restart whatever is found is whole, the same work can be done anew,
// and no grant, record or object is left when all is deleted.
func TestCrashAtEveryChange(t *testing.T) {
	layer, config := noise(1, 70_000), []byte("{}")
	operations := testkit.EachFault(t, testkit.FailFrom, func(faults *testkit.Faults) {
		w := ecrtest.New(t)
		w.WrapStore = func(s meta.Store) meta.Store { return faultyStore{s, faults} }
		w.WrapBlobs = func(s blob.Store) blob.Store { return faultyBlobs{s, faults} }
		s, err := w.Open()
		require.NoError(t, err)
		_, died := life(s, layer, config)
		require.NoError(t, s.Close())
		if died == nil {
			return
		}
		w.WrapStore, w.WrapBlobs = nil, nil
		s = w.Start()
		if image, content, err := s.GetImage(ctx, root, name("app"), ecr.ImageID{Tag: "v1"}); err == nil {
			require.Equal(t, ecrtest.Digest(content), image.Digest)
			got, err := pullLayer(s, root, "app", ecrtest.Digest(layer))
			require.NoError(t, err)
			require.Equal(t, layer, got)
		}
		requireNoOrphans(t, w, s)
		if _, err := s.DeleteRepository(ctx, root, name("app"), true); err != nil {
			requireReason(t, err, ecr.RepositoryNotFound)
		}
		require.Empty(t, records(t, w))
		require.Empty(t, objects(t, w))
		deleted, err := life(s, layer, config)
		require.NoError(t, err)
		require.True(t, deleted)
		require.Empty(t, objects(t, w))
	})
	require.Greater(t, operations, 20)
}

// requireNoOrphans expects that, a day later, every object belongs to a layer or an image, and that no upload is left.
func requireNoOrphans(t *testing.T, w *ecrtest.World, s *ecr.Service) {
	t.Helper()
	w.Pass(25 * time.Hour)
	require.NoError(t, s.Collect(ctx))
	owned := map[string]bool{}
	for _, prefix := range []string{"ecr/layer/", "ecr/image/"} {
		require.NoError(t, w.Keys.Store().Scan(ctx, prefix, "", 0, func(_ string, raw []byte, _ uint64) error {
			var record struct{ Object struct{ ID string } }
			err := json.Unmarshal(raw, &record)
			owned[record.Object.ID] = true
			return err
		}))
	}
	for object := range objects(t, w) {
		id := strings.Split(object, "/")[2][:36]
		require.True(t, owned[id], object)
		require.False(t, strings.HasSuffix(object, "-key"), object)
	}
	require.Empty(t, withPrefix(records(t, w), "ecr/upload/"))
}

// Grants go also when the key store fails while they are made or retired: with the next start, at the latest.
func TestNoGrantIsLeft(t *testing.T) {
	for failing := range 6 {
		w := ecrtest.New(t)
		key := newKey(t, w)
		s, err := w.Open()
		require.NoError(t, err)
		w.Trail.FailAfter(failing) // of DescribeKey, two CreateGrant, two RetireGrant
		_, err = s.CreateRepository(ctx, root, ecr.CreateRepositoryInput{Name: name("app"), Encryption: ecr.Encryption{Type: ecr.EncryptionKMS, Key: key.ARN}})
		require.Equal(t, failing < 3, err != nil, failing)
		if err == nil {
			_, err = s.DeleteRepository(ctx, root, name("app"), false)
			require.Equal(t, failing < 5, err != nil, failing)
		}
		require.NoError(t, s.Close())
		w.Trail.FailAfter(-1)
		w.Start()
		require.Empty(t, grantsOf(t, w, key.ID), failing)
		require.Empty(t, records(t, w))
	}
}

// Pushes and pulls of the same and of other content at once, with collections and deletions between them.
func TestConcurrentUse(t *testing.T) {
	w := ecrtest.New(t)
	s := w.Start()
	create(t, s, "app", ecr.EncryptionKMS, "")
	var all sync.WaitGroup
	for worker := range 6 {
		all.Go(func() {
			layer, config := noise(uint64(worker%3), 70_000), []byte("{}")
			for range 3 {
				if err := pushLayer(s, root, "app", config); err != nil {
					t.Error(err)
				}
				if err := pushLayer(s, root, "app", layer); err != nil {
					t.Error(err)
				}
				out, err := s.PutImage(ctx, root, ecr.PutImageInput{Name: name("app"), Content: ecrtest.Manifest(config, layer), Tags: []string{"latest"}})
				if err != nil {
					t.Error(err)
					return
				}
				if _, _, err := s.GetImage(ctx, root, name("app"), ecr.ImageID{Digest: out.Image.Digest}); err != nil {
					t.Error(err)
				}
				if got, err := pullLayer(s, root, "app", ecrtest.Digest(layer)); err != nil || !bytes.Equal(got, layer) {
					t.Error("pull", err)
				}
				if err := s.Collect(ctx); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	require.Len(t, objects(t, w), 1+3+3, "one config, three layers, three manifests: nothing twice")
}
