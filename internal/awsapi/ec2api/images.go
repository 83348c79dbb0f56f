package ec2api

import (
	"context"
	"time"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
)

func imageOperations() map[string]operation {
	return map[string]operation{
		"RegisterImage":                        {run: registerImage, on: makes("image")},
		"CreateImage":                          {run: createImage, on: both(makes("image", "snapshot"), on("instance", "InstanceId"))},
		"CopyImage":                            {run: copyImage, on: both(makes("image"), on("image", "SourceImageId"))},
		"DescribeImages":                       {run: describeImages, readOnly: true},
		"DeregisterImage":                      {run: deregisterImage, on: on("image", "ImageId")},
		"DescribeImageAttribute":               {run: describeImageAttribute, readOnly: true},
		"ModifyImageAttribute":                 {run: modifyImageAttribute, on: on("image", "ImageId")},
		"ResetImageAttribute":                  {run: resetImageAttribute, on: on("image", "ImageId")},
		"EnableImage":                          {run: setImage(ec2.ImageChange{Disabled: new(false)}), on: on("image", "ImageId")},
		"DisableImage":                         {run: setImage(ec2.ImageChange{Disabled: new(true)}), on: on("image", "ImageId")},
		"EnableImageDeprecation":               {run: enableDeprecation, on: on("image", "ImageId")},
		"DisableImageDeprecation":              {run: setImage(ec2.ImageChange{DeprecationTime: &time.Time{}}), on: on("image", "ImageId")},
		"EnableImageDeregistrationProtection":  {run: setImage(ec2.ImageChange{Protection: new(true)}), on: on("image", "ImageId")},
		"DisableImageDeregistrationProtection": {run: setImage(ec2.ImageChange{Protection: new(false)}), on: on("image", "ImageId")},
	}
}

func (c *call) imageRequest() ec2.ImageRequest {
	tags := c.tagLists("image", "snapshot")
	return ec2.ImageRequest{
		Name: c.Required("Name"), Description: c.String("Description"), Devices: c.devices(),
		Tags: tags["image"], SnapshotTags: tags["snapshot"], DryRun: c.Flag("DryRun"),
	}
}

// imageID is the answer of operations that make an image.
type imageID struct {
	ImageID string `xml:"imageId"`
}

func registerImage(ctx context.Context, c *call) (any, error) {
	r := c.imageRequest()
	r.Architecture, r.RootDevice, r.BootMode = c.String("Architecture"), c.String("RootDeviceName"), c.String("BootMode")
	r.Virtualization, r.IMDSSupport, r.ENASupport = c.String("VirtualizationType"), c.String("ImdsSupport"), c.Flag("EnaSupport")
	c.Accept("SriovNetSupport", "KernelId", "RamdiskId", "TpmSupport") // there is no machine
	if c.Has("ImageLocation") {
		c.Fail(awsapi.Errorf("UnsupportedOperation", "Images are registered from snapshots, not from a manifest."))
	}
	if err := c.Done(); err != nil {
		return nil, err
	}
	image, err := c.api.ec2.RegisterImage(ctx, c.caller, r)
	if err != nil {
		return nil, err
	}
	return imageID{image.ID}, nil
}

func createImage(ctx context.Context, c *call) (any, error) {
	r := c.imageRequest()
	r.InstanceID = c.Required("InstanceId")
	c.Accept("NoReboot") // there is no operating system to restart
	c.regional("SnapshotLocation")
	if err := c.Done(); err != nil {
		return nil, err
	}
	image, err := c.api.ec2.CreateImage(ctx, c.caller, r)
	if err != nil {
		return nil, err
	}
	return imageID{image.ID}, nil
}

func copyImage(ctx context.Context, c *call) (any, error) {
	tags := c.tagLists("image", "snapshot")
	r := ec2.CopyImageRequest{
		SourceRegion: c.Required("SourceRegion"), SourceID: c.Required("SourceImageId"), Name: c.Required("Name"), Description: c.String("Description"),
		Encrypted: flag(c.Params, "Encrypted"), KeyID: c.String("KmsKeyId"), CopyTags: c.Flag("CopyImageTags"),
		Tags: tags["image"], SnapshotTags: tags["snapshot"], ClientToken: c.String("ClientToken"), DryRun: c.Flag("DryRun"),
	}
	c.Accept("SnapshotCopyCompletionDurationMinutes")
	if err := c.Done(); err != nil {
		return nil, err
	}
	image, err := c.api.ec2.CopyImage(ctx, c.caller, r)
	if err != nil {
		return nil, err
	}
	return imageID{image.ID}, nil
}

