package ec2api

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
)

func volumeOperations() map[string]operation {
	return map[string]operation{
		"CreateVolume":                 {run: createVolume, on: both(makes("volume"), on("snapshot", "SnapshotId"))},
		"DescribeVolumes":              {run: describeVolumes, readOnly: true},
		"DescribeVolumeStatus":         {run: describeVolumeStatus, readOnly: true},
		"DescribeVolumeAttribute":      {run: describeVolumeAttribute, readOnly: true},
		"ModifyVolumeAttribute":        {run: modifyVolumeAttribute, on: on("volume", "VolumeId")},
		"EnableVolumeIO":               {run: enableVolumeIO, on: on("volume", "VolumeId")},
		"ModifyVolume":                 {run: modifyVolume, on: on("volume", "VolumeId")},
		"DescribeVolumesModifications": {run: describeVolumesModifications, readOnly: true},
		"AttachVolume":                 {run: attachVolume, on: both(on("volume", "VolumeId"), on("instance", "InstanceId"))},
		"DetachVolume":                 {run: detachVolume, on: both(on("volume", "VolumeId"), on("instance", "InstanceId"))},
		"DeleteVolume":                 {run: deleteVolume, on: on("volume", "VolumeId")},
	}
}

func createVolume(ctx context.Context, c *call) (any, error) {
	r := ec2.VolumeRequest{
		Zone: c.String("AvailabilityZone"), ZoneID: c.String("AvailabilityZoneId"),
		MultiAttach: c.Flag("MultiAttachEnabled"), ClientToken: c.String("ClientToken"), DryRun: c.Flag("DryRun"),
		Tags: c.tagLists("volume")["volume"],
		DeviceSpec: ec2.DeviceSpec{
			SnapshotID: c.String("SnapshotId"), SizeGiB: positive(c.Params, "Size"), Type: c.String("VolumeType"),
			IOPS: positive(c.Params, "Iops"), Throughput: positive(c.Params, "Throughput"),
			Encrypted: flag(c.Params, "Encrypted"), KeyID: c.String("KmsKeyId"),
		},
	}
	c.Accept("VolumeInitializationRate") // a restored volume is usable at once
	if c.Has("Size") && r.SizeGiB == 0 {
		c.Fail(awsapi.Errorf("InvalidParameterValue", "Volume of 0GiB is too small; minimum is 1GiB."))
	}
	if err := c.Done(); err != nil {
		return nil, err
	}
	v, err := c.api.ec2.CreateVolume(ctx, c.caller, r)
	if err != nil {
		return nil, err
	}
	return c.volume(v), nil
}

// volume is a volume as the API shows it.
type volume struct {
	VolumeID           string                   `xml:"volumeId"`
	Size               int                      `xml:"size"`
	SnapshotID         string                   `xml:"snapshotId"`
	Zone               string                   `xml:"availabilityZone"`
	ZoneID             string                   `xml:"availabilityZoneId"`
	Status             string                   `xml:"status"`
	StatusMessage      string                   `xml:"statusMessage,omitempty"` // not in AWS's model; clients skip it
	CreateTime         string                   `xml:"createTime"`
	Attachments        awsapi.Items[attachment] `xml:"attachmentSet"`
	Tags               *awsapi.Items[tag]       `xml:"tagSet,omitempty"`
	VolumeType         string                   `xml:"volumeType"`
	IOPS               int                      `xml:"iops,omitempty"`
	Throughput         int                      `xml:"throughput,omitempty"`
	Encrypted          bool                     `xml:"encrypted"`
	KMSKeyID           string                   `xml:"kmsKeyId,omitempty"`
	SSEType            string                   `xml:"sseType,omitempty"`
	MultiAttachEnabled bool                     `xml:"multiAttachEnabled"`
	FastRestored       bool                     `xml:"fastRestored,omitempty"`
	Operator           struct {
		Managed bool `xml:"managed"`
	} `xml:"operator"`
}

