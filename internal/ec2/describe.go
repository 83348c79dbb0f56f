package ec2

import (
	"context"
	"slices"

	"coffer.example/kms"
)

// DescribeVolumes lists the caller's volumes.
func (s *Service) DescribeVolumes(ctx context.Context, caller kms.Caller, q Query) (Page[Volume], error) {
	test, err := compile(q.Filters, volumeField, s.VolumeTags)
	if err != nil {
		return Page[Volume]{}, err
	}
	match := func(v Volume, _ source) (Volume, bool, error) { return s.withHealth(v), test(v), nil }
	k := kindVolume()
	if len(q.IDs) > 0 {
		return byID(ctx, k, q.IDs, func(id string) (Volume, error) {
			v, err := s.volume(ctx, caller, id)
			return v.Value, err
		}, match)
	}
	return walk(ctx, s, k, caller.Region, []source{{prefix: ownedPrefix(k, caller.Region, caller.Account)}}, q, match)
}

// VolumeTags are a volume's tags, with the one that says where its export is.
func (s *Service) VolumeTags(v Volume) Tags {
	a := v.Attachment
	if a == nil || a.State == Attaching || !a.Serving || a.Impaired != "" {
		return v.Tags
	}
	out := Tags{uriTag: s.exports.URI(v.ID)}
	for key, value := range v.Tags {
		out[key] = value
	}
	return out
}

// DescribeInstances lists the caller's instances.
func (s *Service) DescribeInstances(ctx context.Context, caller kms.Caller, q Query) (Page[Instance], error) {
	test, err := compile(q.Filters, instanceField, func(i Instance) Tags { return i.Tags })
	if err != nil {
		return Page[Instance]{}, err
	}
	match := func(i Instance, _ source) (Instance, bool, error) { return i, test(i), nil }
	k := kindInstance()
	if len(q.IDs) > 0 {
		return byID(ctx, k, q.IDs, func(id string) (Instance, error) {
			i, err := owned[Instance](ctx, s, k, caller, id)
			return i.Value, err
		}, match)
	}
	return walk(ctx, s, k, caller.Region, []source{{prefix: ownedPrefix(k, caller.Region, caller.Account)}}, q, match)
}

// AttachmentsOf returns the volumes of instances, by volume id.
func (s *Service) AttachmentsOf(ctx context.Context, instances []Instance) (map[string]Volume, error) {
	out := map[string]Volume{}
	for _, i := range instances {
		volumes, err := s.volumesOf(ctx, i)
		if err != nil {
			return nil, err
		}
		for _, v := range volumes {
			if v.Attachment != nil {
				out[v.ID] = v
			}
		}
	}
	return out, nil
}

// Visible narrows which snapshots and images a Describe lists. Empty fields do not.
type Visible struct {
	Owners []string // account ids, self, amazon
	Users  []string // RestorableBy, ExecutableBy: account ids, self, all
}

// sources are the key ranges that hold what a caller sees of a kind that can be shared.
func (v Visible) sources(k kind, caller kms.Caller) []source {
	own := source{prefix: ownedPrefix(k, caller.Region, caller.Account)}
	shared := source{prefix: sharedPrefix(k, caller.Region, caller.Account), index: true}
	public := source{prefix: sharedPrefix(k, caller.Region, everyone), index: true, public: true}
	onlySelf := len(v.Owners) > 0
	for _, owner := range v.Owners {
		onlySelf = onlySelf && (owner == "self" || owner == caller.Account)
	}
	if onlySelf {
		return []source{own}
	}
	return []source{own, shared, public}
}

func (v Visible) owner(id string, caller kms.Caller) bool {
	return len(v.Owners) == 0 || slices.ContainsFunc(v.Owners, func(o string) bool {
		return o == id || o == "self" && id == caller.Account || o == "amazon" && id == AmazonAccount
	})
}

// user says whether one of the users named may use the resource.
func (v Visible) user(owner string, public bool, accounts []string, caller kms.Caller) bool {
	return len(v.Users) == 0 || slices.ContainsFunc(v.Users, func(u string) bool {
		if u == "self" {
			u = caller.Account
		}
		return u == "all" && public || u == owner || slices.Contains(accounts, u)
	})
}

// seenBefore says whether a public resource came already among the caller's own or
// among those shared with it.
func seenBefore(owner string, accounts []string, caller kms.Caller) bool {
	return owner == caller.Account || slices.Contains(accounts, caller.Account)
}

// DescribeSnapshots lists the snapshots that the caller may use.
func (s *Service) DescribeSnapshots(ctx context.Context, caller kms.Caller, v Visible, q Query) (Page[Snapshot], error) {
	test, err := compile(q.Filters, snapshotField, func(snap Snapshot) Tags { return snap.Tags })
	if err != nil {
		return Page[Snapshot]{}, err
	}
	k := kindSnapshot()
	match := func(snap Snapshot, from source) (Snapshot, bool, error) {
		again := from.public && seenBefore(snap.Owner, snap.Shares, caller)
		if snap.State == SnapshotDeleting || again || !v.owner(snap.Owner, caller) || !v.user(snap.Owner, snap.Public, snap.Shares, caller) {
			return snap, false, nil
		}
		if from.public {
			if hidden, err := s.hidden(ctx, snap.Region, snap.Owner); hidden || err != nil {
				return snap, false, err
			}
		}
		snap, err := s.refreshed(ctx, snap)
		if isNotFound(err) {
			return snap, false, nil
		}
		keep := err == nil && test(snap)
		return foreign(snap, caller), keep, err
	}
	if len(q.IDs) > 0 {
		return byID(ctx, k, q.IDs, func(id string) (Snapshot, error) { return s.findSnapshot(ctx, caller, id) }, match)
	}
	return walk(ctx, s, k, caller.Region, v.sources(k, caller), q, match)
}

// foreign hides from other accounts what only the owner sees: the tags.
func foreign(snap Snapshot, caller kms.Caller) Snapshot {
	if snap.Owner != caller.Account {
		snap.Tags = nil
	}
	return snap
}

// DescribeImages lists the images that the caller may launch, its own disabled ones too.
func (s *Service) DescribeImages(ctx context.Context, caller kms.Caller, v Visible, q Query) (Page[Image], error) {
	test, err := compile(q.Filters, imageField, func(i Image) Tags { return i.Tags })
	if err != nil {
		return Page[Image]{}, err
	}
	k := kindImage()
	match := func(i Image, from source) (Image, bool, error) {
		again := from.public && seenBefore(i.Owner, i.LaunchAccounts, caller)
		hidden := i.State == ImageDeleting || i.State == ImageDisabled && i.Owner != caller.Account
		if hidden || again || !v.owner(i.Owner, caller) || !v.user(i.Owner, i.Public, i.LaunchAccounts, caller) {
			return i, false, nil
		}
		i, err := s.refreshedImage(ctx, i)
		if isNotFound(err) {
			return i, false, nil
		}
		if i.Owner != caller.Account {
			i.Tags, i.LaunchAccounts = nil, nil
		}
		return i, err == nil && test(i), err
	}
	if len(q.IDs) > 0 {
		return byID(ctx, k, q.IDs, func(id string) (Image, error) { return s.findImage(ctx, caller, id) }, match)
	}
	var first []Image
	if builtin, keep, err := match(builtinImage(caller.Region), source{}); err == nil && keep && q.Cursor == "" {
		first = append(first, builtin)
		if q.Limit > 1 {
			q.Limit--
		}
	}
	page, err := walk(ctx, s, k, caller.Region, v.sources(k, caller), q, match)
	page.Items = append(first, page.Items...)
	return page, err
}
