package rds

import (
	"slices"
	"strings"
)

// EngineVersion is a version of an engine that a database can be for. Nothing of it runs here.
type EngineVersion struct {
	Engine, Version, Family, Description string
	Default                              bool
}

// EngineVersions are the versions that are listed. Minor versions of the same major ones are accepted too.
func EngineVersions() []EngineVersion {
	return []EngineVersion{
		{"aurora-mysql", "8.0.mysql_aurora.3.08.2", "aurora-mysql8.0", "Aurora MySQL", true},
		{"aurora-postgresql", "14.17", "aurora-postgresql14", "Aurora PostgreSQL", false},
		{"aurora-postgresql", "15.12", "aurora-postgresql15", "Aurora PostgreSQL", false},
		{"aurora-postgresql", "16.8", "aurora-postgresql16", "Aurora PostgreSQL", true},
		{"aurora-postgresql", "17.4", "aurora-postgresql17", "Aurora PostgreSQL", false},
		{"mariadb", "10.11.11", "mariadb10.11", "MariaDB Community Edition", false},
		{"mariadb", "11.4.5", "mariadb11.4", "MariaDB Community Edition", true},
		{"mysql", "8.0.42", "mysql8.0", "MySQL Community Edition", true},
		{"mysql", "8.4.5", "mysql8.4", "MySQL Community Edition", false},
		{"postgres", "13.20", "postgres13", "PostgreSQL", false},
		{"postgres", "14.17", "postgres14", "PostgreSQL", false},
		{"postgres", "15.12", "postgres15", "PostgreSQL", false},
		{"postgres", "16.8", "postgres16", "PostgreSQL", false},
		{"postgres", "17.4", "postgres17", "PostgreSQL", true},
	}
}

// Aurora says whether an engine keeps its data in a cluster's storage.
func Aurora(engine string) bool { return strings.HasPrefix(engine, "aurora-") }

// knownEngine says whether there are databases of that kind for an engine: MariaDB has no
// clusters, Aurora no instances outside one.
func knownEngine(engine string, kind Kind, member bool) bool {
	known := slices.ContainsFunc(EngineVersions(), func(v EngineVersion) bool { return v.Engine == engine })
	switch {
	case kind == Cluster:
		return known && engine != "mariadb"
	case !member:
		return known && !Aurora(engine)
	}
	return known
}

func defaultVersion(engine string) string {
	for _, v := range EngineVersions() {
		if v.Engine == engine && v.Default {
			return v.Version
		}
	}
	return ""
}

// findVersion completes a version: a major version is its newest minor one, and every minor
// version of a known major one is accepted.
func findVersion(engine, version string) (string, bool) {
	for _, v := range EngineVersions() {
		if v.Engine != engine {
			continue
		}
		major := v.Major()
		switch {
		case version == major:
			return v.Version, true
		case version == v.Version, strings.HasPrefix(version, major+"."):
			return version, true
		}
	}
	return "", false
}

// Major is the major version.
func (v EngineVersion) Major() string {
	return strings.TrimPrefix(v.Family, v.Engine)
}

// FamilyOf is the parameter group family of an engine's version.
func FamilyOf(engine, version string) string {
	for _, v := range EngineVersions() {
		if v.Engine == engine && (version == v.Version || strings.HasPrefix(version, v.Major()+".")) {
			return v.Family
		}
	}
	return engine
}
