package ec2api

import (
	"context"
	"slices"
	"strings"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
)

func placeOperations() map[string]operation {
	reads := func(run func(ctx context.Context, c *call) (any, error)) operation {
		return operation{run: run, readOnly: true}
	}
	return map[string]operation{
		"DescribeRegions":                        reads(describeRegions),
		"DescribeAvailabilityZones":              reads(describeZones),
		"DescribeVpcs":                           reads(describeVPCs),
		"DescribeVpcAttribute":                   reads(describeVPCAttribute),
		"DescribeSubnets":                        reads(describeSubnets),
		"DescribeSecurityGroups":                 reads(describeSecurityGroups),
		"DescribeNetworkInterfaces":              reads(describeNetworkInterfaces),
		"DescribeKeyPairs":                       reads(describeKeyPairs),
		"DescribeAccountAttributes":              reads(describeAccountAttributes),
		"DescribeInstanceTypes":                  reads(describeInstanceTypes),
		"DescribeInstanceTypeOfferings":          reads(describeInstanceTypeOfferings),
		"DescribeIamInstanceProfileAssociations": reads(describeProfileAssociations),
	}
}

// static lists things that follow from the account and the Region: it picks those
// that are named and match the filters. notFound is the error for a name of nothing.
func static[T any](filters []ec2.Filter, names []string, all []T, name func(T) []string, field func(T, string) ([]string, bool), notFound func(string) error) (awsapi.Items[T], error) {
	var out awsapi.Items[T]
	var known []string
	for _, item := range all {
		known = append(known, name(item)...)
	}
	for _, n := range names {
		if !slices.Contains(known, n) {
			return out, notFound(n)
		}
	}
	for _, item := range all {
		keep, err := ec2.Matches(filters, func(f string) ([]string, bool) { return field(item, f) })
		if err != nil {
			return out, err
		}
		named := len(names) == 0 || slices.ContainsFunc(name(item), func(n string) bool { return slices.Contains(names, n) })
		if keep && named {
			out.Item = append(out.Item, item)
		}
	}
	return out, nil
}

// region is a Region as the API shows it.
type region struct {
	Name     string `xml:"regionName"`
	Endpoint string `xml:"regionEndpoint"`
	OptIn    string `xml:"optInStatus"`
}

func describeRegions(_ context.Context, c *call) (any, error) {
	names, all, filters := c.Strings("RegionName"), c.Flag("AllRegions"), c.filters()
	if err := c.Done(); err != nil {
		return nil, err
	}
	var regions []region
	for _, r := range c.api.ec2.Regions() {
		out := region{r.Name, "ec2." + r.Name + ".amazonaws.com", "opt-in-not-required"}
		if r.OptIn {
			out.OptIn = "opted-in" // every Region is enabled here
		}
		regions = append(regions, out)
	}
	_ = all // with or without it: no Region is disabled
	items, err := static(filters, names, regions, func(r region) []string { return []string{r.Name} }, func(r region, name string) ([]string, bool) {
		switch name {
		case "region-name":
			return []string{r.Name}, true
		case "endpoint":
			return []string{r.Endpoint}, true
		case "opt-in-status":
			return []string{r.OptIn}, true
		}
		return nil, false
	}, func(name string) error {
		return awsapi.Errorf("InvalidParameterValue", "Invalid region provided: [%s]", name)
	})
	return struct {
		Regions awsapi.Items[region] `xml:"regionInfo"`
	}{items}, err
}

// zone is an Availability Zone as the API shows it.
type zone struct {
	State       string                 `xml:"zoneState"`
	OptIn       string                 `xml:"optInStatus"`
	Messages    awsapi.Items[struct{}] `xml:"messageSet"`
	Region      string                 `xml:"regionName"`
	Name        string                 `xml:"zoneName"`
	ID          string                 `xml:"zoneId"`
	GroupName   string                 `xml:"groupName"`
	BorderGroup string                 `xml:"networkBorderGroup"`
	Type        string                 `xml:"zoneType"`
}

