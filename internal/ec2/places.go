package ec2

import (
	"slices"
	"strings"
)

// regionNames are the Regions of the aws partition that need no opt-in, and the
// longer-standing ones that do; clients look them up by name, nothing else depends on them.
func regionNames() []string {
	return []string{
		"af-south-1", "ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2",
		"ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ca-central-1", "ca-west-1",
		"eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3",
		"il-central-1", "me-central-1", "me-south-1", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
	}
}

// Region is a Region as clients see it.
type Region struct {
	Name  string
	OptIn bool
}

// Regions lists the Regions.
func (s *Service) Regions() []Region {
	optIn := []string{"af-south-1", "ap-east-1", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "ca-west-1", "eu-central-2", "eu-south-1", "eu-south-2", "il-central-1", "me-central-1", "me-south-1"}
	var out []Region
	for _, name := range regionNames() {
		out = append(out, Region{name, slices.Contains(optIn, name)})
	}
	return out
}

// KnownRegion says whether a Region exists.
func KnownRegion(name string) bool { return slices.Contains(regionNames(), name) }

// Zone is an Availability Zone.
type Zone struct{ Name, ID, Region string }

// Zones lists the zones of a Region: three each.
func Zones(region string) []Zone {
	short := zoneIDPrefix(region)
	var out []Zone
	for i, letter := range []string{"a", "b", "c"} {
		out = append(out, Zone{Name: region + letter, ID: short + "-az" + string(rune('1'+i)), Region: region})
	}
	return out
}

// zoneIDPrefix shortens a Region's name as AWS's zone ids do: us-east-1 is use1, ap-southeast-2 is apse2.
func zoneIDPrefix(region string) string {
	parts := strings.Split(region, "-")
	if len(parts) != 3 {
		return region
	}
	direction := strings.NewReplacer("north", "n", "south", "s", "east", "e", "west", "w", "central", "c").Replace(parts[1])
	return parts[0] + direction + parts[2]
}

// findZone returns the zone of that name or id; the first of the Region if both are empty.
func findZone(region, name, id string) (Zone, error) {
	zones := Zones(region)
	if name == "" && id == "" {
		return zones[0], nil
	}
	for _, zone := range zones {
		if (name == "" || zone.Name == name) && (id == "" || zone.ID == id) {
			return zone, nil
		}
	}
	if name == "" {
		name = id
	}
	return Zone{}, refuse(InvalidZone, "The zone '%s' does not exist.", name)
}