// image is an image as the API shows it.
type image struct {
	ImageID          string                    `xml:"imageId"`
	Location         string                    `xml:"imageLocation"`
	State            string                    `xml:"imageState"`
	OwnerID          string                    `xml:"imageOwnerId"`
	OwnerAlias       string                    `xml:"imageOwnerAlias,omitempty"`
	Public           bool                      `xml:"isPublic"`
	CreationDate     string                    `xml:"creationDate"`
	Architecture     string                    `xml:"architecture"`
	ImageType        string                    `xml:"imageType"`
	Name             string                    `xml:"name"`
	Description      string                    `xml:"description,omitempty"`
	RootDeviceType   string                    `xml:"rootDeviceType"`
	RootDeviceName   string                    `xml:"rootDeviceName"`
	Devices          awsapi.Items[imageDevice] `xml:"blockDeviceMapping"`
	Virtualization   string                    `xml:"virtualizationType"`
	Hypervisor       string                    `xml:"hypervisor"`
	ENASupport       bool                      `xml:"enaSupport"`
	BootMode         string                    `xml:"bootMode,omitempty"`
	IMDSSupport      string                    `xml:"imdsSupport,omitempty"`
	PlatformDetails  string                    `xml:"platformDetails"`
	UsageOperation   string                    `xml:"usageOperation"`
	StateReason      *stateReason              `xml:"stateReason,omitempty"`
	DeprecationTime  string                    `xml:"deprecationTime,omitempty"`
	Protection       string                    `xml:"deregistrationProtection,omitempty"`
	SourceInstanceID string                    `xml:"sourceInstanceId,omitempty"`
	SourceImageID    string                    `xml:"sourceImageId,omitempty"`
	SourceRegion     string                    `xml:"sourceImageRegion,omitempty"`
	Tags             *awsapi.Items[tag]        `xml:"tagSet,omitempty"`
}

// imageDevice is a block device mapping of an image.
type imageDevice struct {
	DeviceName  string `xml:"deviceName"`
	VirtualName string `xml:"virtualName,omitempty"`
	EBS         *ebs   `xml:"ebs,omitempty"`
}

type ebs struct {
	SnapshotID          string `xml:"snapshotId,omitempty"`
	VolumeSize          int    `xml:"volumeSize"`
	DeleteOnTermination bool   `xml:"deleteOnTermination"`
	VolumeType          string `xml:"volumeType"`
	IOPS                int    `xml:"iops,omitempty"`
	Throughput          int    `xml:"throughput,omitempty"`
	Encrypted           bool   `xml:"encrypted"`
}

func imageDevices(i ec2.Image) awsapi.Items[imageDevice] {
	var out awsapi.Items[imageDevice]
	for _, d := range i.Mappings {
		m := imageDevice{DeviceName: d.Device, VirtualName: d.VirtualName}
		if d.VirtualName == "" {
			m.EBS = &ebs{d.SnapshotID, d.SizeGiB, d.DeleteOnTermination, d.Type, d.IOPS, d.Throughput, d.Encrypted}
		}
		out.Item = append(out.Item, m)
	}
	return out
}

func imageOf(i ec2.Image) image {
	out := image{
		ImageID: i.ID, Location: i.Owner + "/" + i.Name, State: string(i.State), OwnerID: i.Owner, Public: i.Public,
		CreationDate: awsapi.Timestamp(i.Created), Architecture: i.Architecture, ImageType: "machine", Name: i.Name, Description: i.Description,
		RootDeviceType: "ebs", RootDeviceName: i.RootDevice, Devices: imageDevices(i), Virtualization: i.Virtualization, Hypervisor: "xen",
		ENASupport: i.ENASupport, BootMode: i.BootMode, IMDSSupport: i.IMDSSupport, PlatformDetails: "Linux/UNIX", UsageOperation: "RunInstances",
		Protection: "disabled", SourceInstanceID: i.SourceInstanceID, SourceImageID: i.SourceImageID, SourceRegion: i.SourceRegion, Tags: tagSet(i.Tags),
	}
	if i.Protection {
		out.Protection = "enabled-without-cooldown"
	}
	if i.Owner == ec2.AmazonAccount {
		out.OwnerAlias, out.Location = "amazon", "amazon/"+i.Name
	}
	if i.StateCode != "" {
		out.StateReason = &stateReason{i.StateCode, i.StateMessage}
	}
	if !i.DeprecationTime.IsZero() {
		out.DeprecationTime = awsapi.Timestamp(i.DeprecationTime)
	}
	return out
}

func describeImages(ctx context.Context, c *call) (any, error) {
	visible := ec2.Visible{Owners: c.Strings("Owner"), Users: c.Strings("ExecutableBy")}
	deprecated, disabled := c.Flag("IncludeDeprecated"), c.Flag("IncludeDisabled")
	q, err := c.page(c.Strings("ImageId"), visible, deprecated, disabled)
	if err != nil {
		return nil, err
	}
	page, err := c.api.ec2.DescribeImages(ctx, c.caller, visible, q)
	if err != nil {
		return nil, err
	}
	var out struct {
		Images    awsapi.Items[image] `xml:"imagesSet"`
		NextToken *string             `xml:"nextToken"`
	}
	for _, i := range page.Items {
		expired := !i.DeprecationTime.IsZero() && i.DeprecationTime.Before(c.api.now())
		named := len(q.IDs) > 0
		if expired && !deprecated && !named && i.Owner != c.caller.Account || i.State == ec2.ImageDisabled && !disabled && !named {
			continue
		}
		out.Images.Item = append(out.Images.Item, imageOf(i))
	}
	out.NextToken, err = c.next(q, page.Next, visible, deprecated, disabled)
	return out, err
}

func deregisterImage(ctx context.Context, c *call) (any, error) {
	id, also, dryRun := c.Required("ImageId"), c.Flag("DeleteAssociatedSnapshots"), c.Flag("DryRun")
	if err := c.Done(); err != nil {
		return nil, err
	}
	return ok(c.api.ec2.DeregisterImage(ctx, c.caller, id, also, dryRun))
}
