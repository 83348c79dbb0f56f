package rds

import (
	"context"
	"errors"

	"coffer.example/blockstore"
	"coffer.example/internal/meta"
	"coffer.example/internal/meta/records"
	"coffer.example/kms"
)

// Spec is what a request says of a new database.
type Spec struct {
	Profile
	ClusterName string // of an instance that uses a cluster's storage
	GiB         int    // 0: the default, or the source's
	Encrypted   *bool  // nil: not said
	KeyID       string
	Tags        Tags
}

// CreateDatabase makes a cluster or an instance. It answers with the state creating; the
// database is available before the next call sees it.
func (s *Service) CreateDatabase(ctx context.Context, c kms.Caller, kind Kind, name string, spec Spec) (Database, error) {
	name, err := checkName(identifierOf(kind), name, maxName)
	if err != nil {
		return Database{}, err
	}
	if err := spec.complete(kind); err != nil {
		return Database{}, err
	}
	if spec.ClusterName != "" {
		return s.createMember(ctx, c, name, spec)
	}
	if spec.KeyID != "" && (spec.Encrypted == nil || !*spec.Encrypted) {
		return Database{}, refuse(ParameterCombination, kind, "KmsKeyId can be specified only with StorageEncrypted.")
	}
	var under key
	if spec.Encrypted != nil && *spec.Encrypted {
		if under, err = s.resolveKey(ctx, c, spec.KeyID); err != nil {
			return Database{}, err
		}
	}
	d, err := s.newDatabase(c, kind, name, spec, under)
	if err != nil {
		return Database{}, err
	}
	return s.begin(ctx, c, d, nil)
}

func identifierOf(kind Kind) string {
	if kind == Cluster {
		return "DBClusterIdentifier"
	}
	return "DBInstanceIdentifier"
}

func (s *Service) newDatabase(c kms.Caller, kind Kind, name string, spec Spec, under key) (Database, error) {
	d := Database{
		Kind: kind, Name: name, Owner: c.Account, Region: c.Region, ClusterName: spec.ClusterName, Profile: spec.Profile,
		Created: s.now(), State: Creating, Tags: spec.Tags,
	}
	var err error
	if d.ResourceID, err = s.newResourceID(kind); err != nil || d.ClusterName != "" {
		return d, err
	}
	d.Storage = Storage{GiB: spec.GiB, KeyARN: under.arn, ManagedKey: under.managed}
	d.VolumeID, err = s.newEngineID("vol-")
	return d, err
}

// begin records a new database and makes its storage: of a snapshot, or empty.
func (s *Service) begin(ctx context.Context, c kms.Caller, d Database, from *Snapshot) (Database, error) {
	release, err := s.locks.Acquire(ctx, d.key())
	if err != nil {
		return Database{}, err
	}
	defer release()
	if err := s.checkFree(ctx, d); err != nil {
		return Database{}, err
	}
	if d.LastBackup.IsZero() {
		d.LastBackup = d.Created // the first backup is due in the first window
	}
	if from != nil && from.KeyARN != "" && from.KeyARN != d.KeyARN {
		d.Loans = []Loan{{KeyARN: from.KeyARN}}
	}
	if err := newChange().keep(d, 0).Commit(ctx, s.store); err != nil {
		return Database{}, raced(err)
	}
	answer := d
	ctx = settled(ctx)
	if err := s.makeStorage(ctx, c, &d, from); err != nil {
		return Database{}, errors.Join(err, s.undoCreate(ctx, d))
	}
	_, err = edit(ctx, s, d, func(now *Database) {
		now.State, now.GrantID, now.KeyCheck, now.Loans = Available, d.GrantID, d.KeyCheck, nil
	})
	return answer, err
}

// checkFree refuses a name that is taken, and more databases than the quota.
func (s *Service) checkFree(ctx context.Context, d Database) error {
	_, err := records.Get[Database](ctx, s.store, d.key())
	if err == nil {
		return refuse(DatabaseExists, d.Kind, "DB %s already exists", noun(d.Kind))
	}
	if !errors.Is(err, meta.ErrNotFound) {
		return err
	}
	have, err := all[Database](ctx, s.store, databasesOf(d.Region, d.Owner, d.Kind))
	if err != nil {
		return err
	}
	if limit := map[Kind]int{Cluster: maxClusters, Instance: maxInstances}[d.Kind]; len(have) >= limit {
		return refuse(DatabaseQuota, d.Kind, "You have reached the maximum of %d DB %ss.", limit, noun(d.Kind))
	}
	return nil
}

func noun(kind Kind) string {
	if kind == Cluster {
		return "cluster"
	}
	return "instance"
}

// makeStorage makes the grants as the caller and everything else as the database's role. What it
// has made when it fails is in d, for undoCreate.
func (s *Service) makeStorage(ctx context.Context, c kms.Caller, d *Database, from *Snapshot) error {
	if d.Encrypted() {
		if err := s.takeKey(ctx, c, d); err != nil {
			return notAccessible("Specified", d.KeyARN, err)
		}
	}
	for i, loan := range d.Loans {
		id, err := s.lend(ctx, c, loan.KeyARN, d.ResourceID, from.DatabaseID, "source", sourceUses())
		if err != nil {
			return notAccessible("The source snapshot", loan.KeyARN, err)
		}
		d.Loans[i].GrantID = id
	}
	spec := blockstore.VolumeSpec{
		ID: d.VolumeID, Size: int64(d.GiB) << 30, Key: d.KeyARN, Context: volumeContext(d.ResourceID, d.VolumeID),
		Keys: s.keyring(d.role(), d.KeyARN),
	}
	var err error
	which, name := "Specified", d.KeyARN
	if from == nil {
		_, err = s.engine.CreateVolume(ctx, spec)
	} else {
		if _, err = s.engine.CloneSnapshot(ctx, from.EngineID, spec); from.KeyARN != "" {
			which, name = "The source snapshot", from.KeyARN
		}
	}
	if err != nil {
		return notAccessible(which, name, err)
	}
	for _, loan := range d.Loans {
		if err := s.giveBack(ctx, d.Owner, d.ResourceID, loan); err != nil {
			return err
		}
	}
	return notAccessible("Specified", d.KeyARN, s.openStorage(ctx, *d))
}

// takeKey makes the database's grant as the caller, and the key check through it.
func (s *Service) takeKey(ctx context.Context, c kms.Caller, d *Database) (err error) {
	if d.GrantID, err = s.lend(ctx, c, d.KeyARN, d.ResourceID, d.ResourceID, "storage", ownUses()); err != nil {
		return err
	}
	d.KeyCheck, err = s.newKeyCheck(ctx, *d)
	return err
}

// raced explains a conflict with a request that came first.
func raced(err error) error {
	if errors.Is(err, meta.ErrConflict) {
		return &Error{Reason: Busy, Message: "Another request for the same resource is in progress; try again.", Cause: err}
	}
	return err
}
