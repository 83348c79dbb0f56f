package rdsapi

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/rds"
)

const defaultCertificate = "rds-ca-rsa2048-g1"

// listOperations are the lists of what there is to choose from, and of what there never is here.
func listOperations() map[string]operation {
	out := map[string]operation{
		"DescribeDBEngineVersions":           {run: describeEngineVersions, readOnly: true},
		"DescribeOrderableDBInstanceOptions": {run: describeOrderable, readOnly: true},
		"DescribeGlobalClusters":             {run: describeGlobalClusters, readOnly: true},
		"DescribeAccountAttributes":          {run: describeAccountAttributes, readOnly: true},
	}
	for name, list := range map[string]string{
		"DescribePendingMaintenanceActions": "PendingMaintenanceActions", "DescribeEvents": "Events", "DescribeDBClusterEndpoints": "DBClusterEndpoints",
		"DescribeReservedDBInstances": "ReservedDBInstances", "DescribeEventSubscriptions": "EventSubscriptionsList", "DescribeDBProxies": "DBProxies",
		"DescribeExportTasks": "ExportTasks",
	} {
		out[name] = operation{run: nothing(list), readOnly: true}
	}
	return out
}

// nothing answers that a list is empty, whatever is asked of it.
func nothing(list string) func(context.Context, *call) (any, error) {
	return func(_ context.Context, c *call) (any, error) {
		for full := range c.All() {
			c.Value(full)
		}
		return within(list, nil), c.Done()
	}
}

func describeEngineVersions(_ context.Context, c *call) (any, error) {
	engine, version, family, defaultOnly := c.String("Engine"), c.String("EngineVersion"), c.String("DBParameterGroupFamily"), c.Flag("DefaultOnly")
	c.Accept("ListSupportedCharacterSets", "ListSupportedTimezones", "IncludeAll")
	q, err := c.paged("Engine", version, family, defaultOnly)
	if err != nil {
		return nil, err
	}
	var found []rds.EngineVersion
	for _, v := range rds.EngineVersions() {
		ok, err := versionMatches(v, q.Filters)
		if err != nil {
			return nil, err
		}
		if ok && (engine == "" || engine == v.Engine) && (version == "" || version == v.Version || version == v.Major()) &&
			(family == "" || family == v.Family) && (!defaultOnly || v.Default) {
			found = append(found, v)
		}
	}
	items, next := cut(found, q, func(v rds.EngineVersion) string { return v.Engine + "/" + v.Version })
	out := elements{}
	structures(&out, "DBEngineVersions", "DBEngineVersion", items, func(v rds.EngineVersion) elements {
		in := elements{}
		in.text("Engine", v.Engine)
		in.text("MajorEngineVersion", v.Major())
		in.text("EngineVersion", v.Version)
		in.text("DBParameterGroupFamily", v.Family)
		in.text("DBEngineDescription", v.Description)
		in.text("DBEngineVersionDescription", v.Description+" "+v.Version)
		in.text("Status", "available")
		in.texts("ValidUpgradeTarget", "UpgradeTarget", nil)
		in.texts("ExportableLogTypes", "member", nil)
		in.texts("SupportedEngineModes", "member", []string{"provisioned"})
		in.texts("SupportedFeatureNames", "member", nil)
		in.texts("SupportedCACertificateIdentifiers", "member", []string{defaultCertificate})
		for _, name := range []string{"SupportsLogExportsToCloudwatchLogs", "SupportsReadReplica", "SupportsParallelQuery", "SupportsGlobalDatabases", "SupportsBabelfish"} {
			in.flag(name, false)
		}
		return in
	})
	return c.answer(out, q, next, version, family, defaultOnly)
}

func versionMatches(v rds.EngineVersion, filters []rds.Filter) (bool, error) {
	for _, f := range filters {
		have, known := map[string]string{
			"engine": v.Engine, "engine-version": v.Version, "db-parameter-group-family": v.Family, "status": "available", "engine-mode": "provisioned",
		}[f.Name]
		if !known {
			return false, awsapi.Errorf("InvalidParameterValue", "Unrecognized filter name: %s", f.Name)
		}
		ok := false
		for _, want := range f.Values {
			ok = ok || want == have
		}
		if !ok {
			return false, nil
		}
	}
	return true, nil
}

func describeGlobalClusters(_ context.Context, c *call) (any, error) {
	q, err := c.paged("GlobalClusterIdentifier")
	if err != nil {
		return nil, err
	}
	if q.Name != "" {
		return nil, noGlobalCluster(q.Name)
	}
	return within("GlobalClusters", nil), nil
}

func noGlobalCluster(name string) error {
	return &awsapi.Error{Code: "GlobalClusterNotFoundFault", Status: 404, Message: "Global cluster " + name + " not found"}
}

func describeAccountAttributes(ctx context.Context, c *call) (any, error) {
	if err := c.Done(); err != nil {
		return nil, err
	}
	quotas, err := c.api.rds.Quotas(ctx, c.caller)
	out := elements{}
	structures(&out, "AccountQuotas", "AccountQuota", quotas, func(q rds.Quota) elements {
		in := elements{}
		in.text("AccountQuotaName", q.Name)
		in.number("Used", q.Used)
		in.number("Max", q.Max)
		return in
	})
	return out, err
}
