package rds

import (
	"context"
	"errors"
	"slices"
	"strings"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// SnapshotQuery is a Query of snapshots.
type SnapshotQuery struct {
	Query
	Database   string // name
	DatabaseID string
	Type       string // manual, automated, shared, public; empty: the caller's
	Shared     bool   // those that are shared with the caller too
	Public     bool   // those that are shared with everyone too
}

// Snapshots lists snapshots of databases of a kind that the caller may see.
func (s *Service) Snapshots(ctx context.Context, c kms.Caller, kind Kind, q SnapshotQuery) (Page[Snapshot], error) {
	for _, f := range q.Filters {
		if _, ok := snapshotField(Snapshot{Kind: kind}, f.Name); !ok {
			return Page[Snapshot]{}, invalid("Unrecognized filter name: %s", f.Name)
		}
	}
	if !slices.Contains([]string{"", manual, automated, "shared", "public", "awsbackup"}, q.Type) {
		return Page[Snapshot]{}, invalid("The snapshot type %s is not valid.", q.Type)
	}
	var list []Snapshot
	if q.Name != "" {
		snap, err := s.findSnapshot(ctx, c, kind, q.Name)
		if err != nil {
			return Page[Snapshot]{}, err
		}
		list = []Snapshot{snap}
	} else {
		var err error
		if list, err = s.visible(ctx, c, kind, q); err != nil {
			return Page[Snapshot]{}, err
		}
	}
	list = slices.DeleteFunc(list, func(snap Snapshot) bool {
		return q.Database != "" && !strings.EqualFold(q.Database, snap.Database) && q.Database != DatabaseARN(snap.Region, snap.Owner, kind, snap.Database) ||
			q.DatabaseID != "" && q.DatabaseID != snap.DatabaseID ||
			(q.Type == manual || q.Type == automated) && q.Type != snap.Type ||
			!matches(q.Filters, snap, snapshotField)
	})
	slices.SortFunc(list, func(a, b Snapshot) int { return strings.Compare(a.place(), b.place()) })
	out := page(list, q.Query, Snapshot.place)
	for i, snap := range out.Items {
		now, err := s.refreshed(ctx, snap)
		if err != nil {
			return out, err
		}
		out.Items[i] = now
	}
	return out, nil
}

// place orders snapshots in lists.
func (s Snapshot) place() string { return s.Owner + "/" + s.Name }

// visible lists the snapshots that a query may show.
func (s *Service) visible(ctx context.Context, c kms.Caller, kind Kind, q SnapshotQuery) ([]Snapshot, error) {
	var list []Snapshot
	if q.Type != "shared" && q.Type != "public" && q.Type != "awsbackup" {
		own, err := all[Snapshot](ctx, s.store, snapshotsOf(c.Region, c.Account, kind))
		if err != nil {
			return nil, err
		}
		list = slices.DeleteFunc(own, func(snap Snapshot) bool { return snap.State == Deleting })
	}
	var with []string
	if q.Type == "shared" || q.Shared && q.Type == "" {
		with = append(with, c.Account)
	}
	if q.Type == "public" || q.Public && q.Type == "" {
		with = append(with, everyone)
	}
	seen := map[string]bool{}
	for _, account := range with {
		prefix := sharedWith(c.Region, kind, account)
		var keys []string
		err := s.store.Scan(ctx, prefix, "", 0, func(key string, _ []byte, _ uint64) error {
			keys = append(keys, strings.TrimPrefix(key, prefix))
			return nil
		})
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			owner, name, _ := strings.Cut(key, "/")
			snap, err := records.Get[Snapshot](ctx, s.store, snapshotKey(c.Region, owner, kind, name))
			if errors.Is(err, meta.ErrNotFound) || seen[key] || owner == c.Account {
				continue
			}
			if err != nil {
				return nil, err
			}
			seen[key] = true
			list = append(list, snap.Value)
		}
	}
	return list, nil
}

func snapshotField(s Snapshot, name string) ([]string, bool) {
	switch {
	case name == "engine":
		return []string{s.Engine}, true
	case name == "snapshot-type":
		return []string{s.Type}, true
	case name == "db-cluster-id" && s.Kind == Cluster, name == "db-instance-id" && s.Kind == Instance:
		return []string{s.Database, DatabaseARN(s.Region, s.Owner, s.Kind, s.Database)}, true
	case name == "db-cluster-snapshot-id" && s.Kind == Cluster, name == "db-snapshot-id" && s.Kind == Instance:
		return []string{s.Name, s.ARN()}, true
	case name == "db-cluster-resource-id" && s.Kind == Cluster, name == "dbi-resource-id" && s.Kind == Instance:
		return []string{s.DatabaseID}, true
	}
	return nil, false
}
