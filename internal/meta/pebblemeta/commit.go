package pebblemeta

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"coffer.example/internal/meta"
)

// maxGroup bounds the commits that share one batch: 64 of at most meta.MaxCommitSize.
const maxGroup = 64

// request is a commit, or other work of the committer, with private copies of all it needs.
type request struct {
	expect []condition
	ops    []operation
	work   func() error // instead of expect and ops
	done   chan error   // receives one error; buffered
}

type condition struct {
	key      string
	revision uint64
}

// operation puts value, whose first revisionSize bytes are filled in at the commit, or deletes the key.
type operation struct {
	key   string
	value []byte
}

// Commit implements meta.Store.
func (s *Store) Commit(ctx context.Context, expect map[string]uint64, put map[string][]byte) error {
	if err := meta.CheckCommit(expect, put); err != nil {
		return err
	}
	r := &request{done: make(chan error, 1)}
	for k, rev := range expect {
		r.expect = append(r.expect, condition{k, rev})
	}
	for k, v := range put {
		op := operation{key: k}
		if v != nil {
			op.value = append(make([]byte, revisionSize, revisionSize+len(v)), v...)
		}
		r.ops = append(r.ops, op)
	}
	return s.submit(ctx, r)
}

// submit hands r to the committer and waits. Once it is handed over, only the
// committer knows the outcome.
func (s *Store) submit(ctx context.Context, r *request) error {
	s.mu.RLock()
	err := s.usable(ctx)
	s.mu.RUnlock()
	if err != nil {
		return err
	}
	select {
	case s.queue <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.failed:
		return s.err()
	case <-s.quit:
		return fmt.Errorf("%w: closed", meta.ErrFailed)
	}
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", meta.ErrUnknown, ctx.Err())
	case <-s.failed:
		return fmt.Errorf("%w: %w", meta.ErrUnknown, s.err())
	}
}

// commitLoop is the committer. Pebble may park its goroutine through Fatalf: callers
// then see the failed signal.
func (s *Store) commitLoop() {
	defer close(s.ended)
	defer s.recoverPanic()
	for {
		select {
		case r := <-s.queue:
			if r.work != nil {
				r.done <- r.work()
				continue
			}
			s.commitGroup(s.gather(r))
		case <-s.quit:
			return
		}
	}
}

// gather returns first and the commits that wait beside it.
func (s *Store) gather(first *request) []*request {
	group := []*request{first}
	for len(group) < maxGroup {
		select {
		case r := <-s.queue:
			if r.work != nil {
				r.done <- r.work()
				continue
			}
			group = append(group, r)
		default:
			return group
		}
	}
	return group
}

// commitGroup applies the commits whose conditions hold, in order, as one synced
// batch, and answers all of them.
func (s *Store) commitGroup(group []*request) {
	b := s.db.NewBatch()           // never closed: after a failure Pebble may still hold it
	written := map[string]uint64{} // revisions of this batch; 0 = deleted
	var accepted []*request
	for _, r := range group {
		if err := s.check(r.expect, written); err != nil {
			r.done <- err
			continue
		}
		s.revision++
		for _, op := range r.ops {
			stage(b, op, s.revision)
			written[op.key] = 0
			if op.value != nil {
				written[op.key] = s.revision
			}
		}
		accepted = append(accepted, r)
	}
	if len(accepted) == 0 {
		return
	}
	_ = b.Set([]byte(keyRevision), binary.BigEndian.AppendUint64(nil, s.revision), nil) // a batch in memory returns no error
	err := b.Commit(pebble.Sync)
	if err != nil {
		s.fail(err)
		err = fmt.Errorf("%w: %w", meta.ErrUnknown, s.err())
	} else {
		s.publish()
	}
	for _, r := range accepted {
		r.done <- err
	}
}

func stage(b *pebble.Batch, op operation, revision uint64) {
	key := []byte(dataPrefix + op.key)
	if op.value == nil {
		_ = b.Delete(key, nil)
		return
	}
	binary.BigEndian.PutUint64(op.value, revision)
	_ = b.Set(key, op.value, nil)
}

func (s *Store) check(expect []condition, written map[string]uint64) error {
	for _, c := range expect {
		rev, ok := written[c.key]
		if !ok {
			v, err := s.read(s.db, dataPrefix+c.key)
			switch {
			case errors.Is(err, meta.ErrNotFound):
			case err != nil:
				return err
			case len(v) < revisionSize:
				return fmt.Errorf("%w: %q", meta.ErrCorrupt, c.key)
			default:
				rev = binary.BigEndian.Uint64(v)
			}
		}
		if rev != c.revision {
			return fmt.Errorf("%w: %q", meta.ErrConflict, c.key)
		}
	}
	return nil
}

// publish shows readers the state that has just become durable.
func (s *Store) publish() {
	next := s.db.NewSnapshot()
	s.mu.Lock()
	last := s.view
	s.view = next
	s.mu.Unlock()
	_ = last.Close() // only ever nil or a panic
}