func describeZones(_ context.Context, c *call) (any, error) {
	names, ids, filters := c.Strings("ZoneName"), c.Strings("ZoneId"), c.filters()
	c.Accept("AllAvailabilityZones") // there are no others
	if err := c.Done(); err != nil {
		return nil, err
	}
	var zones []zone
	for _, z := range ec2.Zones(c.caller.Region) {
		zones = append(zones, zone{
			State: "available", OptIn: "opt-in-not-required", Region: z.Region, Name: z.Name, ID: z.ID,
			GroupName: z.Region + "-zg-1", BorderGroup: z.Region, Type: "availability-zone",
		})
	}
	items, err := static(filters, append(names, ids...), zones, func(z zone) []string { return []string{z.Name, z.ID} }, zoneField, func(name string) error {
		return awsapi.Errorf("InvalidParameterValue", "Invalid availability zone: [%s]", name)
	})
	return struct {
		Zones awsapi.Items[zone] `xml:"availabilityZoneInfo"`
	}{items}, err
}

func zoneField(z zone, name string) ([]string, bool) {
	switch name {
	case "group-name":
		return []string{z.GroupName}, true
	case "message":
		return nil, true
	case "opt-in-status":
		return []string{z.OptIn}, true
	case "region-name":
		return []string{z.Region}, true
	case "state":
		return []string{z.State}, true
	case "zone-id":
		return []string{z.ID}, true
	case "zone-name":
		return []string{z.Name}, true
	case "zone-type":
		return []string{z.Type}, true
	}
	return nil, false
}

func describeKeyPairs(_ context.Context, c *call) (any, error) {
	names, ids := c.Strings("KeyName"), c.Strings("KeyPairId")
	c.Accept("IncludePublicKey", "Filter")
	if err := c.Done(); err != nil {
		return nil, err
	}
	if len(names) > 0 {
		return nil, awsapi.Errorf("InvalidKeyPair.NotFound", "The key pair '%s' does not exist", names[0])
	}
	if len(ids) > 0 {
		return nil, awsapi.Errorf("InvalidKeyPair.NotFound", "The key pair ID '%s' does not exist", ids[0])
	}
	return struct {
		Keys awsapi.Items[struct{}] `xml:"keySet"`
	}{}, nil
}

func describeProfileAssociations(_ context.Context, c *call) (any, error) {
	if _, err := c.page(nil, c.Strings("AssociationId")); err != nil {
		return nil, err
	}
	return struct {
		Associations awsapi.Items[struct{}] `xml:"iamInstanceProfileAssociationSet"`
	}{}, nil
}

// accountAttribute is an attribute of the account.
type accountAttribute struct {
	Name   string                              `xml:"attributeName"`
	Values awsapi.Items[accountAttributeValue] `xml:"attributeValueSet"`
}

type accountAttributeValue struct {
	Value string `xml:"attributeValue"`
}

func describeAccountAttributes(_ context.Context, c *call) (any, error) {
	names := c.Strings("AttributeName")
	if err := c.Done(); err != nil {
		return nil, err
	}
	var out struct {
		Attributes awsapi.Items[accountAttribute] `xml:"accountAttributeSet"`
	}
	for _, pair := range []string{
		"supported-platforms=VPC", "default-vpc=" + ec2.NetworkOf(c.caller.Account, c.caller.Region).VPC, "max-instances=1000",
		"vpc-max-security-groups-per-interface=5", "max-elastic-ips=0", "vpc-max-elastic-ips=0",
	} {
		name, value, _ := strings.Cut(pair, "=")
		if len(names) == 0 || slices.Contains(names, name) {
			out.Attributes.Item = append(out.Attributes.Item, accountAttribute{name, awsapi.Items[accountAttributeValue]{Item: []accountAttributeValue{{value}}}})
		}
	}
	return out, nil
}
