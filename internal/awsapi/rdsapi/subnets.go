package rdsapi

import (
	"context"
	"strings"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
)

func describeSubnetGroups(_ context.Context, c *call) (any, error) {
	q, err := c.paged("DBSubnetGroupName")
	if err != nil {
		return nil, err
	}
	if q.Name != "" && !strings.EqualFold(q.Name, defaultSubnetGroup) {
		return nil, noSubnetGroup(q.Name)
	}
	return within("DBSubnetGroups", within("DBSubnetGroup", c.subnetGroup())), nil
}

func noSubnetGroup(name string) error {
	return &awsapi.Error{Code: "DBSubnetGroupNotFoundFault", Status: 404, Message: "DB subnet group '" + name + "' does not exist."}
}

// subnetGroup is the one subnet group: the default subnets of the Region.
func (c *call) subnetGroup() elements {
	network := ec2.NetworkOf(c.caller.Account, c.caller.Region)
	out := elements{}
	out.text("DBSubnetGroupName", defaultSubnetGroup)
	out.text("DBSubnetGroupDescription", defaultSubnetGroup)
	out.text("DBSubnetGroupArn", c.arn("subgrp", defaultSubnetGroup))
	out.text("SubnetGroupStatus", "Complete")
	out.text("VpcId", network.VPC)
	structures(&out, "Subnets", "Subnet", network.Subnets, func(subnet ec2.Subnet) elements {
		in := elements{}
		in.text("SubnetIdentifier", subnet.ID)
		in.structure("SubnetAvailabilityZone", elements{{name: "Name", text: subnet.Zone.Name}})
		in.text("SubnetStatus", "Active")
		return in
	})
	out.texts("SupportedNetworkTypes", "member", []string{"IPV4"})
	return out
}
