package ec2

import (
	"context"
	"errors"
	"time"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// FastRestore is fast snapshot restore of a snapshot in a zone, for the account that
// enabled it. Every restore is fast here: what is kept is what clients ask about.
type FastRestore struct {
	SnapshotID, Owner string // the snapshot's
	Account, Region   string // who enabled it, and where
	Zone, ZoneID      string
	State             FastRestoreState
	Enabled           time.Time
}

// FastRestoreState is a state of fast snapshot restore.
type FastRestoreState string

// The states that are seen: there is nothing to optimise or to take down.
const (
	FastRestoreEnabling  FastRestoreState = "enabling"
	FastRestoreEnabled   FastRestoreState = "enabled"
	FastRestoreDisabling FastRestoreState = "disabling"
)

// FastRestoreRequest is the request of EnableFastSnapshotRestores and its opposite.
type FastRestoreRequest struct {
	Zones, ZoneIDs []string
	SnapshotIDs    []string
	DryRun         bool
}

// FastRestoreOutcome says what became of one snapshot in one zone.
type FastRestoreOutcome struct {
	FastRestore
	Err error // a refusal: nothing has changed
}

// zones are the zones that a request names.
func (r *FastRestoreRequest) zones(region string) ([]Zone, error) {
	var out []Zone
	for _, name := range r.Zones {
		zone, err := findZone(region, name, "")
		if err != nil {
			return nil, err
		}
		out = append(out, zone)
	}
	for _, id := range r.ZoneIDs {
		zone, err := findZone(region, "", id)
		if err != nil {
			return nil, err
		}
		out = append(out, zone)
	}
	switch {
	case len(out) == 0:
		return nil, refuse(MissingParameter, "The request must contain the parameter AvailabilityZone or AvailabilityZoneId")
	case len(r.SnapshotIDs) == 0:
		return nil, refuse(MissingParameter, "The request must contain the parameter SourceSnapshotId")
	case len(r.SnapshotIDs) > maxFastRestoreNames || len(out) > maxFastRestoreNames:
		return nil, refuse(InvalidParameter, "At most %d snapshots and zones can be named", maxFastRestoreNames)
	}
	return out, nil
}

// EnableFastRestores enables fast snapshot restore, of each snapshot in each zone.
func (s *Service) EnableFastRestores(ctx context.Context, caller kms.Caller, r FastRestoreRequest) ([]FastRestoreOutcome, error) {
	return s.eachFastRestore(ctx, caller, r, func(f FastRestore, key string) (FastRestore, error) {
		snap, err := s.usableSnapshot(ctx, caller, f.SnapshotID)
		if err != nil {
			return f, err
		}
		all, err := collect[FastRestore](ctx, s.store, fastRestorePrefix(caller.Region, caller.Account))
		if err != nil {
			return f, err
		}
		if _, again := all[key]; !again && countSnapshots(all, f.SnapshotID) > maxFastRestores {
			return f, refuse(FastRestoreLimit, "You have reached the maximum of %d snapshots with fast snapshot restore in this Region.", maxFastRestores)
		}
		f.Owner, f.State, f.Enabled = snap.Owner, FastRestoreEnabled, s.now()
		if err := newChange().write(key, f).Commit(ctx, s.store); err != nil {
			return f, err
		}
		f.State = FastRestoreEnabling // the next call sees it enabled
		return f, nil
	})
}

// countSnapshots counts the snapshots of all, and one more.
func countSnapshots(all map[string]stored[FastRestore], snapshot string) int {
	ids := map[string]bool{snapshot: true}
	for _, f := range all {
		ids[f.Value.SnapshotID] = true
	}
	return len(ids)
}

// DisableFastRestores is the opposite of EnableFastRestores.
func (s *Service) DisableFastRestores(ctx context.Context, caller kms.Caller, r FastRestoreRequest) ([]FastRestoreOutcome, error) {
	return s.eachFastRestore(ctx, caller, r, func(f FastRestore, key string) (FastRestore, error) {
		now, err := records.Get[FastRestore](ctx, s.store, key)
		if errors.Is(err, meta.ErrNotFound) {
			return f, refuse(IncorrectState, "Fast snapshot restore is not enabled for the snapshot '%s' in %s.", f.SnapshotID, f.Zone)
		}
		if err == nil {
			err = newChange().remove(key, now.Revision).Commit(ctx, s.store)
		}
		now.Value.State = FastRestoreDisabling
		return now.Value, s.raced(err)
	})
}

func (s *Service) eachFastRestore(ctx context.Context, caller kms.Caller, r FastRestoreRequest, change func(FastRestore, string) (FastRestore, error)) ([]FastRestoreOutcome, error) {
	zones, err := r.zones(caller.Region)
	if err != nil {
		return nil, err
	}
	for _, id := range r.SnapshotIDs {
		if err := kindSnapshot().check(id); err != nil {
			return nil, err
		}
	}
	if r.DryRun {
		return nil, errDryRun()
	}
	var out []FastRestoreOutcome
	for _, id := range r.SnapshotIDs {
		for _, zone := range zones {
			release, err := s.locks.Acquire(ctx, id)
			if err != nil {
				return nil, err
			}
			f := FastRestore{SnapshotID: id, Account: caller.Account, Region: caller.Region, Zone: zone.Name, ZoneID: zone.ID}
			f, err = change(f, fastRestoreKey(caller.Region, caller.Account, id, zone.Name))
			release()
			var refusal *Error
			if err != nil && !errors.As(err, &refusal) {
				return nil, err
			}
			out = append(out, FastRestoreOutcome{f, err})
		}
	}
	return out, nil
}

// DescribeFastRestores lists what an account has enabled. What it cannot use any more,
// such as a deleted snapshot, has gone.
func (s *Service) DescribeFastRestores(ctx context.Context, caller kms.Caller, q Query) (Page[FastRestore], error) {
	test, err := compile(q.Filters, fastRestoreField, func(FastRestore) Tags { return nil })
	if err != nil {
		return Page[FastRestore]{}, err
	}
	prefix := fastRestorePrefix(caller.Region, caller.Account)
	after := ""
	if q.Cursor != "" {
		after = prefix + q.Cursor
	}
	var found []FastRestore
	err = records.Scan(ctx, s.store, prefix, after, func(_ string, f FastRestore, _ uint64) error { found = append(found, f); return nil })
	var page Page[FastRestore]
	for _, f := range found { // at most maxFastRestores times the zones
		if err != nil {
			return page, err
		}
		if _, err = s.usableSnapshot(ctx, caller, f.SnapshotID); HasReason(err, SnapshotNotFound) {
			err = newChange().clear(fastRestoreKey(f.Region, f.Account, f.SnapshotID, f.Zone)).Commit(ctx, s.store)
			continue
		}
		if err != nil || !test(f) {
			continue
		}
		if q.Limit > 0 && len(page.Items) == q.Limit {
			last := page.Items[len(page.Items)-1]
			page.Next = last.SnapshotID + "/" + last.Zone
			return page, nil
		}
		page.Items = append(page.Items, f)
	}
	return page, err
}

// fastRestored says whether a volume that is made from a snapshot counts as made by fast
// snapshot restore.
func (s *Service) fastRestored(ctx context.Context, v Volume) bool {
	_, err := records.Get[FastRestore](ctx, s.store, fastRestoreKey(v.Region, v.Owner, v.SnapshotID, v.Zone))
	if err != nil && !errors.Is(err, meta.ErrNotFound) {
		s.log.Warn("fast snapshot restore not looked up", "volume", v.ID, "error", err)
	}
	return err == nil
}

func fastRestoreField(f FastRestore, name string) ([]string, bool) {
	switch name {
	case "availability-zone":
		return one(f.Zone)
	case "availability-zone-id":
		return one(f.ZoneID)
	case "owner-id":
		return one(f.Owner)
	case "snapshot-id":
		return one(f.SnapshotID)
	case "state":
		return one(string(f.State))
	}
	return nil, false
}
