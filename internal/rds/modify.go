package rds

import (
	"context"
	"errors"
	"maps"
	"strings"

	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// Change is what ModifyDBCluster and ModifyDBInstance change; a nil or empty field stays.
type Change struct {
	NewName            string
	EngineVersion      string
	GiB                int
	BackupDays         *int
	BackupWindow       string
	DeletionProtection *bool
	CopyTags           *bool
	Settings           map[string]string
	SecurityGroups     []string
	EnableLogs         []string
	DisableLogs        []string
}

// ModifyDatabase changes a database at once. A volume that grows while it is open shows its new
// size after the next reboot.
func (s *Service) ModifyDatabase(ctx context.Context, c kms.Caller, kind Kind, name string, change Change) (Database, error) {
	var more []string
	if change.NewName != "" {
		more = []string{databaseKey(c.Region, c.Account, kind, strings.ToLower(change.NewName))}
	}
	d, release, err := s.locked(ctx, c, kind, name, more...)
	if err != nil {
		return d, err
	}
	defer release()
	if d.State != Available && d.State != Stopped {
		return d, badState(d)
	}
	next, err := change.apply(d)
	if err != nil {
		return d, err
	}
	ctx = settled(ctx)
	if next.GiB > d.GiB {
		if err := s.grow(ctx, c, d, next.GiB); err != nil {
			return d, err
		}
	}
	if next.Name != d.Name {
		return s.rename(ctx, d, next)
	}
	return edit(ctx, s, d, func(d *Database) { d.Profile = next.Profile })
}

// apply returns the database as it is to become.
func (change Change) apply(d Database) (Database, error) {
	member := d.ClusterName != ""
	if change.NewName != "" {
		name, err := checkName("New"+identifierOf(d.Kind), change.NewName, maxName)
		if err != nil {
			return d, err
		}
		d.Name = name
	}
	if change.GiB != 0 {
		switch {
		case member:
			return d, refuse(ParameterCombination, d.Kind, "The storage of a DB instance that is part of a DB cluster is the cluster's.")
		case change.GiB < d.GiB || change.GiB > maxGiB:
			return d, refuse(ParameterCombination, d.Kind, "Invalid storage size for engine name %s: %d. Storage grows only, up to %d.", d.Engine, change.GiB, maxGiB)
		}
		d.GiB = change.GiB
	}
	p := &d.Profile
	if change.EngineVersion != "" {
		p.EngineVersion = change.EngineVersion
	}
	if change.BackupDays != nil {
		p.BackupDays = *change.BackupDays
	}
	if change.BackupWindow != "" {
		p.BackupWindow = change.BackupWindow
	}
	if change.DeletionProtection != nil {
		p.DeletionProtection = *change.DeletionProtection
	}
	if change.CopyTags != nil {
		p.CopyTags = *change.CopyTags
	}
	if len(change.Settings) > 0 {
		p.Settings = maps.Clone(p.Settings)
		if p.Settings == nil {
			p.Settings = map[string]string{}
		}
		maps.Copy(p.Settings, change.Settings)
	}
	if change.SecurityGroups != nil {
		p.SecurityGroups = change.SecurityGroups
	}
	p.LogExports = merged(p.LogExports, change.EnableLogs, change.DisableLogs)
	return d, p.check(d.Kind, member)
}

// grow makes a database's volume larger. Whoever changes storage needs the permissions on
// its key that a creator needs.
func (s *Service) grow(ctx context.Context, c kms.Caller, d Database, gib int) error {
	if d.Encrypted() {
		if _, err := s.resolveKey(ctx, c, d.KeyARN); err != nil {
			return err
		}
		id, err := s.lend(ctx, c, d.KeyARN, d.ResourceID, d.ResourceID, "modify", ownUses())
		if err != nil {
			return notAccessible("Specified", d.KeyARN, err)
		}
		if err := s.giveBack(ctx, d.Owner, d.ResourceID, Loan{d.KeyARN, id}); err != nil {
			return err
		}
		if err := s.useKey(ctx, d, func(err error) error { return notAccessible("Specified", d.KeyARN, err) }); err != nil {
			return err
		}
	}
	before := d
	if _, err := edit(ctx, s, d, func(d *Database) { d.GiB, d.Growing = gib, true }); err != nil {
		return err
	}
	if err := s.finishGrow(ctx, d, gib); err != nil {
		_, back := edit(ctx, s, d, func(d *Database) { d.GiB, d.Growing = before.GiB, false })
		return errors.Join(notAccessible("Specified", d.KeyARN, err), back)
	}
	return nil
}

// finishGrow has the engine grow a volume, which may have happened already.
func (s *Service) finishGrow(ctx context.Context, d Database, gib int) error {
	if err := s.engine.GrowVolume(ctx, d.VolumeID, int64(gib)<<30, s.keyring(d.role(), d.KeyARN)); err != nil {
		return err
	}
	_, err := edit(ctx, s, d, func(d *Database) { d.Growing = false })
	return err
}

// rename gives a database another name, which is locked too, in one commit, and tells its instances.
func (s *Service) rename(ctx context.Context, d, next Database) (Database, error) {
	if _, err := records.Get[Database](ctx, s.store, next.key()); !errors.Is(err, meta.ErrNotFound) {
		if err == nil {
			err = refuse(DatabaseExists, d.Kind, "DB %s already exists", noun(d.Kind))
		}
		return d, err
	}
	now, err := records.Get[Database](ctx, s.store, d.key())
	if err != nil {
		return d, err
	}
	members, err := s.members(ctx, d)
	if err != nil {
		return d, err
	}
	renamed := now.Value
	renamed.Name, renamed.Profile = next.Name, next.Profile
	c := newChange().keep(renamed, 0)
	c.drop(d).At(d.key(), now.Revision)
	for _, member := range members {
		stored, err := records.Get[Database](ctx, s.store, member.key())
		if err != nil {
			return d, err
		}
		stored.Value.ClusterName = next.Name
		c.keep(stored.Value, stored.Revision)
	}
	return renamed, raced(c.Commit(ctx, s.store))
}
