package rdsapi

import (
	"context"

	"coffer.example/internal/rds"
)

func databaseOperations() map[string]operation {
	cluster, instance := on("cluster", "DBClusterIdentifier"), on("db", "DBInstanceIdentifier")
	return map[string]operation{
		"CreateDBCluster":     {run: create(rds.Cluster), on: cluster},
		"CreateDBInstance":    {run: create(rds.Instance), on: both(instance, on("cluster", "DBClusterIdentifier"))},
		"DescribeDBClusters":  {run: describe(rds.Cluster), on: cluster, readOnly: true},
		"DescribeDBInstances": {run: describe(rds.Instance), on: instance, readOnly: true},
		"ModifyDBCluster":     {run: modify(rds.Cluster), on: cluster},
		"ModifyDBInstance":    {run: modify(rds.Instance), on: instance},
		"DeleteDBCluster":     {run: remove(rds.Cluster), on: cluster},
		"DeleteDBInstance":    {run: remove(rds.Instance), on: instance},
		"StartDBCluster":      {run: start(rds.Cluster), on: cluster},
		"StartDBInstance":     {run: start(rds.Instance), on: instance},
		"StopDBCluster":       {run: stop(rds.Cluster), on: cluster},
		"StopDBInstance":      {run: stop(rds.Instance), on: instance},
		"RebootDBCluster":     {run: reboot(rds.Cluster), on: cluster},
		"RebootDBInstance":    {run: reboot(rds.Instance), on: instance},
	}
}

// identifier is the parameter that names a database of a kind.
func identifier(of rds.Kind) string {
	if of == rds.Cluster {
		return "DBClusterIdentifier"
	}
	return "DBInstanceIdentifier"
}

// spec reads what a request says of a new database. Passwords are not kept: no engine runs here that would ask for one.
func (c *call) spec(of rds.Kind) rds.Spec {
	spec := rds.Spec{
		Profile: c.profile(of), GiB: c.count("AllocatedStorage"), Encrypted: c.Bool("StorageEncrypted"), KeyID: c.String("KmsKeyId"), Tags: c.tags(),
	}
	c.Accept("MasterUserPassword", "PreSignedUrl", "ProcessorFeatures", "UseDefaultProcessorFeatures", "CopyOptionGroup")
	if c.Flag("ManageMasterUserPassword") {
		c.Invalid("ManageMasterUserPassword", "Secrets Manager is not served here.")
	}
	if c.count("BackupRetentionPeriod") == 0 && !c.Has("BackupRetentionPeriod") {
		spec.BackupDays = 1
	}
	return spec
}

func (c *call) profile(of rds.Kind) rds.Profile {
	return rds.Profile{
		Engine: c.String("Engine"), EngineVersion: c.String("EngineVersion"), BackupDays: c.count("BackupRetentionPeriod"),
		BackupWindow: c.String("PreferredBackupWindow"), DeletionProtection: c.Flag("DeletionProtection"), CopyTags: c.Flag("CopyTagsToSnapshot"),
		Settings: c.settings(of), SecurityGroups: c.list("VpcSecurityGroupIds", "VpcSecurityGroupId"),
		Zones: c.list("AvailabilityZones", "AvailabilityZone"), LogExports: c.Strings("EnableCloudwatchLogsExports.member"),
	}
}

func create(of rds.Kind) func(context.Context, *call) (any, error) {
	return func(ctx context.Context, c *call) (any, error) {
		name, spec := c.Required(identifier(of)), c.spec(of)
		c.Required("Engine")
		if of == rds.Instance {
			c.Required("DBInstanceClass")
			spec.ClusterName = c.String("DBClusterIdentifier")
		} else if global := c.String("GlobalClusterIdentifier"); global != "" {
			c.Fail(noGlobalCluster(global))
		}
		if err := c.Done(); err != nil {
			return nil, err
		}
		d, err := c.api.rds.CreateDatabase(ctx, c.caller, of, name, spec)
		return c.database(ctx, d, err)
	}
}

