package rds

import "context"

// KeyUses calls emit with every database, snapshot and automated backup under a KMS key, of all
// accounts and Regions: what it is, whose, its name and its state. It asks no policy: it is for the operator.
func (s *Service) KeyUses(ctx context.Context, keyARN string, emit func(kind, account, name, state string) error) error {
	err := scan(ctx, s.store, databasePrefix, "", func(d Database) error {
		if d.KeyARN != keyARN {
			return nil
		}
		return emit("DB "+noun(d.Kind), d.Owner, d.Name, string(d.State))
	})
	if err != nil {
		return err
	}
	return scan(ctx, s.store, snapshotPrefix, "", func(snap Snapshot) error {
		if snap.KeyARN != keyARN {
			return nil
		}
		what := "DB " + noun(snap.Kind) + " snapshot"
		if snap.Automated() {
			what = "DB " + noun(snap.Kind) + " backup"
		}
		return emit(what, snap.Owner, snap.Name, string(snap.State))
	})
}
