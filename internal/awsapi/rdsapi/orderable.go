package rdsapi

import (
	"context"
	"strings"

	"coffer.example/internal/ec2"
	"coffer.example/internal/rds"
)

// instanceClasses are those that are listed; every class is accepted, since no machine stands behind one.
func instanceClasses() []string {
	return []string{
		"db.m6g.large", "db.m6g.xlarge", "db.m6i.large", "db.r6g.large", "db.r6g.xlarge", "db.r6i.large", "db.serverless",
		"db.t3.medium", "db.t3.micro", "db.t3.small", "db.t4g.medium", "db.t4g.micro", "db.t4g.small",
	}
}

// orderable is one line of what can be ordered.
type orderable struct{ version, class, storage string }

func describeOrderable(_ context.Context, c *call) (any, error) {
	engine, version, class, license := c.Required("Engine"), c.String("EngineVersion"), c.String("DBInstanceClass"), c.String("LicenseModel")
	c.Accept("Vpc", "AvailabilityZoneGroup")
	q, err := c.paged("Engine", version, class, license)
	if err != nil {
		return nil, err
	}
	if license != "" && license != licenseOf(engine) {
		return within("OrderableDBInstanceOptions", nil), nil
	}
	types := []string{"gp2", "gp3", "io1"}
	if rds.Aurora(engine) {
		types = []string{"aurora", "aurora-iopt1"}
	}
	var found []orderable
	for _, v := range rds.EngineVersions() {
		if v.Engine != engine || version != "" && version != v.Version {
			continue
		}
		for _, name := range instanceClasses() {
			for _, storage := range types {
				if (class == "" || class == name) && (name != "db.serverless" || rds.Aurora(engine)) {
					found = append(found, orderable{v.Version, name, storage})
				}
			}
		}
	}
	items, next := cut(found, q, func(o orderable) string { return o.version + "/" + o.class + "/" + o.storage })
	out := elements{}
	structures(&out, "OrderableDBInstanceOptions", "OrderableDBInstanceOption", items, func(o orderable) elements { return c.orderable(engine, o) })
	return c.answer(out, q, next, version, class, license)
}

func (c *call) orderable(engine string, o orderable) elements {
	out := elements{}
	out.text("Engine", engine)
	out.text("EngineVersion", o.version)
	out.text("DBInstanceClass", o.class)
	out.text("LicenseModel", licenseOf(engine))
	structures(&out, "AvailabilityZones", "AvailabilityZone", ec2.Zones(c.caller.Region), func(z ec2.Zone) elements {
		return elements{{name: "Name", text: z.Name}}
	})
	out.text("StorageType", o.storage)
	for _, able := range []string{
		"MultiAZCapable", "Vpc", "SupportsStorageEncryption", "SupportsEnhancedMonitoring", "SupportsIAMDatabaseAuthentication", "SupportsPerformanceInsights",
	} {
		out.flag(able, true)
	}
	for _, unable := range []string{
		"ReadReplicaCapable", "OutpostCapable", "SupportsStorageAutoscaling", "SupportsKerberosAuthentication", "SupportsGlobalDatabases",
	} {
		out.flag(unable, false)
	}
	out.flag("SupportsIops", strings.HasPrefix(o.storage, "io"))
	out.flag("SupportsClusters", rds.Aurora(engine))
	out.number("MinStorageSize", 1)
	out.number("MaxStorageSize", 16384)
	out.texts("SupportedEngineModes", "member", []string{"provisioned"})
	out.texts("SupportedNetworkTypes", "member", []string{"IPV4"})
	return out
}
