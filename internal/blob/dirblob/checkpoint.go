package dirblob

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Checkpoint runs at and then links every object into dir, which must be on the same file
// system and becomes a directory that Open opens. No object is deleted meanwhile: what
// existed when at ran is there.
func (s *Store) Checkpoint(ctx context.Context, dir string, at func() error) error {
	s.deleting.Lock()
	defer s.deleting.Unlock()
	if err := at(); err != nil {
		return err
	}
	return filepath.WalkDir(s.dir, func(path string, entry fs.DirEntry, err error) error {
		relative, pathErr := filepath.Rel(s.dir, path)
		if err := errors.Join(err, pathErr, ctx.Err()); err != nil {
			return err
		}
		switch target := filepath.Join(dir, relative); {
		case entry.IsDir() && relative != "." && strings.HasPrefix(entry.Name(), "."):
			return filepath.SkipDir // files being written
		case entry.IsDir():
			return os.MkdirAll(target, dirMode)
		default:
			return os.Link(path, target)
		}
	})
}
