package ec2api

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
)

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
	if err := c.Done(); err != nil {
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