// attachment is an attachment as the API shows it.
type attachment struct {
	VolumeID            string `xml:"volumeId"`
	InstanceID          string `xml:"instanceId"`
	Device              string `xml:"device"`
	Status              string `xml:"status"`
	AttachTime          string `xml:"attachTime"`
	DeleteOnTermination bool   `xml:"deleteOnTermination"`
}

func (c *call) volume(v ec2.Volume) volume {
	out := volume{
		VolumeID: v.ID, Size: v.SizeGiB, SnapshotID: v.SnapshotID, Zone: v.Zone, Status: string(v.State), StatusMessage: v.StateMessage,
		CreateTime: awsapi.Timestamp(v.Created), Tags: tagSet(c.api.ec2.VolumeTags(v)), VolumeType: v.Type, IOPS: v.IOPS,
		Throughput: v.Throughput, Encrypted: v.Encrypted, KMSKeyID: v.KeyARN, MultiAttachEnabled: v.MultiAttach, FastRestored: v.FastRestored,
	}
	for _, zone := range ec2.Zones(v.Region) {
		if zone.Name == v.Zone {
			out.ZoneID = zone.ID
		}
	}
	if v.Encrypted {
		out.SSEType = "sse-kms"
	}
	if v.Attachment != nil && v.State != ec2.VolumeCreating {
		out.Attachments.Item = []attachment{attachmentOf(v)}
	}
	return out
}

func attachmentOf(v ec2.Volume) attachment {
	a := v.Attachment
	return attachment{
		VolumeID: v.ID, InstanceID: a.InstanceID, Device: a.Device, Status: string(a.State),
		AttachTime: awsapi.Timestamp(a.Since), DeleteOnTermination: a.DeleteOnTermination,
	}
}

func describeVolumes(ctx context.Context, c *call) (any, error) {
	c.Accept("IncludeManagedResources")
	q, err := c.page(c.Strings("VolumeId"))
	if err != nil {
		return nil, err
	}
	page, err := c.api.ec2.DescribeVolumes(ctx, c.caller, q)
	if err != nil {
		return nil, err
	}
	var out struct {
		Volumes   awsapi.Items[volume] `xml:"volumeSet"`
		NextToken *string              `xml:"nextToken"`
	}
	for _, v := range page.Items {
		out.Volumes.Item = append(out.Volumes.Item, c.volume(v))
	}
	out.NextToken, err = c.next(q, page.Next)
	return out, err
}

func attachVolume(ctx context.Context, c *call) (any, error) {
	r := ec2.AttachRequest{VolumeID: c.Required("VolumeId"), InstanceID: c.Required("InstanceId"), Device: c.Required("Device"), DryRun: c.Flag("DryRun")}
	c.Accept("EbsCardIndex")
	if err := c.Done(); err != nil {
		return nil, err
	}
	v, err := c.api.ec2.AttachVolume(ctx, c.caller, r)
	if err != nil {
		return nil, err
	}
	return attachmentOf(v), nil
}

func detachVolume(ctx context.Context, c *call) (any, error) {
	r := ec2.DetachRequest{
		VolumeID: c.Required("VolumeId"), InstanceID: c.String("InstanceId"), Device: c.String("Device"),
		Force: c.Flag("Force"), DryRun: c.Flag("DryRun"),
	}
	if err := c.Done(); err != nil {
		return nil, err
	}
	v, err := c.api.ec2.DetachVolume(ctx, c.caller, r)
	if err != nil {
		return nil, err
	}
	return attachmentOf(v), nil
}

func deleteVolume(ctx context.Context, c *call) (any, error) {
	id, dryRun := c.Required("VolumeId"), c.Flag("DryRun")
	if err := c.Done(); err != nil {
		return nil, err
	}
	return ok(c.api.ec2.DeleteVolume(ctx, c.caller, id, dryRun))
}
