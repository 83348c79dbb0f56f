package ec2api

import (
	"context"
	"strconv"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
	"coffer.example/snapshot"
)

func snapshotOperations() map[string]operation {
	return map[string]operation{
		"CreateSnapshot":             {run: createSnapshot, on: both(makes("snapshot"), on("volume", "VolumeId"))},
		"CreateSnapshots":            {run: createSnapshots, on: both(makes("snapshot", "volume"), on("instance", "InstanceSpecification.InstanceId"))},
		"DescribeSnapshots":          {run: describeSnapshots, readOnly: true},
		"CopySnapshot":               {run: copySnapshot, on: both(makes("snapshot"), on("snapshot", "SourceSnapshotId"))},
		"DeleteSnapshot":             {run: deleteSnapshot, on: on("snapshot", "SnapshotId")},
		"DescribeSnapshotAttribute":  {run: describeSnapshotAttribute, readOnly: true},
		"ModifySnapshotAttribute":    {run: modifySnapshotAttribute, on: on("snapshot", "SnapshotId")},
		"ResetSnapshotAttribute":     {run: resetSnapshotAttribute, on: on("snapshot", "SnapshotId")},
		"DescribeSnapshotTierStatus": {run: describeSnapshotTierStatus, readOnly: true},
	}
}

// snap is a snapshot as the API shows it.
type snap struct {
	SnapshotID     string             `xml:"snapshotId"`
	VolumeID       string             `xml:"volumeId"`
	Status         string             `xml:"status,omitempty"`
	State          string             `xml:"state,omitempty"` // the name that CreateSnapshots uses
	StatusMessage  string             `xml:"statusMessage,omitempty"`
	StartTime      string             `xml:"startTime"`
	CompletionTime string             `xml:"completionTime,omitempty"`
	Progress       string             `xml:"progress"`
	OwnerID        string             `xml:"ownerId"`
	VolumeSize     int                `xml:"volumeSize"`
	Description    string             `xml:"description"`
	Encrypted      bool               `xml:"encrypted"`
	KMSKeyID       string             `xml:"kmsKeyId,omitempty"`
	DataKeyID      string             `xml:"dataEncryptionKeyId,omitempty"`
	SSEType        string             `xml:"sseType,omitempty"`
	StorageTier    string             `xml:"storageTier,omitempty"`
	TransferType   string             `xml:"transferType,omitempty"`
	Tags           *awsapi.Items[tag] `xml:"tagSet,omitempty"`
}

func snapOf(s ec2.Snapshot) snap {
	out := snap{
		SnapshotID: s.ID, VolumeID: s.VolumeID, Status: string(s.State), StatusMessage: s.StateMessage,
		StartTime: awsapi.Timestamp(s.Started), Progress: strconv.Itoa(s.Progress()) + "%", OwnerID: s.Owner,
		VolumeSize: s.SizeGiB, Description: s.Description, Encrypted: s.Encrypted, KMSKeyID: s.KeyARN, DataKeyID: s.DataKeyID,
		StorageTier: "standard", Tags: tagSet(s.Tags),
	}
	if !s.Completed.IsZero() {
		out.CompletionTime = awsapi.Timestamp(s.Completed)
	}
	if s.SourceID != "" {
		out.TransferType = "standard"
	}
	if s.Encrypted {
		out.SSEType = "sse-kms"
	}
	return out
}

func createSnapshot(ctx context.Context, c *call) (any, error) {
	r := ec2.SnapshotRequest{
		VolumeID: c.Required("VolumeId"), Description: c.String("Description"), DryRun: c.Flag("DryRun"),
		Tags: c.tagLists("snapshot")["snapshot"],
	}
	c.regional("Location")
	if err := c.Done(); err != nil {
		return nil, err
	}
	s, err := c.api.ec2.CreateSnapshot(ctx, c.caller, r)
	if err != nil {
		return nil, err
	}
	return snapOf(s), nil
}

// regional refuses snapshots outside Regions: there are no local zones here.
func (c *call) regional(param string) {
	if v, given := c.Value(param); given && v != "regional" {
		c.Fail(awsapi.Errorf("UnsupportedOperation", "Snapshots are kept in Regions only."))
	}
}

