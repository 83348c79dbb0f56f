// Package rds is the catalogue of RDS and Aurora databases: clusters, instances and their
// snapshots and automated backups, per account and Region. No database engine runs. A
// database is its storage, one encrypted volume of an Engine, which is open and served while
// the database is available, so that a user's own PostgreSQL or MySQL can run on it.
// It knows no HTTP; awsapi/rdsapi speaks AWS's API over it.
//
// # Invariants
//
//   - The catalogue is written first and last: creating, then grant and volume, then available;
//     deleting, then the volume and the grant go, then the record. Open finishes or undoes what
//     lies between (recover.go). Objects of the engine bear ids that their records name.
//   - A resource is changed under its lock, and committed only on the revision it was read at.
//   - RDS acts for the user who creates or changes a database: as that user it asks DescribeKey
//     and makes one grant, whose grantee is arn:aws:sts::ACCOUNT:assumed-role/aws:rds-infrastructure/ID
//     under the constraint that the context holds aws:rds:db-id = ID, the database's resource id.
//     Every other use of the key is made as that role. The user needs no other permission on the key.
//   - Every use has aws:rds:db-id in its context; what concerns the volume has aws:ebs:id as well.
//   - A copy or restore under another key borrows the source's key by a second grant of the
//     user who asks, which is retired when that key is needed no more.
//   - Refusals of keys are synchronous, and such a request changes nothing.
//
// # Losing a key
//
// A key is used when its database starts, restarts or is backed up, when the service starts, and by a
// check at every Tick, which opens a data key that is the database's alone. When it refuses, or
// the grant is gone, the database becomes inaccessible-encryption-credentials-recoverable: nobody is
// served any more and the volume is closed. Starting it within keyLossWindow checks again and brings it
// back. Afterwards it is inaccessible-encryption-credentials, for good: its snapshots and automated
// backups are what can be restored, once their key works.
//
// # Stopping
//
// The volume of a database that is stopped is closed. After MaxStopped a Tick starts it again.
//
// # Backups
//
// A database with a retention period is backed up after the start of its daily window, and keeps what is younger than
// the period. There is no log of changes between backups: a restore to a point in time is the newest
// backup taken until then, and the latest restorable time of a database that is available is now,
// since such a restore makes a backup first.
//
// # Records
//
// JSON in the metadata store, which seals values; schema.go has the keys, limits.go every limit.
// Passwords are not kept: there is nothing here that would ask for them.
package rds
