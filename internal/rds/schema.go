package rds

import "strings"

// The key schema of this package in the metadata store.
//
//	rds/database/<region>/<owner>/<kind>/<name>
//	rds/snapshot/<region>/<owner>/<kind>/<name>
//	rds/shared/<region>/<kind>/<account or all>/<owner>/<name>   a snapshot that is shared
const (
	databasePrefix = "rds/database/"
	snapshotPrefix = "rds/snapshot/"
	everyone       = "all"
)

func databasesOf(region, owner string, kind Kind) string {
	return databasePrefix + region + "/" + owner + "/" + string(kind) + "/"
}

func databaseKey(region, owner string, kind Kind, name string) string {
	return databasesOf(region, owner, kind) + name
}

func snapshotsOf(region, owner string, kind Kind) string {
	return snapshotPrefix + region + "/" + owner + "/" + string(kind) + "/"
}

func snapshotKey(region, owner string, kind Kind, name string) string {
	return snapshotsOf(region, owner, kind) + name
}

func sharedWith(region string, kind Kind, account string) string {
	return "rds/shared/" + region + "/" + string(kind) + "/" + account + "/"
}

func sharedKey(s Snapshot, account string) string {
	return sharedWith(s.Region, s.Kind, account) + s.Owner + "/" + s.Name
}

// DatabaseARN is the ARN of a database of that name.
func DatabaseARN(region, owner string, kind Kind, name string) string {
	return "arn:aws:rds:" + region + ":" + owner + ":" + string(kind) + ":" + name
}

// SnapshotARN is the ARN of a snapshot of that name.
func SnapshotARN(region, owner string, kind Kind, name string) string {
	return "arn:aws:rds:" + region + ":" + owner + ":" + snapshotType(kind) + ":" + name
}

// snapshotType is the resource type of snapshots of a kind of database.
func snapshotType(kind Kind) string {
	if kind == Cluster {
		return "cluster-snapshot"
	}
	return "snapshot"
}

// place is what an ARN of this service says.
type place struct{ region, account, resource, name string }

// parseARN reads an ARN of this service. Names may have colons: those of automated backups begin "rds:".
func parseARN(arn string) (place, bool) {
	parts := strings.SplitN(arn, ":", 7)
	if len(parts) != 7 || parts[0] != "arn" || parts[1] != "aws" || parts[2] != "rds" || parts[3] == "" || parts[4] == "" || parts[6] == "" || strings.Contains(arn, "/") {
		return place{}, false
	}
	return place{parts[3], parts[4], parts[5], strings.ToLower(parts[6])}, true
}
