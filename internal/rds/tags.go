package rds

import (
	"context"
	"maps"

	"coffer.example/kms"
)

// uriTag is the tag of an available database that says where its volume is served. It is
// computed, never stored. Tools leave tags alone that begin with "aws:", so that what compares
// tags with what it has set sees no difference.
const uriTag = "aws:coffer:nbd-uri"

// DatabaseTags are a database's tags and, while it is served, where.
func (s *Service) DatabaseTags(d Database) Tags {
	uri := s.URI(d)
	if uri == "" {
		return d.Tags
	}
	tags := maps.Clone(d.Tags)
	if tags == nil {
		tags = Tags{}
	}
	tags[uriTag] = uri
	return tags
}

// kindOfARN says what an ARN names; database tells a database from a snapshot.
func (at place) kind() (kind Kind, database, ok bool) {
	switch at.resource {
	case "cluster":
		return Cluster, true, true
	case "db":
		return Instance, true, true
	case "cluster-snapshot":
		return Cluster, false, true
	case "snapshot":
		return Instance, false, true
	}
	return "", false, false
}

// TagsOf are the tags of the resource that an ARN names.
func (s *Service) TagsOf(ctx context.Context, c kms.Caller, arn string) (Tags, error) {
	at, kind, database, err := s.tagged(c, arn)
	if err != nil {
		return nil, err
	}
	if !database {
		snap, err := s.ownSnapshot(ctx, c, kind, at.name)
		return snap.Tags, err
	}
	d, err := s.database(ctx, c, kind, at.name)
	return s.DatabaseTags(d.Value), err
}

// tagged reads the ARN of a resource of the caller.
func (s *Service) tagged(c kms.Caller, arn string) (at place, kind Kind, database bool, err error) {
	at, ok := parseARN(arn)
	if ok {
		kind, database, ok = at.kind()
	}
	if !ok {
		return at, kind, database, refuse(InvalidARN, "", "Invalid resource name: %s", arn)
	}
	if at.account != c.Account || at.region != c.Region {
		if database {
			return at, kind, database, noDatabase(kind, arn)
		}
		return at, kind, database, noSnapshot(kind, arn)
	}
	return at, kind, database, nil
}

// Retag adds and removes tags of the resource that an ARN names.
func (s *Service) Retag(ctx context.Context, c kms.Caller, arn string, add Tags, remove []string) error {
	at, kind, database, err := s.tagged(c, arn)
	if err == nil {
		err = checkTags(add)
	}
	if err != nil {
		return err
	}
	edited := func(old Tags) (Tags, error) {
		tags := maps.Clone(old)
		if tags == nil {
			tags = Tags{}
		}
		maps.Copy(tags, add)
		for _, key := range remove {
			delete(tags, key)
		}
		return tags, checkTags(tags)
	}
	if database {
		d, release, err := s.locked(ctx, c, kind, at.name)
		if err != nil {
			return err
		}
		defer release()
		tags, err := edited(d.Tags)
		if err == nil {
			_, err = edit(ctx, s, d, func(d *Database) { d.Tags = tags })
		}
		return err
	}
	snap, release, err := s.lockedSnapshot(ctx, c, kind, at.name)
	if err != nil {
		return err
	}
	defer release()
	tags, err := edited(snap.Tags)
	if err == nil {
		_, err = edit(ctx, s, snap, func(snap *Snapshot) { snap.Tags = tags })
	}
	return err
}
