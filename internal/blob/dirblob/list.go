package dirblob

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// List implements blob.Store. It holds the names of one directory per part at a time.
func (s *Store) List(ctx context.Context, prefix, after string, limit int, fn func(string, int64) error) error {
	l := &lister{ctx: ctx, root: s.dir, prefix: prefix, after: after, limit: limit, fn: fn}
	if err := l.walk(""); !errors.Is(err, errEnough) {
		return err
	}
	return nil
}

var errEnough = errors.New("dirblob: enough")

type lister struct {
	ctx           context.Context // of the one call of List
	root          string
	prefix, after string
	limit         int
	fn            func(string, int64) error
}

// walk lists below a directory, whose name ends with / unless it is the root.
func (l *lister) walk(dir string) error {
	entries, err := os.ReadDir(filepath.Join(l.root, filepath.FromSlash(dir)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	// In name order: a directory sorts as its name with a slash, since "a-b" < "a/b".
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return strings.Compare(sortName(a), sortName(b)) })
	for _, entry := range entries {
		name := dir + sortName(entry)
		if strings.HasPrefix(entry.Name(), ".") || !l.concerns(name, entry.IsDir()) {
			continue
		}
		if entry.IsDir() {
			err = l.walk(name)
		} else {
			err = l.object(name, entry)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func sortName(e os.DirEntry) string {
	if e.IsDir() {
		return e.Name() + "/"
	}
	return e.Name()
}

// concerns says whether an object, or something below a directory, can be listed.
func (l *lister) concerns(name string, dir bool) bool {
	if !dir {
		return strings.HasPrefix(name, l.prefix) && name > l.after
	}
	// All names below start with name: the last of them is below name + 0xff.
	return (strings.HasPrefix(name, l.prefix) || strings.HasPrefix(l.prefix, name)) && name+"\xff" > l.after
}

func (l *lister) object(name string, entry os.DirEntry) error {
	if err := l.ctx.Err(); err != nil {
		return err
	}
	info, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return err
	}
	if err := l.fn(name, info.Size()); err != nil {
		return err
	}
	if l.limit--; l.limit == 0 {
		return errEnough
	}
	return nil
}
