package rds

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

const defaultBackupWindow = "04:00-04:30"

// complete fills a spec's defaults in and checks it.
func (spec *Spec) complete(kind Kind) error {
	if spec.BackupWindow == "" {
		spec.BackupWindow = defaultBackupWindow
	}
	if spec.EngineVersion == "" {
		spec.EngineVersion = defaultVersion(spec.Engine)
	}
	if spec.GiB == 0 {
		if spec.GiB = defaultGiB; kind == Cluster {
			spec.GiB = auroraGiB
		}
	}
	if spec.GiB < minGiB || spec.GiB > maxGiB {
		return invalid("Invalid storage size for engine name %s: %d. It must be from %d to %d.", spec.Engine, spec.GiB, minGiB, maxGiB)
	}
	if err := checkTags(spec.Tags); err != nil {
		return err
	}
	return spec.check(kind, spec.ClusterName != "")
}

var backupWindow = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$`)

// check checks a profile of a database of that kind, which may be an instance of a cluster.
func (p *Profile) check(kind Kind, member bool) error {
	if !knownEngine(p.Engine, kind, member) {
		return invalid("Invalid DB engine: %s", p.Engine)
	}
	version, ok := findVersion(p.Engine, p.EngineVersion)
	if !ok {
		return refuse(ParameterCombination, kind, "Cannot find version %s for %s", p.EngineVersion, p.Engine)
	}
	p.EngineVersion = version
	least := 0
	if kind == Cluster {
		least = 1
	}
	if p.BackupDays < least || p.BackupDays > maxBackupDays {
		return invalid("Invalid backup retention period: %d. Retention period must be between %d and %d.", p.BackupDays, least, maxBackupDays)
	}
	if !backupWindow.MatchString(p.BackupWindow) {
		return invalid("The backup window %s is not valid; it has the form hh24:mi-hh24:mi.", p.BackupWindow)
	}
	return p.checkSizes()
}

// checkSizes keeps the record small.
func (p *Profile) checkSizes() error {
	n := len(p.Settings) + len(p.SecurityGroups) + len(p.Zones) + len(p.LogExports)
	if n > maxSettings {
		return invalid("A request has at most %d settings and elements of lists.", maxSettings)
	}
	for _, list := range [][]string{slices.Collect(maps.Values(p.Settings)), p.SecurityGroups, p.Zones, p.LogExports} {
		for _, value := range list {
			if len(value) > maxSettingValue || !utf8.ValidString(value) {
				return invalid("The value of a setting has at most %d bytes.", maxSettingValue)
			}
		}
	}
	return nil
}

// merged is a list with some values more and some less.
func merged(list, more, less []string) []string {
	var out []string
	for _, value := range append(slices.Clone(list), more...) {
		if !slices.Contains(out, value) && !slices.Contains(less, value) {
			out = append(out, value)
		}
	}
	return out
}

func checkTags(tags Tags) error {
	if len(tags) > maxTags {
		return invalid("A resource has at most %d tags.", maxTags)
	}
	for key, value := range tags {
		lower := strings.ToLower(key)
		switch {
		case key == "" || utf8.RuneCountInString(key) > maxTagKey || !utf8.ValidString(key):
			return invalid("Tag keys have from 1 to %d characters.", maxTagKey)
		case utf8.RuneCountInString(value) > maxTagValue || !utf8.ValidString(value):
			return invalid("Tag values have at most %d characters.", maxTagValue)
		case strings.HasPrefix(lower, "aws:"), strings.HasPrefix(lower, "rds:"):
			return invalid("Tag keys that begin with %s are reserved.", key[:4])
		}
	}
	return nil
}
