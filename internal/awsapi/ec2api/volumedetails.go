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
	c.accept("IncludeManagedResources")
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
	if err := c.done(); err != nil {
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
	if err := c.done(); err != nil {
		return nil, err
	}
	return ok(c.api.ec2.SetAutoEnableIO(ctx, c.caller, id, *value, dryRun))
}

// enableVolumeIO has nothing to enable: I/O is never held back for a volume that is open.
func enableVolumeIO(ctx context.Context, c *call) (any, error) {
	id := c.Required("VolumeId")
	dryRun := c.Flag("DryRun")
	if err := c.done(); err != nil {
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

// modification is a modification of a volume as the API shows it.
type modification struct {
	VolumeID                   string `xml:"volumeId"`
	State                      string `xml:"modificationState"`
	StatusMessage              string `xml:"statusMessage,omitempty"`
	TargetSize                 int    `xml:"targetSize"`
	TargetIOPS                 int    `xml:"targetIops,omitempty"`
	TargetVolumeType           string `xml:"targetVolumeType"`
	TargetThroughput           int    `xml:"targetThroughput,omitempty"`
	TargetMultiAttachEnabled   bool   `xml:"targetMultiAttachEnabled"`
	OriginalSize               int    `xml:"originalSize"`
	OriginalIOPS               int    `xml:"originalIops,omitempty"`
	OriginalVolumeType         string `xml:"originalVolumeType"`
	OriginalThroughput         int    `xml:"originalThroughput,omitempty"`
	OriginalMultiAttachEnabled bool   `xml:"originalMultiAttachEnabled"`
	Progress                   int    `xml:"progress"`
	StartTime                  string `xml:"startTime"`
	EndTime                    string `xml:"endTime,omitempty"`
}

func modificationOf(v ec2.Volume) modification {
	m := v.Modification
	out := modification{
		VolumeID: v.ID, State: "modifying", StatusMessage: m.Failed, StartTime: awsapi.Timestamp(m.Started),
		TargetSize: m.TargetSizeGiB, TargetIOPS: m.TargetIOPS, TargetVolumeType: m.TargetType, TargetThroughput: m.TargetThroughput,
		OriginalSize: m.OriginalSizeGiB, OriginalIOPS: m.OriginalIOPS, OriginalVolumeType: m.OriginalType, OriginalThroughput: m.OriginalThroughput,
	}
	switch {
	case m.Failed != "":
		out.State, out.EndTime = "failed", awsapi.Timestamp(m.Ended)
	case m.Done:
		out.State, out.Progress, out.EndTime = "completed", 100, awsapi.Timestamp(m.Ended)
	}
	return out
}

func modifyVolume(ctx context.Context, c *call) (any, error) {
	r := ec2.ModifyVolumeRequest{
		VolumeID: c.Required("VolumeId"), SizeGiB: positive(c.Params, "Size"), Type: c.String("VolumeType"),
		IOPS: positive(c.Params, "Iops"), Throughput: positive(c.Params, "Throughput"),
		MultiAttach: c.Bool("MultiAttachEnabled"), DryRun: c.Flag("DryRun"),
	}
	if err := c.done(); err != nil {
		return nil, err
	}
	v, err := c.api.ec2.ModifyVolume(ctx, c.caller, r)
	if err != nil {
		return nil, err
	}
	return struct {
		Modification modification `xml:"volumeModification"`
	}{modificationOf(v)}, nil
}

func describeVolumesModifications(ctx context.Context, c *call) (any, error) {
	ids := c.Strings("VolumeId")
	q, err := c.page(ids)
	if err != nil {
		return nil, err
	}
	states := map[string]bool{}
	var filters []ec2.Filter
	for _, f := range q.Filters {
		switch f.Name {
		case "modification-state":
			for _, value := range f.Values {
				states[value] = true
			}
		case "volume-id":
			filters = append(filters, f)
		default:
			return nil, awsapi.Errorf("InvalidParameterValue", "The filter '%s' is invalid", f.Name)
		}
	}
	narrowed := q
	narrowed.Filters = filters
	page, err := c.api.ec2.DescribeVolumes(ctx, c.caller, narrowed)
	if err != nil {
		return nil, err
	}
	var out struct {
		Modifications awsapi.Items[modification] `xml:"volumeModificationSet"`
		NextToken     *string                    `xml:"nextToken"`
	}
	for _, v := range page.Items {
		if v.Modification == nil {
			if len(ids) > 0 {
				return nil, awsapi.Errorf("InvalidVolumeModification.NotFound", "Modification for volume '%s' does not exist.", v.ID)
			}
			continue
		}
		if m := modificationOf(v); len(states) == 0 || states[m.State] {
			out.Modifications.Item = append(out.Modifications.Item, m)
		}
	}
	out.NextToken, err = c.next(q, page.Next)
	return out, err
}
