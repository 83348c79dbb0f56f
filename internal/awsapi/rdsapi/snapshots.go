package rdsapi

import (
	"context"

	"coffer.example/internal/rds"
)

func snapshotOperations() map[string]operation {
	clusterSnapshot, snapshot := on("cluster-snapshot", "DBClusterSnapshotIdentifier"), on("snapshot", "DBSnapshotIdentifier")
	return map[string]operation{
		"CreateDBClusterSnapshot":    {run: createSnapshot(rds.Cluster), on: both(clusterSnapshot, on("cluster", "DBClusterIdentifier"))},
		"CreateDBSnapshot":           {run: createSnapshot(rds.Instance), on: both(snapshot, on("db", "DBInstanceIdentifier"))},
		"CopyDBClusterSnapshot":      {run: copySnapshot(rds.Cluster), on: on("cluster-snapshot", "SourceDBClusterSnapshotIdentifier", "TargetDBClusterSnapshotIdentifier")},
		"CopyDBSnapshot":             {run: copySnapshot(rds.Instance), on: on("snapshot", "SourceDBSnapshotIdentifier", "TargetDBSnapshotIdentifier")},
		"DescribeDBClusterSnapshots": {run: describeSnapshots(rds.Cluster), on: clusterSnapshot, readOnly: true},
		"DescribeDBSnapshots":        {run: describeSnapshots(rds.Instance), on: snapshot, readOnly: true},
		"DeleteDBClusterSnapshot":    {run: deleteSnapshot(rds.Cluster), on: clusterSnapshot},
		"DeleteDBSnapshot":           {run: deleteSnapshot(rds.Instance), on: snapshot},
	}
}

// snapshotIdentifier is the parameter that names a snapshot.
func snapshotIdentifier(of rds.Kind) string { return snapshotElement(of) + "Identifier" }

func snapshotElement(of rds.Kind) string {
	if of == rds.Cluster {
		return "DBClusterSnapshot"
	}
	return "DBSnapshot"
}

func createSnapshot(of rds.Kind) func(context.Context, *call) (any, error) {
	return func(ctx context.Context, c *call) (any, error) {
		name, database, tags := c.Required(snapshotIdentifier(of)), c.Required(identifier(of)), c.tags()
		if err := c.Done(); err != nil {
			return nil, err
		}
		snap, err := c.api.rds.CreateSnapshot(ctx, c.caller, of, database, name, tags)
		return oneSnapshot(snap, err)
	}
}

func copySnapshot(of rds.Kind) func(context.Context, *call) (any, error) {
	return func(ctx context.Context, c *call) (any, error) {
		r := rds.CopyRequest{
			Kind: of, Source: c.Required("Source" + snapshotIdentifier(of)), Target: c.Required("Target" + snapshotIdentifier(of)),
			KeyID: c.String("KmsKeyId"), CopyTags: c.Flag("CopyTags"), Tags: c.tags(),
		}
		// SDKs sign a request to the source Region and send it along; nobody has to be asked here.
		c.Accept("PreSignedUrl", "SourceRegion")
		if of == rds.Instance {
			c.Accept("OptionGroupName", "CopyOptionGroup") // there is one option group per engine
		}
		if err := c.Done(); err != nil {
			return nil, err
		}
		snap, err := c.api.rds.CopySnapshot(ctx, c.caller, r)
		return oneSnapshot(snap, err)
	}
}

func describeSnapshots(of rds.Kind) func(context.Context, *call) (any, error) {
	return func(ctx context.Context, c *call) (any, error) {
		q := rds.SnapshotQuery{
			Database: c.String(identifier(of)), Type: c.String("SnapshotType"), Shared: c.Flag("IncludeShared"), Public: c.Flag("IncludePublic"),
		}
		if q.DatabaseID = c.String("DbiResourceId"); of == rds.Cluster {
			q.DatabaseID = c.String("DbClusterResourceId")
		}
		selects := []any{q.Database, q.Type, q.Shared, q.Public, q.DatabaseID}
		var err error
		if q.Query, err = c.paged(snapshotIdentifier(of), selects...); err != nil {
			return nil, err
		}
		page, err := c.api.rds.Snapshots(ctx, c.caller, of, q)
		if err != nil {
			return nil, err
		}
		var out elements
		structures(&out, snapshotElement(of)+"s", snapshotElement(of), page.Items, func(snap rds.Snapshot) elements {
			return snapshotElements(snap, snap.Owner == c.caller.Account)
		})
		return c.answer(out, q.Query, page.Next, selects...)
	}
}

func deleteSnapshot(of rds.Kind) func(context.Context, *call) (any, error) {
	return func(ctx context.Context, c *call) (any, error) {
		name := c.Required(snapshotIdentifier(of))
		if err := c.Done(); err != nil {
			return nil, err
		}
		snap, err := c.api.rds.DeleteSnapshot(ctx, c.caller, of, name)
		return oneSnapshot(snap, err)
	}
}

func oneSnapshot(snap rds.Snapshot, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return within(snapshotElement(snap.Kind), snapshotElements(snap, true)), nil
}

// snapshotElements is a snapshot as the API shows it. What is shared is named by its ARN, without its owner's tags.
func snapshotElements(snap rds.Snapshot, own bool) elements {
	settings := withDefaults(rds.Database{Kind: snap.Kind, Region: snap.Region, Profile: snap.Profile})
	name, tags := snap.Name, snap.Tags
	if !own {
		name, tags = snap.ARN(), nil
	}
	out := elements{}
	out.text(snapshotIdentifier(snap.Kind), name)
	out.text(snapshotElement(snap.Kind)+"Arn", snap.ARN())
	out.text(identifier(snap.Kind), snap.Database)
	out.text("Engine", snap.Engine)
	out.text("EngineVersion", snap.EngineVersion)
	out.text("Status", string(snap.State))
	out.text("SnapshotType", snap.Type)
	out.number("AllocatedStorage", snap.GiB)
	out.number("PercentProgress", snap.Percent())
	out.time("SnapshotCreateTime", snap.Created)
	out.number("Port", port(settings))
	out.text("MasterUsername", settings["MasterUsername"])
	out.text("LicenseModel", licenseOf(snap.Engine))
	out.text("StorageType", settings["StorageType"])
	out.text("IAMDatabaseAuthenticationEnabled", settings["IAMDatabaseAuthenticationEnabled"])
	if snap.Kind == rds.Cluster {
		encryption(&out, "StorageEncrypted", snap.KeyARN)
		out.time("ClusterCreateTime", snap.DatabaseCreated)
		out.text("DbClusterResourceId", snap.DatabaseID)
		out.text("SourceDBClusterSnapshotArn", snap.SourceARN)
		out.texts("AvailabilityZones", "AvailabilityZone", snap.Zones)
		out.text("EngineMode", settings["EngineMode"])
	} else {
		encryption(&out, "Encrypted", snap.KeyARN)
		out.time("InstanceCreateTime", snap.DatabaseCreated)
		out.time("OriginalSnapshotCreateTime", snap.Taken)
		out.text("DbiResourceId", snap.DatabaseID)
		out.text("SourceDBSnapshotIdentifier", snap.SourceARN)
		out.text("AvailabilityZone", settings["AvailabilityZone"])
		out.text("OptionGroupName", settings["@OptionGroup"])
		out.text("SnapshotTarget", "region")
	}
	out.tags(tags)
	return out
}
