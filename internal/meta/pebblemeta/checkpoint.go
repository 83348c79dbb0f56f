package pebblemeta

import (
	"context"

	"github.com/cockroachdb/pebble/v2"
)

// Checkpoint implements meta.Checkpointer: hard links to the tables where the file
// system has them, so dir should be on the store's. It runs in the committer.
func (s *Store) Checkpoint(ctx context.Context, dir string, during func() error) error {
	return s.inCommitter(ctx, func() error {
		if err := s.db.Checkpoint(dir, pebble.WithFlushedWAL()); err != nil {
			return s.wrap(err)
		}
		return during()
	})
}
