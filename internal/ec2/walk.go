package ec2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
)

// Query is what every Describe takes: ids, or filters with a page.
type Query struct {
	IDs     []string
	Filters []Filter
	Cursor  string // Page.Next of the page before
	Limit   int    // 0: as many as one answer holds
}

// Page is a part of a list. Next is empty at the end.
type Page[T any] struct {
	Items []T
	Next  string
}

// source is a range of keys that a Describe walks: records, or index entries that
// name the owner of the record.
type source struct {
	prefix string
	index  bool
	public bool // shared with everyone
}

// batchSize is how many keys a walk reads at a time: it holds no iterator while it works.
const batchSize = 256

// walk reads resources from the sources in turn, keeps those that match, and stops
// when the page is full. match may replace a resource by how it is now.
func walk[T any](ctx context.Context, s *Service, k kind, region string, sources []source, q Query, match func(T, source) (T, bool, error)) (Page[T], error) {
	var page Page[T]
	limit, budget := q.Limit, maxExamined
	if limit <= 0 {
		limit, budget = maxUnpaged, 1<<30
	}
	first, after, err := parseCursor(q.Cursor, len(sources))
	if err != nil {
		return page, err
	}
	for n := first; n < len(sources); n++ {
		for {
			ids, items, err := readBatch[T](ctx, s, k, region, sources[n], after)
			if err != nil {
				return page, err
			}
			if len(ids) == 0 {
				break
			}
			for i, id := range ids {
				item, keep := items[i], items[i] != nil
				var now T
				if keep {
					if now, keep, err = match(*item, sources[n]); err != nil {
						return page, err
					}
				}
				if keep && len(page.Items) == limit || budget == 0 {
					page.Next = cursor(n, after)
					return page, nil
				}
				if keep {
					page.Items = append(page.Items, now)
				}
				after = id
				budget--
			}
		}
		after = ""
	}
	return page, nil
}

func cursor(n int, after string) string { return strconv.Itoa(n) + ":" + after }

func parseCursor(c string, sources int) (n int, after string, err error) {
	if c == "" {
		return 0, "", nil
	}
	number, after, ok := strings.Cut(c, ":")
	n, err = strconv.Atoi(number)
	if !ok || err != nil || n < 0 || n >= sources {
		return 0, "", refuse(InvalidNextToken, "The token '%s' is invalid", c)
	}
	return n, after, nil
}

// readBatch reads the next resources of a source after an id. An index entry whose
// resource is gone gives nil.
func readBatch[T any](ctx context.Context, s *Service, k kind, region string, from source, after string) (ids []string, items []*T, err error) {
	start := ""
	if after != "" {
		start = from.prefix + after
	}
	var owners []string
	err = s.store.Scan(ctx, from.prefix, start, batchSize, func(key string, raw []byte, _ uint64) error {
		ids = append(ids, lastPart(key))
		if from.index {
			var owner string
			owners = append(owners, owner)
			return json.Unmarshal(raw, &owners[len(owners)-1])
		}
		item := new(T)
		items = append(items, item)
		if err := json.Unmarshal(raw, item); err != nil {
			return fmt.Errorf("%w: decode %s: %w", meta.ErrCorrupt, key, err)
		}
		return nil
	})
	if err != nil || !from.index {
		return ids, items, err
	}
	for i, owner := range owners {
		item, err := records.Get[T](ctx, s.store, resourceKey(k, region, owner, ids[i]))
		switch {
		case errors.Is(err, meta.ErrNotFound):
			items = append(items, nil)
		case err != nil:
			return nil, nil, err
		default:
			items = append(items, &item.Value)
		}
	}
	return ids, items, nil
}

// byID finds every id of a query, and fails naming all that are missing.
func byID[T any](ctx context.Context, k kind, ids []string, find func(id string) (T, error), match func(T, source) (T, bool, error)) (Page[T], error) {
	var page Page[T]
	if len(ids) > maxIDs {
		return page, refuse(InvalidParameter, "At most %d ids can be named", maxIDs)
	}
	ids = slices.Clone(ids)
	slices.Sort(ids)
	var missing []string
	for _, id := range slices.Compact(ids) {
		if err := k.check(id); err != nil {
			return page, err
		}
		found, err := find(id)
		if HasReason(err, k.notFound) {
			missing = append(missing, id)
			continue
		}
		if err != nil {
			return page, err
		}
		found, keep, err := match(found, source{})
		if err != nil {
			return page, err
		}
		if keep {
			page.Items = append(page.Items, found)
		}
	}
	if missing != nil {
		return Page[T]{}, k.missing(missing...)
	}
	return page, nil
}
