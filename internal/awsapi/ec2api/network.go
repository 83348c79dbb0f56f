package ec2api

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
)

// networkInterface is an instance's one network interface: it follows from the instance.
type networkInterface struct {
	ID         string              `xml:"networkInterfaceId"`
	SubnetID   string              `xml:"subnetId"`
	VPCID      string              `xml:"vpcId"`
	Zone       string              `xml:"availabilityZone,omitempty"`
	OwnerID    string              `xml:"ownerId"`
	Status     string              `xml:"status"`
	MAC        string              `xml:"macAddress"`
	PrivateIP  string              `xml:"privateIpAddress"`
	Groups     awsapi.Items[group] `xml:"groupSet"`
	Type       string              `xml:"interfaceType"`
	SourceDest bool                `xml:"sourceDestCheck"`
	Attachment struct {
		ID                  string `xml:"attachmentId"`
		DeviceIndex         int    `xml:"deviceIndex"`
		Status              string `xml:"status"`
		AttachTime          string `xml:"attachTime"`
		DeleteOnTermination bool   `xml:"deleteOnTermination"`
		InstanceID          string `xml:"instanceId,omitempty"`
	} `xml:"attachment"`
}

func interfaceOf(i ec2.Instance) networkInterface {
	id := i.ID[len("i-"):]
	out := networkInterface{
		ID: "eni-" + id, SubnetID: i.SubnetID, VPCID: ec2.NetworkOf(i.Owner, i.Region).VPC, OwnerID: i.Owner, Status: "in-use",
		MAC: "0a:" + id[0:2] + ":" + id[2:4] + ":" + id[4:6] + ":" + id[6:8] + ":" + id[8:10], PrivateIP: i.PrivateIP,
		Type: "interface", SourceDest: !i.SourceDestCheckOff,
	}
	for _, g := range i.GroupIDs {
		out.Groups.Item = append(out.Groups.Item, group{g, "default"})
	}
	out.Attachment.ID, out.Attachment.Status = "eni-attach-"+id, "attached"
	out.Attachment.AttachTime, out.Attachment.DeleteOnTermination = awsapi.Timestamp(i.Launched), true
	return out
}

func describeNetworkInterfaces(ctx context.Context, c *call) (any, error) {
	ids := map[string]bool{}
	for _, id := range c.Strings("NetworkInterfaceId") {
		ids[id] = false
	}
	q, err := c.page(nil)
	if err != nil {
		return nil, err
	}
	page, err := c.api.ec2.DescribeInstances(ctx, c.caller, ec2.Query{Cursor: q.Cursor, Limit: q.Limit})
	if err != nil {
		return nil, err
	}
	var out struct {
		Interfaces awsapi.Items[networkInterface] `xml:"networkInterfaceSet"`
		NextToken  *string                        `xml:"nextToken"`
	}
	for _, i := range page.Items {
		if i.State == ec2.InstanceTerminated {
			continue
		}
		e := interfaceOf(i)
		e.Zone, e.Attachment.InstanceID = i.Zone, i.ID
		keep, err := ec2.Matches(q.Filters, e.field)
		if err != nil {
			return nil, err
		}
		_, named := ids[e.ID]
		if keep && (named || len(ids) == 0) {
			out.Interfaces.Item = append(out.Interfaces.Item, e)
			ids[e.ID] = true
		}
	}
	if page.Next == "" && q.Cursor == "" {
		for id, found := range ids {
			if !found {
				return nil, awsapi.Errorf("InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '%s' does not exist", id)
			}
		}
	}
	out.NextToken, err = c.next(q, page.Next)
	return out, err
}

func (e networkInterface) field(name string) ([]string, bool) {
	switch name {
	case "network-interface-id":
		return []string{e.ID}, true
	case "attachment.instance-id":
		return []string{e.Attachment.InstanceID}, true
	case "attachment.status":
		return []string{e.Attachment.Status}, true
	case "availability-zone":
		return []string{e.Zone}, true
	case "subnet-id":
		return []string{e.SubnetID}, true
	case "vpc-id":
		return []string{e.VPCID}, true
	case "status":
		return []string{e.Status}, true
	case "private-ip-address", "addresses.private-ip-address":
		return []string{e.PrivateIP}, true
	case "group-id":
		var out []string
		for _, g := range e.Groups.Item {
			out = append(out, g.GroupID)
		}
		return out, true
	case "owner-id":
		return []string{e.OwnerID}, true
	case "description", "requester-id", "interface-type":
		return nil, true
	}
	return nil, false
}