func createSnapshots(ctx context.Context, c *call) (any, error) {
	r := ec2.InstanceSnapshotsRequest{
		InstanceID:     c.Required("InstanceSpecification.InstanceId"),
		ExcludeBoot:    c.Flag("InstanceSpecification.ExcludeBootVolume"),
		ExcludeVolumes: c.Strings("InstanceSpecification.ExcludeDataVolumeId"),
		Description:    c.String("Description"), DryRun: c.Flag("DryRun"),
		Tags: c.tagLists("snapshot")["snapshot"],
	}
	switch from := c.String("CopyTagsFromSource"); from {
	case "":
	case "volume":
		r.CopyVolumeTags = true
	default:
		c.Invalid("CopyTagsFromSource", "Expected: volume")
	}
	c.regional("Location")
	if err := c.Done(); err != nil {
		return nil, err
	}
	made, err := c.api.ec2.CreateSnapshots(ctx, c.caller, r)
	if err != nil {
		return nil, err
	}
	var out struct {
		Snapshots awsapi.Items[snap] `xml:"snapshotSet"`
	}
	for _, s := range made {
		info := snapOf(s)
		info.State, info.Status, info.StorageTier = info.Status, "", ""
		out.Snapshots.Item = append(out.Snapshots.Item, info)
	}
	return out, nil
}

func describeSnapshots(ctx context.Context, c *call) (any, error) {
	visible := ec2.Visible{Owners: c.Strings("Owner"), Users: c.Strings("RestorableBy")}
	q, err := c.page(c.Strings("SnapshotId"), visible)
	if err != nil {
		return nil, err
	}
	page, err := c.api.ec2.DescribeSnapshots(ctx, c.caller, visible, q)
	if err != nil {
		return nil, err
	}
	var out struct {
		Snapshots awsapi.Items[snap] `xml:"snapshotSet"`
		NextToken *string            `xml:"nextToken"`
	}
	for _, s := range page.Items {
		out.Snapshots.Item = append(out.Snapshots.Item, snapOf(s))
	}
	out.NextToken, err = c.next(q, page.Next, visible)
	return out, err
}

func copySnapshot(ctx context.Context, c *call) (any, error) {
	r := ec2.CopySnapshotRequest{
		SourceRegion: c.Required("SourceRegion"), SourceID: c.Required("SourceSnapshotId"), Description: c.String("Description"),
		Encrypted: flag(c.Params, "Encrypted"), KeyID: c.String("KmsKeyId"), DryRun: c.Flag("DryRun"),
		Tags: c.tagLists("snapshot")["snapshot"],
	}
	// SDKs sign a request to the source Region and send it along; nobody has to be asked here.
	c.Accept("PresignedUrl", "CompletionDurationMinutes")
	c.destination("DestinationRegion")
	if err := c.Done(); err != nil {
		return nil, err
	}
	if r.Encrypted == snapshot.False && r.KeyID == "" {
		return nil, awsapi.Errorf("InvalidParameterValue", "Value (false) for parameter encrypted is invalid. You cannot set this parameter to false.")
	}
	s, err := c.api.ec2.CopySnapshot(ctx, c.caller, r)
	if err != nil {
		return nil, err
	}
	return struct {
		SnapshotID string             `xml:"snapshotId"`
		Tags       *awsapi.Items[tag] `xml:"tagSet,omitempty"`
	}{s.ID, tagSet(s.Tags)}, nil
}

// destination refuses a destination other than the Region that the request is for.
func (c *call) destination(param string) {
	if v := c.String(param); v != "" && v != c.caller.Region {
		c.Fail(awsapi.Errorf("InvalidParameterValue", "Value (%s) for parameter destinationRegion is invalid. The request must be sent to the destination Region.", v))
	}
}

func deleteSnapshot(ctx context.Context, c *call) (any, error) {
	id, dryRun := c.Required("SnapshotId"), c.Flag("DryRun")
	if err := c.Done(); err != nil {
		return nil, err
	}
	return ok(c.api.ec2.DeleteSnapshot(ctx, c.caller, id, dryRun))
}

func describeSnapshotTierStatus(ctx context.Context, c *call) (any, error) {
	q, err := c.page(nil)
	if err != nil {
		return nil, err
	}
	page, err := c.api.ec2.DescribeSnapshots(ctx, c.caller, ec2.Visible{Owners: []string{"self"}}, q)
	if err != nil {
		return nil, err
	}
	type tier struct {
		SnapshotID  string             `xml:"snapshotId"`
		VolumeID    string             `xml:"volumeId"`
		Status      string             `xml:"status"`
		OwnerID     string             `xml:"ownerId"`
		StorageTier string             `xml:"storageTier"`
		Tags        *awsapi.Items[tag] `xml:"tagSet,omitempty"`
	}
	var out struct {
		Tiers     awsapi.Items[tier] `xml:"snapshotTierStatusSet"`
		NextToken *string            `xml:"nextToken"`
	}
	for _, s := range page.Items {
		out.Tiers.Item = append(out.Tiers.Item, tier{s.ID, s.VolumeID, string(s.State), s.Owner, "standard", tagSet(s.Tags)})
	}
	out.NextToken, err = c.next(q, page.Next)
	return out, err
}