func describe(of rds.Kind) func(context.Context, *call) (any, error) {
	return func(ctx context.Context, c *call) (any, error) {
		c.Accept("IncludeShared")
		q, err := c.paged(identifier(of))
		if err != nil {
			return nil, err
		}
		page, err := c.api.rds.Databases(ctx, c.caller, of, q)
		if err != nil {
			return nil, err
		}
		shown := make([]elements, len(page.Items))
		for i, d := range page.Items {
			if shown[i], err = c.databaseElements(ctx, d); err != nil {
				return nil, err
			}
		}
		var out elements
		structures(&out, databaseElement(of)+"s", databaseElement(of), shown, func(one elements) elements { return one })
		return c.answer(out, q, page.Next)
	}
}

// change reads what a request changes.
func (c *call) change(of rds.Kind) rds.Change {
	change := rds.Change{
		NewName: c.String("New" + identifier(of)), EngineVersion: c.String("EngineVersion"), GiB: c.count("AllocatedStorage"),
		BackupWindow: c.String("PreferredBackupWindow"), DeletionProtection: c.Bool("DeletionProtection"), CopyTags: c.Bool("CopyTagsToSnapshot"),
		Settings: c.settings(of), SecurityGroups: c.list("VpcSecurityGroupIds", "VpcSecurityGroupId"),
		EnableLogs:  c.Strings("CloudwatchLogsExportConfiguration.EnableLogTypes.member"),
		DisableLogs: c.Strings("CloudwatchLogsExportConfiguration.DisableLogTypes.member"),
	}
	if c.Has("BackupRetentionPeriod") {
		days := c.count("BackupRetentionPeriod")
		change.BackupDays = &days
	}
	// Everything is applied at once, and there is no engine that a version or certificate would have to fit.
	c.Accept("MasterUserPassword", "ApplyImmediately", "AllowMajorVersionUpgrade", "CertificateRotationRestart", "DBInstanceParameterGroupName")
	if c.Flag("ManageMasterUserPassword") {
		c.Invalid("ManageMasterUserPassword", "Secrets Manager is not served here.")
	}
	return change
}

func modify(of rds.Kind) func(context.Context, *call) (any, error) {
	return func(ctx context.Context, c *call) (any, error) {
		name, change := c.Required(identifier(of)), c.change(of)
		if err := c.Done(); err != nil {
			return nil, err
		}
		d, err := c.api.rds.ModifyDatabase(ctx, c.caller, of, name, change)
		return c.database(ctx, d, err)
	}
}

func remove(of rds.Kind) func(context.Context, *call) (any, error) {
	return func(ctx context.Context, c *call) (any, error) {
		name := c.Required(identifier(of))
		how := rds.Deletion{SkipFinal: c.Flag("SkipFinalSnapshot"), FinalName: c.String("FinalDBSnapshotIdentifier")}
		if drop := c.Bool("DeleteAutomatedBackups"); drop != nil && !*drop {
			how.KeepBackup = true
		}
		if err := c.Done(); err != nil {
			return nil, err
		}
		d, err := c.api.rds.DeleteDatabase(ctx, c.caller, of, name, how)
		return c.database(ctx, d, err)
	}
}

func start(of rds.Kind) func(context.Context, *call) (any, error) {
	return func(ctx context.Context, c *call) (any, error) {
		name := c.Required(identifier(of))
		if err := c.Done(); err != nil {
			return nil, err
		}
		d, err := c.api.rds.Start(ctx, c.caller, of, name)
		return c.database(ctx, d, err)
	}
}

func stop(of rds.Kind) func(context.Context, *call) (any, error) {
	return func(ctx context.Context, c *call) (any, error) {
		name, snapshot := c.Required(identifier(of)), ""
		if of == rds.Instance {
			snapshot = c.String("DBSnapshotIdentifier")
		}
		if err := c.Done(); err != nil {
			return nil, err
		}
		d, err := c.api.rds.Stop(ctx, c.caller, of, name, snapshot)
		return c.database(ctx, d, err)
	}
}

func reboot(of rds.Kind) func(context.Context, *call) (any, error) {
	return func(ctx context.Context, c *call) (any, error) {
		name := c.Required(identifier(of))
		c.Accept("ForceFailover")
		if err := c.Done(); err != nil {
			return nil, err
		}
		d, err := c.api.rds.Reboot(ctx, c.caller, of, name)
		return c.database(ctx, d, err)
	}
}
