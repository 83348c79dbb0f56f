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
		list = []Database{found.Value}
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
	cluster, err := records.Get[Database](ctx, s.store, databaseKey(d.Region, d.Owner, Cluster, d.ClusterName))
	if errors.Is(err, meta.ErrNotFound) {
		return d, nil
	}
	state := cluster.Value.State
	if d.State != Available {
		state = d.State
	}
	return s.shown(d, &cluster.Value, state), err
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
