package rds

import (
	"context"
	"errors"
	"slices"
	"strings"

	"coffer.example/internal/meta"
	"coffer.example/kms"
)

// Filter selects what has one of the values in a field.
type Filter struct {
	Name   string
	Values []string
}

// Query is what a Describe asks for.
type Query struct {
	Name    string // of one resource, or its ARN
	Filters []Filter
	After   string // Page.Next of the page before
	Limit   int    // 0: MaxPage
}

// Page is a page of a list. Next, if not empty, asks for what follows.
type Page[T any] struct {
	Items []T
	Next  string
}

// page cuts a list, which is in the order of its places, to a page.
func page[T any](list []T, q Query, placeOf func(T) string) Page[T] {
	limit := q.Limit
	if limit <= 0 || limit > MaxPage {
		limit = MaxPage
	}
	var out Page[T]
	for _, item := range list {
		if q.After != "" && placeOf(item) <= q.After {
			continue
		}
		if len(out.Items) == limit {
			out.Next = placeOf(out.Items[limit-1])
			break
		}
		out.Items = append(out.Items, item)
	}
	return out
}

// Databases lists the caller's databases of a kind. One that is asked for by name must exist.
func (s *Service) Databases(ctx context.Context, c kms.Caller, kind Kind, q Query) (Page[Database], error) {
	for _, f := range q.Filters {
		if _, ok := databaseField(Database{Kind: kind}, f.Name); !ok {
			return Page[Database]{}, invalid("Unrecognized filter name: %s", f.Name)
		}
	}
	var list []Database
	if q.Name != "" {
		found, err := s.database(ctx, c, kind, q.Name)
		if err != nil {
			return Page[Database]{}, err
		}
		list = []Database{found.value}
	} else {
		var err error
		if list, err = all[Database](ctx, s.store, databasesOf(c.Region, c.Account, kind)); err != nil {
			return Page[Database]{}, err
		}
	}
	list = slices.DeleteFunc(list, func(d Database) bool { return !matches(q.Filters, d, databaseField) })
	out := page(list, q, func(d Database) string { return d.Name })
	for i, d := range out.Items {
		shown, err := s.withCluster(ctx, d)
		if err != nil {
			return out, err
		}
		out.Items[i] = shown
	}
	return out, nil
}

// withCluster shows an instance of a cluster with the cluster's state and storage.
func (s *Service) withCluster(ctx context.Context, d Database) (Database, error) {
	if d.ClusterName == "" {
		return d, nil
	}
	cluster, err := get[Database](ctx, s.store, databaseKey(d.Region, d.Owner, Cluster, d.ClusterName))
	if errors.Is(err, meta.ErrNotFound) {
		return d, nil
	}
	state := cluster.value.State
	if d.State != Available {
		state = d.State
	}
	return s.shown(d, &cluster.value, state), err
}

func matches[T any](filters []Filter, item T, field func(T, string) ([]string, bool)) bool {
	for _, f := range filters {
		have, _ := field(item, f.Name)
		if !slices.ContainsFunc(f.Values, func(want string) bool {
			return slices.ContainsFunc(have, func(v string) bool { return strings.EqualFold(v, want) })
		}) {
			return false
		}
	}
	return true
}

func databaseField(d Database, name string) ([]string, bool) {
	cluster := d.ClusterName
	if d.Kind == Cluster {
		cluster = d.Name
	}
	switch {
	case name == "engine":
		return []string{d.Engine}, true
	case name == "db-cluster-id":
		return []string{cluster, DatabaseARN(d.Region, d.Owner, Cluster, cluster)}, true
	case name == "domain", name == "clone-group-id" && d.Kind == Cluster:
		return nil, true
	case name == "db-cluster-resource-id" && d.Kind == Cluster, name == "dbi-resource-id" && d.Kind == Instance:
		return []string{d.ResourceID}, true
	case name == "db-instance-id" && d.Kind == Instance:
		return []string{d.Name, d.ARN()}, true
	}
	return nil, false
}

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
			snap, err := get[Snapshot](ctx, s.store, snapshotKey(c.Region, owner, kind, name))
			if errors.Is(err, meta.ErrNotFound) || seen[key] || owner == c.Account {
				continue
			}
			if err != nil {
				return nil, err
			}
			seen[key] = true
			list = append(list, snap.value)
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
