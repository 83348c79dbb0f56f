package ec2api

import (
	"context"
	"strconv"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
)

// vpc is the default VPC as the API shows it.
type vpc struct {
	VPCID         string `xml:"vpcId"`
	OwnerID       string `xml:"ownerId"`
	State         string `xml:"state"`
	CIDR          string `xml:"cidrBlock"`
	DHCPOptionsID string `xml:"dhcpOptionsId"`
	Tenancy       string `xml:"instanceTenancy"`
	IsDefault     bool   `xml:"isDefault"`
}

func (c *call) network() ec2.Network { return ec2.NetworkOf(c.caller.Account, c.caller.Region) }

func describeVPCs(_ context.Context, c *call) (any, error) {
	q, err := c.page(c.Strings("VpcId"))
	if err != nil {
		return nil, err
	}
	n := c.network()
	only := vpc{n.VPC, c.caller.Account, "available", n.CIDR, n.DHCPOptionsID, "default", true}
	items, err := static(q.Filters, q.IDs, []vpc{only}, func(v vpc) []string { return []string{v.VPCID} }, func(v vpc, name string) ([]string, bool) {
		switch name {
		case "vpc-id":
			return []string{v.VPCID}, true
		case "is-default", "isDefault":
			return []string{"true"}, true
		case "state":
			return []string{v.State}, true
		case "owner-id":
			return []string{v.OwnerID}, true
		case "cidr", "cidr-block-association.cidr-block":
			return []string{v.CIDR}, true
		case "dhcp-options-id":
			return []string{v.DHCPOptionsID}, true
		}
		return nil, false
	}, func(id string) error {
		return awsapi.Errorf("InvalidVpcID.NotFound", "The vpc ID '%s' does not exist", id)
	})
	return struct {
		VPCs awsapi.Items[vpc] `xml:"vpcSet"`
	}{items}, err
}

func describeVPCAttribute(_ context.Context, c *call) (any, error) {
	id, attribute := c.Required("VpcId"), c.Required("Attribute")
	if err := c.Done(); err != nil {
		return nil, err
	}
	if id != c.network().VPC {
		return nil, awsapi.Errorf("InvalidVpcID.NotFound", "The vpc ID '%s' does not exist", id)
	}
	out := struct {
		VPCID     string     `xml:"vpcId"`
		Support   *boolValue `xml:"enableDnsSupport"`
		Hostnames *boolValue `xml:"enableDnsHostnames"`
		Metrics   *boolValue `xml:"enableNetworkAddressUsageMetrics"`
	}{VPCID: id}
	switch attribute {
	case "enableDnsSupport":
		out.Support = &boolValue{true}
	case "enableDnsHostnames":
		out.Hostnames = &boolValue{true}
	case "enableNetworkAddressUsageMetrics":
		out.Metrics = &boolValue{false}
	default:
		return nil, awsapi.Errorf("InvalidParameterValue", "Value (%s) for parameter attribute is invalid.", attribute)
	}
	return out, nil
}

// subnet is the default subnet of a zone as the API shows it.
type subnet struct {
	SubnetID    string `xml:"subnetId"`
	ARN         string `xml:"subnetArn"`
	State       string `xml:"state"`
	OwnerID     string `xml:"ownerId"`
	VPCID       string `xml:"vpcId"`
	CIDR        string `xml:"cidrBlock"`
	Available   int    `xml:"availableIpAddressCount"`
	Zone        string `xml:"availabilityZone"`
	ZoneID      string `xml:"availabilityZoneId"`
	Default     bool   `xml:"defaultForAz"`
	MapPublicIP bool   `xml:"mapPublicIpOnLaunch"`
}

func describeSubnets(_ context.Context, c *call) (any, error) {
	q, err := c.page(c.Strings("SubnetId"))
	if err != nil {
		return nil, err
	}
	n := c.network()
	var all []subnet
	for _, s := range n.Subnets {
		all = append(all, subnet{
			SubnetID: s.ID, ARN: "arn:aws:ec2:" + c.caller.Region + ":" + c.caller.Account + ":subnet/" + s.ID, State: "available",
			OwnerID: c.caller.Account, VPCID: n.VPC, CIDR: s.CIDR, Available: 4091, Zone: s.Zone.Name, ZoneID: s.Zone.ID, Default: true,
		})
	}
	items, err := static(q.Filters, q.IDs, all, func(s subnet) []string { return []string{s.SubnetID} }, func(s subnet, name string) ([]string, bool) {
		switch name {
		case "subnet-id":
			return []string{s.SubnetID}, true
		case "vpc-id":
			return []string{s.VPCID}, true
		case "availability-zone", "availabilityZone":
			return []string{s.Zone}, true
		case "availability-zone-id", "availabilityZoneId":
			return []string{s.ZoneID}, true
		case "default-for-az", "defaultForAz":
			return []string{"true"}, true
		case "cidr-block", "cidr", "cidrBlock":
			return []string{s.CIDR}, true
		case "state":
			return []string{s.State}, true
		case "owner-id":
			return []string{s.OwnerID}, true
		case "map-public-ip-on-launch":
			return []string{strconv.FormatBool(s.MapPublicIP)}, true
		}
		return nil, false
	}, func(id string) error {
		return awsapi.Errorf("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", id)
	})
	return struct {
		Subnets awsapi.Items[subnet] `xml:"subnetSet"`
	}{items}, err
}

// securityGroup is the default security group as the API shows it.
type securityGroup struct {
	OwnerID     string                  `xml:"ownerId"`
	GroupID     string                  `xml:"groupId"`
	GroupName   string                  `xml:"groupName"`
	Description string                  `xml:"groupDescription"`
	VPCID       string                  `xml:"vpcId"`
	Ingress     awsapi.Items[groupRule] `xml:"ipPermissions"`
	Egress      awsapi.Items[groupRule] `xml:"ipPermissionsEgress"`
}

func describeSecurityGroups(_ context.Context, c *call) (any, error) {
	names := c.Strings("GroupName")
	q, err := c.page(c.Strings("GroupId"), names)
	if err != nil {
		return nil, err
	}
	n := c.network()
	only := securityGroup{OwnerID: c.caller.Account, GroupID: n.GroupID, GroupName: "default", Description: "default VPC security group", VPCID: n.VPC}
	only.Egress.Item = []groupRule{{Protocol: "-1", Ranges: awsapi.Items[cidr]{Item: []cidr{{"0.0.0.0/0"}}}}}
	items, err := static(q.Filters, append(q.IDs, names...), []securityGroup{only}, func(g securityGroup) []string { return []string{g.GroupID, g.GroupName} }, func(g securityGroup, name string) ([]string, bool) {
		switch name {
		case "group-id":
			return []string{g.GroupID}, true
		case "group-name":
			return []string{g.GroupName}, true
		case "vpc-id":
			return []string{g.VPCID}, true
		case "owner-id":
			return []string{g.OwnerID}, true
		case "description":
			return []string{g.Description}, true
		}
		return nil, false
	}, func(id string) error {
		return awsapi.Errorf("InvalidGroup.NotFound", "The security group '%s' does not exist", id)
	})
	return struct {
		Groups awsapi.Items[securityGroup] `xml:"securityGroupInfo"`
	}{items}, err
}

// groupRule is a rule of a security group.
type groupRule struct {
	Protocol string             `xml:"ipProtocol"`
	Ranges   awsapi.Items[cidr] `xml:"ipRanges"`
}

type cidr struct {
	CIDR string `xml:"cidrIp"`
}
