package rds

import "time"

// Kind is a kind of database, as ARNs name it.
type Kind string

// The kinds.
const (
	Cluster  Kind = "cluster"
	Instance Kind = "db"
)

// Tags are a resource's tags.
type Tags map[string]string

// Database is the record of a cluster or an instance.
type Database struct {
	Kind                Kind
	Name, Owner, Region string
	ResourceID          string // cluster-… or db-…, for life; aws:rds:db-id
	ClusterName         string // of an instance of a cluster, whose storage it uses: it has none itself
	Profile
	Storage
	Created    time.Time
	State      State
	KeyLost    time.Time // since when its key refuses
	KeyMessage string    // what it said
	StoppedAt  time.Time // zero unless it is stopped
	LastBackup time.Time
	Tags       Tags
}

// Profile is what a database and its snapshots say of an engine that users run themselves.
type Profile struct {
	Engine, EngineVersion string
	BackupDays            int    // 0: no automated backups
	BackupWindow          string // hh:mm-hh:mm
	DeletionProtection    bool
	CopyTags              bool // to snapshots
	// Settings, SecurityGroups, Zones and LogExports are kept for clients; nothing here acts on them.
	Settings       map[string]string
	SecurityGroups []string
	Zones          []string
	LogExports     []string
}

// Storage is a database's volume and its key.
type Storage struct {
	VolumeID   string
	GiB        int
	Growing    bool   // to GiB, which the engine may not have done yet
	KeyARN     string // empty: unencrypted
	ManagedKey bool   // under an AWS managed key
	GrantID    string
	// KeyCheck is a wrapped data key of the database alone, by whose opening its key is checked.
	KeyCheck []byte
	Loans    []Loan // of a creation or restore under way
}

// State is a database's state.
type State string

// The states.
const (
	Creating        State = "creating"
	Available       State = "available"
	Modifying       State = "modifying"
	Rebooting       State = "rebooting"
	Starting        State = "starting"
	Stopping        State = "stopping"
	Stopped         State = "stopped"
	Deleting        State = "deleting"
	KeyLost         State = "inaccessible-encryption-credentials-recoverable"
	KeyLostForGood  State = "inaccessible-encryption-credentials"
	SnapshotCopying State = "copying" // of snapshots only
	SnapshotFailed  State = "failed"  // of snapshots only
)

// The types of snapshots.
const (
	manual    = "manual"
	automated = "automated"
)

// Snapshot is the record of a snapshot or automated backup.
type Snapshot struct {
	Kind                Kind // of the database
	Name, Owner, Region string
	Type                string // manual or automated
	EngineID            string // snap-…
	Database            string // the name then
	DatabaseID          string // its resource id, which is in the context of the snapshot's key
	DatabaseCreated     time.Time
	SourceARN           string // of a copy
	GiB                 int
	KeyARN              string
	ManagedKey          bool
	Profile
	Created     time.Time // when the copied or taken snapshot was
	Taken       time.Time // the state that it holds
	State       State
	Loans       []Loan // grants that a copy in progress holds
	Done, Total int64  // of a copy in progress
	Shares      []string
	Public      bool
	Tags        Tags
}

// Loan is a grant of a user on a key for one piece of work.
type Loan struct{ KeyARN, GrantID string }

// Encrypted says whether the storage is under a KMS key.
func (s Storage) Encrypted() bool { return s.KeyARN != "" }

// EncryptionType is what a resource under a key shows.
func EncryptionType(keyARN string) string {
	if keyARN == "" {
		return "none"
	}
	return "sse-kms"
}

// ARN returns the database's name for other accounts and for policies.
func (d Database) ARN() string { return DatabaseARN(d.Region, d.Owner, d.Kind, d.Name) }

// ARN returns the snapshot's name for other accounts and for policies.
func (s Snapshot) ARN() string { return SnapshotARN(s.Region, s.Owner, s.Kind, s.Name) }

// Automated says whether the service made it, and deletes it when its time is over.
func (s Snapshot) Automated() bool { return s.Type == automated }

// Percent is how much of a copy is done.
func (s Snapshot) Percent() int {
	if s.State == SnapshotCopying && s.Total > 0 {
		return int(s.Done * 100 / s.Total)
	}
	if s.State == Creating || s.State == SnapshotCopying {
		return 0
	}
	return 100
}

func (d Database) key() string { return databaseKey(d.Region, d.Owner, d.Kind, d.Name) }

func (s Snapshot) key() string { return snapshotKey(s.Region, s.Owner, s.Kind, s.Name) }
