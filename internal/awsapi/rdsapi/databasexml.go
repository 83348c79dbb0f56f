package rdsapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"coffer.example/internal/ec2"
	"coffer.example/internal/rds"
)

func databaseElement(of rds.Kind) string {
	if of == rds.Cluster {
		return "DBCluster"
	}
	return "DBInstance"
}

// database is the answer of operations on one database.
func (c *call) database(ctx context.Context, d rds.Database, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	shown, err := c.databaseElements(ctx, d)
	return within(databaseElement(d.Kind), shown), err
}

func (c *call) databaseElements(ctx context.Context, d rds.Database) (elements, error) {
	if d.Kind == rds.Instance {
		return c.instance(d), nil
	}
	members, err := c.api.rds.Members(ctx, d)
	return c.cluster(d, members), err
}

// cluster is a cluster as the API shows it.
func (c *call) cluster(d rds.Database, members []rds.Database) elements {
	settings := withDefaults(d)
	out := elements{}
	out.text("DBClusterIdentifier", d.Name)
	out.text("DBClusterArn", d.ARN())
	out.text("DbClusterResourceId", d.ResourceID)
	out.text("Status", string(d.State))
	out.text("Engine", d.Engine)
	out.text("EngineVersion", d.EngineVersion)
	out.number("AllocatedStorage", d.GiB)
	encryption(&out, "StorageEncrypted", d.KeyARN)
	out.text("Endpoint", host(d, "cluster-"))
	out.text("ReaderEndpoint", host(d, "cluster-ro-"))
	out.text("HostedZoneId", "Z2R2ITUGPM61AM")
	out.text("Port", settings["@Port"])
	out.text("DBSubnetGroup", settings["@SubnetGroup"])
	out.flag("MultiAZ", len(members) > 1)
	zones := d.Zones
	if len(zones) == 0 {
		for _, zone := range ec2.Zones(d.Region) {
			zones = append(zones, zone.Name)
		}
	}
	out.texts("AvailabilityZones", "AvailabilityZone", zones)
	structures(&out, "DBClusterMembers", "DBClusterMember", members, func(m rds.Database) elements {
		in := elements{}
		in.text("DBInstanceIdentifier", m.Name)
		in.flag("IsClusterWriter", m.Name == members[0].Name)
		in.text("DBClusterParameterGroupStatus", "in-sync")
		in.text("PromotionTier", withDefaults(m)["PromotionTier"])
		return in
	})
	c.common(&out, d)
	out.time("ClusterCreateTime", d.Created)
	out.flag("CrossAccountClone", false)
	if settings["@MaxCapacity"] != "" {
		in := elements{}
		in.text("MinCapacity", settings["@MinCapacity"])
		in.text("MaxCapacity", settings["@MaxCapacity"])
		in.text("SecondsUntilAutoPause", settings["@AutoPause"])
		out.structure("ServerlessV2ScalingConfiguration", in)
	}
	out.texts("ReadReplicaIdentifiers", "ReadReplicaIdentifier", nil)
	out.structure("AssociatedRoles", nil)
	out.settings(d.Kind, settings)
	return out
}

// instance is an instance as the API shows it.
func (c *call) instance(d rds.Database) elements {
	settings := withDefaults(d)
	out := elements{}
	out.text("DBInstanceIdentifier", d.Name)
	out.text("DBInstanceArn", d.ARN())
	out.text("DbiResourceId", d.ResourceID)
	out.text("DBInstanceStatus", string(d.State))
	out.text("DBClusterIdentifier", d.ClusterName)
	out.text("Engine", d.Engine)
	out.text("EngineVersion", d.EngineVersion)
	out.number("AllocatedStorage", d.GiB)
	encryption(&out, "StorageEncrypted", d.KeyARN)
	if d.State != rds.Creating {
		endpoint := elements{}
		endpoint.text("Address", host(d, ""))
		endpoint.text("Port", settings["@Port"])
		endpoint.text("HostedZoneId", "Z2R2ITUGPM61AM")
		out.structure("Endpoint", endpoint)
	}
	out.number("DbInstancePort", 0)
	out.structure("DBSubnetGroup", c.subnetGroup())
	c.common(&out, d)
	out.time("InstanceCreateTime", d.Created)
	structures(&out, "DBParameterGroups", "DBParameterGroup", []string{settings["@ParameterGroup"]}, func(name string) elements {
		return elements{{name: "DBParameterGroupName", text: name}, {name: "ParameterApplyStatus", text: "in-sync"}}
	})
	structures(&out, "OptionGroupMemberships", "OptionGroupMembership", []string{settings["@OptionGroup"]}, func(name string) elements {
		return elements{{name: "OptionGroupName", text: name}, {name: "Status", text: "in-sync"}}
	})
	out.structure("DBSecurityGroups", nil)
	out.structure("PendingModifiedValues", nil)
	out.texts("ReadReplicaDBInstanceIdentifiers", "ReadReplicaDBInstanceIdentifier", nil)
	out.text("CACertificateIdentifier", settings["@CACertificate"])
	out.settings(d.Kind, settings)
	return out
}

// common adds what clusters and instances both show.
func (c *call) common(out *elements, d rds.Database) {
	out.number("BackupRetentionPeriod", d.BackupDays)
	out.text("PreferredBackupWindow", d.BackupWindow)
	out.flag("DeletionProtection", d.DeletionProtection)
	out.flag("CopyTagsToSnapshot", d.CopyTags)
	if d.BackupDays > 0 && d.State != rds.Creating {
		latest := d.LastBackup
		if d.State == rds.Available {
			latest = c.request.Time
		}
		out.time("LatestRestorableTime", latest)
	}
	if d.State == rds.Stopped && !d.StoppedAt.IsZero() {
		out.time("AutomaticRestartTime", d.StoppedAt.Add(rds.MaxStopped))
	}
	structures(out, "VpcSecurityGroups", "VpcSecurityGroupMembership", d.SecurityGroups, func(id string) elements {
		return elements{{name: "VpcSecurityGroupId", text: id}, {name: "Status", text: "active"}}
	})
	if len(d.LogExports) > 0 {
		out.texts("EnabledCloudwatchLogsExports", "member", d.LogExports)
	}
	out.tags(c.api.rds.DatabaseTags(d))
}

// encryption adds what a database or snapshot under a key shows.
func encryption(out *elements, flag, keyARN string) {
	out.flag(flag, keyARN != "")
	out.text("StorageEncryptionType", rds.EncryptionType(keyARN))
	out.text("KmsKeyId", keyARN)
}

// host is a name of a database as AWS would make one. Nothing answers there: where the
// storage is served is in the tags.
func host(d rds.Database, role string) string {
	sum := sha256.Sum256([]byte(d.Owner + d.Region))
	return d.Name + "." + role + hex.EncodeToString(sum[:6]) + "." + d.Region + ".rds.amazonaws.com"
}

// port is a database's port.
func port(settings map[string]string) int {
	n, err := strconv.Atoi(settings["@Port"])
	if err != nil {
		return 0
	}
	return n
}

func lowered(name string) string { return strings.ToLower(name) }
