package rdsapi

import (
	"context"
	"strings"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/rds"
)

func restoreOperations() map[string]operation {
	return map[string]operation{
		"RestoreDBClusterFromSnapshot":    {run: restoreCluster, on: on("cluster", "DBClusterIdentifier")},
		"RestoreDBInstanceFromDBSnapshot": {run: restoreInstance, on: on("db", "DBInstanceIdentifier")},
		"RestoreDBClusterToPointInTime":   {run: restoreClusterPoint, on: on("cluster", "DBClusterIdentifier", "SourceDBClusterIdentifier")},
		"RestoreDBInstanceToPointInTime":  {run: restoreInstancePoint, on: on("db", "TargetDBInstanceIdentifier", "SourceDBInstanceIdentifier")},
	}
}

// restored is a spec whose retention period is the source's unless it is given.
func (c *call) restored(of rds.Kind) rds.Spec {
	spec := c.spec(of)
	if !c.Has("BackupRetentionPeriod") {
		spec.BackupDays = 0
	}
	return spec
}

// restoreCluster restores a cluster from a cluster's snapshot, or by ARN from an instance's.
func restoreCluster(ctx context.Context, c *call) (any, error) {
	name, source, spec := c.Required("DBClusterIdentifier"), c.Required("SnapshotIdentifier"), c.restored(rds.Cluster)
	c.Required("Engine")
	if err := c.Done(); err != nil {
		return nil, err
	}
	of := rds.Cluster
	if strings.HasPrefix(source, "arn:") && strings.Contains(source, ":snapshot:") {
		of = rds.Instance
	}
	d, err := c.api.rds.RestoreSnapshot(ctx, c.caller, rds.Cluster, name, of, source, spec)
	return c.database(ctx, d, err)
}

func restoreInstance(ctx context.Context, c *call) (any, error) {
	name, spec := c.Required("DBInstanceIdentifier"), c.restored(rds.Instance)
	of, source := rds.Instance, c.String("DBSnapshotIdentifier")
	if other := c.String("DBClusterSnapshotIdentifier"); source == "" {
		of, source = rds.Cluster, other
	} else if other != "" {
		c.Fail(awsapi.Errorf("InvalidParameterCombination", "DBSnapshotIdentifier and DBClusterSnapshotIdentifier cannot both be given."))
	}
	if source == "" {
		c.Required("DBSnapshotIdentifier")
	}
	if err := c.Done(); err != nil {
		return nil, err
	}
	d, err := c.api.rds.RestoreSnapshot(ctx, c.caller, rds.Instance, name, of, source, spec)
	return c.database(ctx, d, err)
}

func restoreClusterPoint(ctx context.Context, c *call) (any, error) {
	name, spec := c.Required("DBClusterIdentifier"), c.restored(rds.Cluster)
	from := rds.Point{
		Kind: rds.Cluster, Database: c.String("SourceDBClusterIdentifier"), ResourceID: c.String("SourceDbClusterResourceId"),
		At: c.Time("RestoreToTime"), Latest: c.Flag("UseLatestRestorableTime"),
	}
	switch c.String("RestoreType") { // a copy is never slower than a clone here: blocks are shared until they are re-encrypted
	case "", "full-copy", "copy-on-write":
	default:
		c.Invalid("RestoreType", "Expected full-copy or copy-on-write.")
	}
	return c.restorePoint(ctx, from, name, "SourceDBClusterIdentifier", spec)
}

func restoreInstancePoint(ctx context.Context, c *call) (any, error) {
	name, spec := c.Required("TargetDBInstanceIdentifier"), c.restored(rds.Instance)
	from := rds.Point{
		Kind: rds.Instance, Database: c.String("SourceDBInstanceIdentifier"), ResourceID: c.String("SourceDbiResourceId"),
		At: c.Time("RestoreTime"), Latest: c.Flag("UseLatestRestorableTime"),
	}
	if arn := c.String("SourceDBInstanceAutomatedBackupsArn"); from.Database == "" && from.ResourceID == "" {
		from.ResourceID = resourceOfBackup(arn)
	}
	return c.restorePoint(ctx, from, name, "SourceDBInstanceIdentifier", spec)
}

func (c *call) restorePoint(ctx context.Context, from rds.Point, name, source string, spec rds.Spec) (any, error) {
	if from.Database == "" && from.ResourceID == "" {
		c.Required(source)
	}
	if err := c.Done(); err != nil {
		return nil, err
	}
	d, err := c.api.rds.RestorePoint(ctx, c.caller, from, name, spec)
	return c.database(ctx, d, err)
}
