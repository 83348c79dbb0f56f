package ec2api

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
)

// detail is a status detail of a volume.
type detail struct {
	Name   string `xml:"name"`
	Status string `xml:"status"`
}

type volumeStatus struct {
	VolumeID string                 `xml:"volumeId"`
	Zone     string                 `xml:"availabilityZone"`
	Actions  awsapi.Items[struct{}] `xml:"actionsSet"`
	Events   awsapi.Items[event]    `xml:"eventsSet"`
	Status   struct {
		Status  string               `xml:"status"`
		Details awsapi.Items[detail] `xml:"details"`
	} `xml:"volumeStatus"`
}

// event says why a volume is impaired.
type event struct {
	Description string `xml:"description"`
	EventID     string `xml:"eventId"`
	EventType   string `xml:"eventType"`
	InstanceID  string `xml:"instanceId,omitempty"`
	NotBefore   string `xml:"notBefore"`
}

func describeVolumeStatus(ctx context.Context, c *call) (any, error) {
	c.Accept("IncludeManagedResources")
	q, err := c.page(c.Strings("VolumeId"))
	if err != nil {
		return nil, err
	}
	page, err := c.api.ec2.DescribeVolumes(ctx, c.caller, statusQuery(q))
	if err != nil {
		return nil, err
	}
	var out struct {
		Statuses  awsapi.Items[volumeStatus] `xml:"volumeStatusSet"`
		NextToken *string                    `xml:"nextToken"`
	}
	for _, v := range page.Items {
		if s := statusOf(v); statusMatches(q, s) {
			out.Statuses.Item = append(out.Statuses.Item, s)
		}
	}
	out.NextToken, err = c.next(q, page.Next)
	return out, err
}

// statusQuery leaves out the filter that DescribeVolumes has not.
func statusQuery(q ec2.Query) ec2.Query {
	var filters []ec2.Filter
	for _, f := range q.Filters {
		if f.Name != "volume-status.status" {
			filters = append(filters, f)
		}
	}
	q.Filters = filters
	return q
}

func statusMatches(q ec2.Query, s volumeStatus) bool {
	for _, f := range q.Filters {
		if f.Name != "volume-status.status" {
			continue
		}
		found := false
		for _, value := range f.Values {
			found = found || value == s.Status.Status
		}
		if !found {
			return false
		}
	}
	return true
}

func statusOf(v ec2.Volume) volumeStatus {
	out := volumeStatus{VolumeID: v.ID, Zone: v.Zone}
	out.Status.Status = "ok"
	enabled := "passed"
	switch a := v.Attachment; {
	case v.State == ec2.VolumeCreating:
		out.Status.Status, enabled = "insufficient-data", "insufficient-data"
	case v.State == ec2.VolumeError, a != nil && a.Impaired != "":
		out.Status.Status, enabled = "impaired", "failed"
		e := event{Description: v.StateMessage, EventID: "evol-" + v.ID[len("vol-"):], EventType: "potential-data-inconsistency", NotBefore: awsapi.Timestamp(v.Created)}
		if a != nil {
			e.Description, e.InstanceID, e.NotBefore = a.Impaired, a.InstanceID, awsapi.Timestamp(a.Since)
			e.EventType = "io-enabled-not-available"
		}
		out.Events.Item = []event{e}
	}
	out.Status.Details.Item = []detail{{"io-enabled", enabled}, {"io-performance", "not-applicable"}}
	return out
}

// boolValue is an attribute that is true or false.
type boolValue struct {
	Value bool `xml:"value"`
}

func describeVolumeAttribute(ctx context.Context, c *call) (any, error) {
	id, attribute := c.Required("VolumeId"), c.Required("Attribute")
	if err := c.Done(); err != nil {
		return nil, err
	}
	page, err := c.api.ec2.DescribeVolumes(ctx, c.caller, ec2.Query{IDs: []string{id}})
	if err != nil {
		return nil, err
	}
	out := struct {
		VolumeID     string                  `xml:"volumeId"`
		AutoEnableIO *boolValue              `xml:"autoEnableIO"`
		ProductCodes *awsapi.Items[struct{}] `xml:"productCodes"`
	}{VolumeID: id}
	switch attribute {
	case "autoEnableIO":
		out.AutoEnableIO = &boolValue{page.Items[0].AutoEnableIO}
	case "productCodes":
		out.ProductCodes = &awsapi.Items[struct{}]{}
	default:
		return nil, awsapi.Errorf("InvalidParameterValue", "Value (%s) for parameter attribute is invalid.", attribute)
	}
	return out, nil
}

func modifyVolumeAttribute(ctx context.Context, c *call) (any, error) {
	id, value, dryRun := c.Required("VolumeId"), c.Bool("AutoEnableIO.Value"), c.Flag("DryRun")
	if value == nil {
		c.Required("AutoEnableIO.Value")
	}
	if err := c.Done(); err != nil {
		return nil, err
	}
	return ok(c.api.ec2.SetAutoEnableIO(ctx, c.caller, id, *value, dryRun))
}

// enableVolumeIO has nothing to enable: I/O is never held back for a volume that is open.
func enableVolumeIO(ctx context.Context, c *call) (any, error) {
	id := c.Required("VolumeId")
	dryRun := c.Flag("DryRun")
	if err := c.Done(); err != nil {
		return nil, err
	}
	if _, err := c.api.ec2.DescribeVolumes(ctx, c.caller, ec2.Query{IDs: []string{id}}); err != nil {
		return nil, err
	}
	if dryRun {
		return nil, errDryRun()
	}
	return returned{true}, nil
}
