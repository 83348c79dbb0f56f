package ec2

import (
	"context"
	"maps"
	"slices"
	"strings"

	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// TagDescription is one tag of one resource.
type TagDescription struct {
	ResourceType, ResourceID, Key, Value string
}

func tagDescriptionField(t TagDescription, name string) ([]string, bool) {
	switch name {
	case "key":
		return one(t.Key)
	case "resource-id":
		return one(t.ResourceID)
	case "resource-type":
		return one(t.ResourceType)
	case "value":
		return one(t.Value)
	}
	return nil, false
}

// tagged is what every record has.
type tagged struct {
	ID    string
	State string
	Tags  Tags
}

// DescribeTags lists the tags of the caller's resources. Filters on resource ids
// without wildcards read only those resources.
func (s *Service) DescribeTags(ctx context.Context, caller kms.Caller, q Query) (Page[TagDescription], error) {
	test, err := compile(q.Filters, tagDescriptionField, func(t TagDescription) Tags { return Tags{t.Key: t.Value} })
	if err != nil {
		return Page[TagDescription]{}, err
	}
	if q.Limit <= 0 {
		q.Limit = maxUnpaged
	}
	ids, byID := tagIDs(q.Filters)
	var page Page[TagDescription]
	add := func(k kind, r tagged) bool { // whether the page is full
		for _, key := range slices.Sorted(maps.Keys(r.Tags)) {
			t := TagDescription{k.name, r.ID, key, r.Tags[key]}
			here := r.ID + "/" + key
			if r.State == "deleting" || !test(t) || q.Cursor != "" && here <= q.Cursor {
				continue
			}
			if len(page.Items) == q.Limit {
				last := page.Items[len(page.Items)-1]
				page.Next = last.ResourceID + "/" + last.Key
				return true
			}
			page.Items = append(page.Items, t)
		}
		return false
	}
	if byID {
		err := s.eachTaggedID(ctx, caller, ids, add)
		return page, err
	}
	for _, k := range kinds() { // in the order of their prefixes, so that cursors order everything
		if full, err := s.eachTagged(ctx, caller, k, q.Cursor, add); full || err != nil {
			return page, err
		}
	}
	return page, nil
}

// tagIDs returns the ids that the filters name, if they name them without wildcards.
func tagIDs(filters []Filter) ([]string, bool) {
	for _, f := range filters {
		if f.Name == "resource-id" && !strings.ContainsAny(strings.Join(f.Values, ""), `*?\`) {
			ids := slices.Clone(f.Values)
			slices.Sort(ids)
			return slices.Compact(ids), true
		}
	}
	return nil, false
}

func (s *Service) eachTaggedID(ctx context.Context, caller kms.Caller, ids []string, add func(kind, tagged) bool) error {
	for _, id := range ids {
		k, ok := kindOf(id)
		if !ok || !wellFormed(id, k.prefix) {
			continue
		}
		r, err := s.taggedOf(ctx, caller, k, id)
		if isNotFound(err) {
			continue
		}
		if err != nil {
			return err
		}
		if add(k, r) {
			return nil
		}
	}
	return nil
}

// taggedOf reads one resource's tags, a volume's with the computed one.
func (s *Service) taggedOf(ctx context.Context, caller kms.Caller, k kind, id string) (tagged, error) {
	key := resourceKey(k, caller.Region, caller.Account, id)
	if k.name == "volume" {
		v, err := records.Get[Volume](ctx, s.store, key)
		return tagged{v.Value.ID, string(v.Value.State), s.VolumeTags(v.Value)}, err
	}
	r, err := records.Get[tagged](ctx, s.store, key)
	return r.Value, err
}

func (s *Service) eachTagged(ctx context.Context, caller kms.Caller, k kind, cursor string, add func(kind, tagged) bool) (full bool, err error) {
	from := source{prefix: ownedPrefix(k, caller.Region, caller.Account)}
	after := ""
	if last, _, ok := strings.Cut(cursor, "/"); ok {
		switch {
		case !strings.HasPrefix(last, k.prefix) && last > k.prefix:
			return false, nil // a kind before the cursor's
		case strings.HasPrefix(last, k.prefix):
			after = before(last)
		}
	}
	for {
		ids, volumes, err := readBatch[Volume](ctx, s, kindVolume(), caller.Region, from, after)
		if err != nil || len(ids) == 0 {
			return false, err
		}
		for i, id := range ids {
			r := tagged{id, string(volumes[i].State), volumes[i].Tags}
			if k.name == "volume" {
				r.Tags = s.VolumeTags(*volumes[i])
			}
			if add(k, r) {
				return true, nil
			}
			after = id
		}
	}
}

// before returns a text that sorts before id and after every shorter neighbour: its
// own resource is looked at again, since the page may have ended among its tags.
func before(id string) string { return id[:len(id)-1] }
