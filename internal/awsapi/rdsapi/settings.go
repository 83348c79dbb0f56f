package rdsapi

import (
	"strconv"
	"strings"

	"coffer.example/internal/rds"
)

// kind is the type of a setting's value.
type kind int

const (
	text kind = iota
	number
	flag
	decimal
)

// setting is a parameter that is kept for clients and shown again: nothing here acts on it. The
// name of a setting that is not simply an element of the answer begins with "@".
type setting struct {
	param string
	name  string // empty: as param
	kind  kind
}

func (s setting) key() string {
	if s.name != "" {
		return s.name
	}
	return s.param
}

// sharedSettings are those of clusters and instances.
func sharedSettings() []setting {
	return []setting{
		{"AutoMinorVersionUpgrade", "", flag}, {"CACertificateIdentifier", "@CACertificate", text}, {"CharacterSetName", "", text},
		{"DatabaseInsightsMode", "", text}, {"EnableIAMDatabaseAuthentication", "IAMDatabaseAuthenticationEnabled", flag},
		{"EnablePerformanceInsights", "PerformanceInsightsEnabled", flag}, {"EngineLifecycleSupport", "", text}, {"Iops", "", number},
		{"MasterUsername", "", text}, {"MonitoringInterval", "", number}, {"MonitoringRoleArn", "", text}, {"NetworkType", "", text},
		{"PerformanceInsightsKMSKeyId", "", text}, {"PerformanceInsightsRetentionPeriod", "", number}, {"Port", "@Port", number},
		{"PreferredMaintenanceWindow", "", text}, {"PubliclyAccessible", "", flag}, {"StorageType", "", text},
		{"DBSubnetGroupName", "@SubnetGroup", text}, {"OptionGroupName", "@OptionGroup", text},
	}
}

func settingsOf(of rds.Kind) []setting {
	if of == rds.Cluster {
		return append(sharedSettings(),
			setting{"BacktrackWindow", "", number}, setting{"DatabaseName", "", text}, setting{"DBClusterInstanceClass", "", text},
			setting{"DBClusterParameterGroupName", "DBClusterParameterGroup", text}, setting{"EnableHttpEndpoint", "HttpEndpointEnabled", flag},
			setting{"EngineMode", "", text}, setting{"ServerlessV2ScalingConfiguration.MinCapacity", "@MinCapacity", decimal},
			setting{"ServerlessV2ScalingConfiguration.MaxCapacity", "@MaxCapacity", decimal},
			setting{"ServerlessV2ScalingConfiguration.SecondsUntilAutoPause", "@AutoPause", number},
		)
	}
	return append(sharedSettings(),
		setting{"AvailabilityZone", "", text}, setting{"BackupTarget", "", text}, setting{"DBInstanceClass", "", text}, setting{"DBName", "", text},
		setting{"DBParameterGroupName", "@ParameterGroup", text}, setting{"DBPortNumber", "@Port", number}, setting{"DedicatedLogVolume", "", flag},
		setting{"EnableCustomerOwnedIp", "CustomerOwnedIpEnabled", flag}, setting{"LicenseModel", "", text}, setting{"MaxAllocatedStorage", "", number},
		setting{"MultiAZ", "", flag}, setting{"PromotionTier", "", number}, setting{"StorageThroughput", "", number}, setting{"Timezone", "", text},
	)
}

// settings reads what is kept of a request.
func (c *call) settings(of rds.Kind) map[string]string {
	out := map[string]string{}
	for _, s := range settingsOf(of) {
		value, given := c.Value(s.param)
		if !given {
			continue
		}
		switch s.kind {
		case number:
			value = strconv.Itoa(c.count(s.param))
		case flag:
			value = strconv.FormatBool(c.Flag(s.param))
		case decimal:
			if f, err := strconv.ParseFloat(value, 64); err != nil || f < 0 || f > 1<<20 {
				c.Invalid(s.param, "Expected a number.")
			}
		}
		out[s.key()] = value
	}
	c.checkGroups(of, out)
	return out
}

// checkGroups refuses subnet and parameter groups that do not exist.
func (c *call) checkGroups(of rds.Kind, settings map[string]string) {
	if name := settings["@SubnetGroup"]; name != "" && !strings.EqualFold(name, defaultSubnetGroup) {
		c.Fail(noSubnetGroup(name))
	}
	element := "@ParameterGroup"
	if of == rds.Cluster {
		element = "DBClusterParameterGroup"
	}
	if name := settings[element]; name != "" && !isDefaultGroup(name) {
		c.Fail(noParameterGroup(of, name))
	}
}

// withDefaults fills in what clients expect to read although nobody set it.
func withDefaults(d rds.Database) map[string]string {
	out := map[string]string{
		"@Port": "3306", "@SubnetGroup": defaultSubnetGroup, "AutoMinorVersionUpgrade": "true", "IAMDatabaseAuthenticationEnabled": "false",
		"MasterUsername": "admin", "NetworkType": "IPV4", "PerformanceInsightsEnabled": "false", "PreferredMaintenanceWindow": "sun:06:00-sun:06:30",
		"EngineLifecycleSupport": "open-source-rds-extended-support", "MonitoringInterval": "0",
	}
	if strings.Contains(d.Engine, "postgres") {
		out["@Port"], out["MasterUsername"] = "5432", "postgres"
	}
	family := "default." + rds.FamilyOf(d.Engine, d.EngineVersion)
	if d.Kind == rds.Cluster {
		out["DBClusterParameterGroup"], out["EngineMode"], out["HttpEndpointEnabled"] = family, "provisioned", "false"
		if out["StorageType"] = "aurora"; !rds.Aurora(d.Engine) {
			out["StorageType"] = "io1"
		}
	} else {
		out["@ParameterGroup"], out["AvailabilityZone"], out["LicenseModel"] = family, d.Region+"a", licenseOf(d.Engine)
		out["MultiAZ"], out["PubliclyAccessible"], out["BackupTarget"], out["@CACertificate"] = "false", "false", "region", defaultCertificate
		out["CustomerOwnedIpEnabled"], out["DedicatedLogVolume"] = "false", "false"
		out["@OptionGroup"] = "default:" + strings.ReplaceAll(strings.TrimPrefix(family, "default."), ".", "-")
		if out["StorageType"] = "gp2"; d.ClusterName != "" {
			out["StorageType"], out["PromotionTier"] = "aurora", "1"
		}
	}
	for key, value := range d.Settings {
		out[key] = value
	}
	return out
}

func licenseOf(engine string) string {
	switch {
	case strings.Contains(engine, "postgres"):
		return "postgresql-license"
	}
	return "general-public-license"
}

// add adds the settings that are simply elements, in the order of their table.
func (list *elements) settings(of rds.Kind, values map[string]string) {
	seen := map[string]bool{}
	for _, s := range settingsOf(of) {
		if key := s.key(); !strings.HasPrefix(key, "@") && !seen[key] {
			seen[key] = true
			list.text(key, values[key])
		}
	}
}
