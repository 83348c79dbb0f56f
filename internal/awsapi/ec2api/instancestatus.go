package ec2api

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
)

// check is one of an instance's status checks.
type check struct {
	Status  string               `xml:"status"`
	Details awsapi.Items[detail] `xml:"details"`
}

func checkOf(status, passed string) check {
	return check{status, awsapi.Items[detail]{Item: []detail{{"reachability", passed}}}}
}

func describeInstanceStatus(ctx context.Context, c *call) (any, error) {
	all := c.Flag("IncludeAllInstances")
	c.Accept("IncludeManagedResources")
	q, err := c.page(c.Strings("InstanceId"), all)
	if err != nil {
		return nil, err
	}
	narrowed := q
	if !all {
		narrowed.Filters = append(narrowed.Filters, ec2.Filter{Name: "instance-state-name", Values: []string{"running"}})
	}
	page, err := c.api.ec2.DescribeInstances(ctx, c.caller, narrowed)
	if err != nil {
		return nil, err
	}
	type status struct {
		InstanceID string                 `xml:"instanceId"`
		Zone       string                 `xml:"availabilityZone"`
		State      stateName              `xml:"instanceState"`
		System     check                  `xml:"systemStatus"`
		Instance   check                  `xml:"instanceStatus"`
		EBS        check                  `xml:"attachedEbsStatus"`
		Events     awsapi.Items[struct{}] `xml:"eventsSet"`
	}
	var out struct {
		Statuses  awsapi.Items[status] `xml:"instanceStatusSet"`
		NextToken *string              `xml:"nextToken"`
	}
	volumes, err := c.api.ec2.AttachmentsOf(ctx, page.Items)
	if err != nil {
		return nil, err
	}
	for _, i := range page.Items {
		s := status{InstanceID: i.ID, Zone: i.Zone, State: nameOf(i.State)}
		s.System, s.Instance, s.EBS = checkOf("ok", "passed"), checkOf("ok", "passed"), checkOf("ok", "passed")
		if i.State != ec2.InstanceRunning {
			s.System, s.Instance, s.EBS = checkOf("not-applicable", "insufficient-data"), checkOf("not-applicable", "insufficient-data"), checkOf("not-applicable", "insufficient-data")
		}
		for _, d := range i.Devices {
			if v, ok := volumes[d.VolumeID]; ok && v.Attachment.Impaired != "" {
				s.EBS = checkOf("impaired", "failed")
			}
		}
		out.Statuses.Item = append(out.Statuses.Item, s)
	}
	out.NextToken, err = c.next(q, page.Next)
	return out, err
}
