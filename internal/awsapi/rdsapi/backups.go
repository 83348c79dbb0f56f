package rdsapi

import (
	"context"
	"strings"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/rds"
)

func backupOperations() map[string]operation {
	return map[string]operation{
		"DescribeDBClusterAutomatedBackups":  {run: describeBackups(rds.Cluster), readOnly: true},
		"DescribeDBInstanceAutomatedBackups": {run: describeBackups(rds.Instance), readOnly: true},
		"DeleteDBClusterAutomatedBackup":     {run: deleteBackup(rds.Cluster)},
		"DeleteDBInstanceAutomatedBackup":    {run: deleteBackup(rds.Instance)},
	}
}

func backupElement(of rds.Kind) string { return databaseElement(of) + "AutomatedBackup" }

// resourceParam is the parameter that names a database by its resource id.
func resourceParam(of rds.Kind) string {
	if of == rds.Cluster {
		return "DbClusterResourceId"
	}
	return "DbiResourceId"
}

// backupARN names the automated backups of a database; resourceOfBackup finds the database again.
func backupARN(d rds.Database) string {
	return "arn:aws:rds:" + d.Region + ":" + d.Owner + ":" + backupType(d.Kind) + ":ab-" + strings.ToLower(d.ResourceID)
}

func backupType(of rds.Kind) string {
	if of == rds.Cluster {
		return "cluster-auto-backup"
	}
	return "auto-backup"
}

func resourceOfBackup(arn string) string {
	_, id, _ := strings.Cut(arn, ":ab-")
	kind, rest, _ := strings.Cut(id, "-")
	return kind + "-" + strings.ToUpper(rest)
}

func describeBackups(of rds.Kind) func(context.Context, *call) (any, error) {
	return func(ctx context.Context, c *call) (any, error) {
		id, arn, name := c.String(resourceParam(of)), "", c.String(identifier(of))
		if of == rds.Instance {
			arn = c.String("DBInstanceAutomatedBackupsArn")
		}
		q, err := c.paged(identifier(of), id, arn)
		if err != nil {
			return nil, err
		}
		list, err := c.api.rds.AutomatedBackups(ctx, c.caller, of)
		if err != nil {
			return nil, err
		}
		var found []rds.Backups
		for _, b := range list {
			d := b.Database
			ok, err := backupMatches(b, q.Filters)
			if err != nil {
				return nil, err
			}
			if ok && (id == "" || id == d.ResourceID) && (name == "" || lowered(name) == d.Name || name == d.ARN()) && (arn == "" || arn == backupARN(d)) {
				found = append(found, b)
			}
		}
		if len(found) == 0 && id+arn+name != "" {
			return nil, wireError(&rds.Error{Reason: rds.BackupNotFound, Kind: of, Message: "No automated backup of " + id + arn + name + " was found."})
		}
		items, next := cut(found, q, func(b rds.Backups) string { return b.Database.ResourceID })
		var out elements
		structures(&out, backupElement(of)+"s", backupElement(of), items, backup)
		return c.answer(out, q, next, id, arn)
	}
}

func backupMatches(b rds.Backups, filters []rds.Filter) (bool, error) {
	for _, f := range filters {
		var have string
		switch f.Name {
		case "status":
			have = backupStatus(b)
		case "db-instance-id", "db-cluster-id":
			have = b.Database.Name
		case "dbi-resource-id", "db-cluster-resource-id":
			have = b.Database.ResourceID
		default:
			return false, awsapi.Errorf("InvalidParameterValue", "Unrecognized filter name: %s", f.Name)
		}
		ok := false
		for _, want := range f.Values {
			ok = ok || strings.EqualFold(want, have)
		}
		if !ok {
			return false, nil
		}
	}
	return true, nil
}

func backupStatus(b rds.Backups) string {
	switch {
	case !b.Active:
		return "retained"
	case b.Earliest.IsZero():
		return "creating"
	}
	return "active"
}

func backup(b rds.Backups) elements {
	d := b.Database
	settings := withDefaults(d)
	out := elements{}
	out.text(identifier(d.Kind), d.Name)
	out.text(databaseElement(d.Kind)+"Arn", d.ARN())
	out.text(resourceParam(d.Kind), d.ResourceID)
	out.text(backupElement(d.Kind)+"sArn", backupARN(d))
	out.text("Region", d.Region)
	out.text("Status", backupStatus(b))
	out.text("Engine", d.Engine)
	out.text("EngineVersion", d.EngineVersion)
	out.number("AllocatedStorage", d.GiB)
	out.number("Port", port(settings))
	out.text("MasterUsername", settings["MasterUsername"])
	out.text("LicenseModel", licenseOf(d.Engine))
	out.text("StorageType", settings["StorageType"])
	out.number("BackupRetentionPeriod", d.BackupDays)
	out.text("PreferredBackupWindow", d.BackupWindow)
	window := elements{}
	window.time("EarliestTime", b.Earliest)
	window.time("LatestTime", b.Latest)
	out.structure("RestoreWindow", window)
	if d.Kind == rds.Cluster {
		encryption(&out, "StorageEncrypted", d.KeyARN)
		out.time("ClusterCreateTime", d.Created)
	} else {
		encryption(&out, "Encrypted", d.KeyARN)
		out.time("InstanceCreateTime", d.Created)
	}
	return out
}

func deleteBackup(of rds.Kind) func(context.Context, *call) (any, error) {
	return func(ctx context.Context, c *call) (any, error) {
		id := c.String(resourceParam(of))
		if of == rds.Instance && id == "" {
			id = resourceOfBackup(c.Required("DBInstanceAutomatedBackupsArn"))
		}
		if id == "" {
			c.Required(resourceParam(of))
		}
		if err := c.Done(); err != nil {
			return nil, err
		}
		b, err := c.api.rds.DeleteAutomatedBackups(ctx, c.caller, of, id)
		if err != nil {
			return nil, err
		}
		return within(backupElement(of), backup(b)), nil
	}
}
