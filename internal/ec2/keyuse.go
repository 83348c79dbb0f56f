package ec2

import (
	"coffer.example/internal/meta/records"
	"context"
	"strings"
)

// KeyUses calls emit with everything in the catalogue that depends on a KMS key, of all
// accounts: what it is, whose, its id and its state. It asks no
// policy: it is for the operator. Copies may come from another Region.
func (s *Service) KeyUses(ctx context.Context, keyARN string, emit func(kind, account, id, state string) error) error {
	parts := strings.SplitN(keyARN, ":", 5)
	if len(parts) != 5 {
		return nil
	}
	region := parts[3] + "/"
	err := records.Scan(ctx, s.store, kindPrefix(kindVolume())+region, "", func(_ string, v Volume, _ uint64) error {
		if v.KeyARN != keyARN {
			return nil
		}
		return emit("volume", v.Owner, v.ID, string(v.State))
	})
	if err != nil {
		return err
	}
	under := map[string]bool{} // snapshots under the key, whose copies under way read it
	var pending []Snapshot
	err = records.Scan(ctx, s.store, kindPrefix(kindSnapshot()), "", func(_ string, one Snapshot, _ uint64) error {
		if one.State == SnapshotPending && one.SourceID != "" {
			pending = append(pending, one)
		}
		if one.KeyARN != keyARN || one.State == SnapshotDeleting {
			return nil
		}
		under[one.ID] = true
		return emit("snapshot", one.Owner, one.ID, string(one.State))
	})
	if err != nil {
		return err
	}
	for _, one := range pending {
		if one.KeyARN == keyARN || under[one.SourceID] {
			if err := emit("pending copy", one.Owner, one.ID, "of "+one.SourceID); err != nil {
				return err
			}
		}
	}
	return records.Scan(ctx, s.store, rootPrefix+"settings/"+region, "", func(key string, set settings, _ uint64) error {
		if set.DefaultKey != keyARN {
			return nil
		}
		return emit("default key", lastPart(key), "of new volumes", "")
	})
}
