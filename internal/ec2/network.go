package ec2

import (
	"fmt"
	"strconv"
)

// Network is the one default VPC of an account in a Region. It is a static truth: it
// follows from the account and the Region, is never stored and never changes.
type Network struct {
	VPC, CIDR             string
	Subnets               []Subnet
	GroupID, RouteTableID string
	ACLID, GatewayID      string
	DHCPOptionsID         string
}

// Subnet is the default subnet of a zone.
type Subnet struct {
	ID, CIDR string
	Zone     Zone
}

// NetworkOf returns the default VPC of an account in a Region.
func NetworkOf(account, region string) Network {
	id := func(prefix string) string { return prefix + hash("coffer " + prefix + account + region)[:idDigits] }
	n := Network{
		VPC: id("vpc-"), CIDR: "172.31.0.0/16", GroupID: id("sg-"), RouteTableID: id("rtb-"),
		ACLID: id("acl-"), GatewayID: id("igw-"), DHCPOptionsID: id("dopt-"),
	}
	for i, zone := range Zones(region) {
		n.Subnets = append(n.Subnets, Subnet{ID: "subnet-" + hash("coffer subnet " + account + zone.Name)[:idDigits], CIDR: fmt.Sprintf("172.31.%d.0/20", 16*i), Zone: zone})
	}
	return n
}

// groups returns the security groups of an instance: those asked for, else the default one.
func (n Network) groups(asked []string) []string {
	if len(asked) == 0 {
		return []string{n.GroupID}
	}
	return asked
}

// privateIP gives an instance an address inside its zone's subnet, by its id.
func privateIP(zone Zone, id string) string {
	third := 0
	for i, z := range Zones(zone.Region) {
		if z == zone {
			third = 16 * i
		}
	}
	n, _ := strconv.ParseUint(hash(id)[:3], 16, 16) // hexadecimal digits
	return fmt.Sprintf("172.31.%d.%d", third+int(n>>8), 4+int(n&0xff)%250)
}
