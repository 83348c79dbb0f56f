package iam

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SetTags adds or replaces tags of a user or role.
func (d *Directory) SetTags(ctx context.Context, r Ref, tags map[string]string) error {
	return d.update(ctx, r, func(e *Entity, _ *change) (err error) {
		e.Tags, err = mergeTags(e.Tags, tags)
		return err
	})
}

// RemoveTags removes tags of a user or role.
func (d *Directory) RemoveTags(ctx context.Context, r Ref, names []string) error {
	return d.update(ctx, r, func(e *Entity, _ *change) error {
		for _, name := range names {
			delete(e.Tags, name)
		}
		return nil
	})
}

// SetPolicyTags adds or replaces tags of a managed policy.
func (d *Directory) SetPolicyTags(ctx context.Context, arn string, tags map[string]string) error {
	return d.updatePolicy(ctx, arn, func(p *ManagedPolicy) (keep bool, err error) {
		p.Tags, err = mergeTags(p.Tags, tags)
		return true, err
	})
}

// RemovePolicyTags removes tags of a managed policy.
func (d *Directory) RemovePolicyTags(ctx context.Context, arn string, names []string) error {
	return d.updatePolicy(ctx, arn, func(p *ManagedPolicy) (bool, error) {
		for _, name := range names {
			delete(p.Tags, name)
		}
		return true, nil
	})
}

func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return refuse(ErrLimit, "The number of tags has reached the maximum limit.")
	}
	for name, value := range tags {
		if name == "" || utf8.RuneCountInString(name) > maxTagName || utf8.RuneCountInString(value) > maxTagValue || !tagText(name) || !tagText(value) {
			return refuse(ErrInvalid, "tag %q", name)
		}
		if strings.HasPrefix(strings.ToLower(name), "aws:") {
			return refuse(ErrInvalid, "Tags beginning with aws: are reserved")
		}
	}
	return nil
}

// tagText checks [\p{L}\p{Z}\p{N}_.:/=+\-@]*.
func tagText(s string) bool {
	for _, r := range s {
		if !unicode.In(r, unicode.L, unicode.Z, unicode.N) && !strings.ContainsRune("_.:/=+-@", r) {
			return false
		}
	}
	return utf8.ValidString(s)
}

func mergeTags(old, add map[string]string) (map[string]string, error) {
	merged := map[string]string{}
	for _, tags := range []map[string]string{old, add} {
		for name, value := range tags {
			merged[name] = value
		}
	}
	return merged, checkTags(merged)
}
