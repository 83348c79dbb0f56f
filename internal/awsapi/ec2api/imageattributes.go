package ec2api

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
)

func setImage(change ec2.ImageChange) func(ctx context.Context, c *call) (any, error) {
	return func(ctx context.Context, c *call) (any, error) {
		id, dryRun := c.Required("ImageId"), c.Flag("DryRun")
		c.Accept("WithCooldown")
		if err := c.Done(); err != nil {
			return nil, err
		}
		return ok(c.api.ec2.ModifyImage(ctx, c.caller, id, change, dryRun))
	}
}

func enableDeprecation(ctx context.Context, c *call) (any, error) {
	id, dryRun, at := c.Required("ImageId"), c.Flag("DryRun"), c.Time("DeprecateAt")
	if at.IsZero() {
		c.Required("DeprecateAt")
	} else if at.Before(c.api.now()) {
		c.Fail(awsapi.Errorf("InvalidParameterValue", "The deprecation time must be in the future."))
	}
	if err := c.Done(); err != nil {
		return nil, err
	}
	return ok(c.api.ec2.ModifyImage(ctx, c.caller, id, ec2.ImageChange{DeprecationTime: &at}, dryRun))
}

func modifyImageAttribute(ctx context.Context, c *call) (any, error) {
	id, dryRun, attribute, value := c.Required("ImageId"), c.Flag("DryRun"), c.String("Attribute"), c.String("Value")
	if c.Has("OrganizationArn") || c.Has("OrganizationalUnitArn") {
		c.Fail(awsapi.Errorf("UnsupportedOperation", "Images are shared with accounts; there are no organizations."))
	}
	share := c.shareChange("LaunchPermission")
	change := ec2.ImageChange{Description: c.attribute("Description.Value", "description", attribute, value), IMDSSupport: c.attribute("ImdsSupport.Value", "imdsSupport", attribute, value)}
	if attribute != "" && attribute != "launchPermission" && attribute != "description" && attribute != "imdsSupport" {
		c.Invalid("Attribute", "Expected: description, imdsSupport or launchPermission")
	}
	if err := c.Done(); err != nil {
		return nil, err
	}
	if change.Description != nil || change.IMDSSupport != nil {
		return ok(c.api.ec2.ModifyImage(ctx, c.caller, id, change, dryRun))
	}
	return ok(c.api.ec2.ModifyImageSharing(ctx, c.caller, id, share, dryRun))
}

func resetImageAttribute(ctx context.Context, c *call) (any, error) {
	id, dryRun, attribute := c.Required("ImageId"), c.Flag("DryRun"), c.Required("Attribute")
	if attribute != "launchPermission" {
		c.Invalid("Attribute", "Expected: launchPermission")
	}
	if err := c.Done(); err != nil {
		return nil, err
	}
	i, err := c.api.ec2.OwnImage(ctx, c.caller, id)
	if err != nil {
		return nil, err
	}
	change := ec2.ShareChange{Remove: i.LaunchAccounts, RemovePublic: i.Public}
	return ok(c.api.ec2.ModifyImageSharing(ctx, c.caller, id, change, dryRun))
}

func describeImageAttribute(ctx context.Context, c *call) (any, error) {
	id, attribute := c.Required("ImageId"), c.Required("Attribute")
	if err := c.Done(); err != nil {
		return nil, err
	}
	i, err := c.api.ec2.OwnImage(ctx, c.caller, id)
	if err != nil {
		return nil, err
	}
	out := struct {
		ImageID     string                     `xml:"imageId"`
		Description *textValue                 `xml:"description"`
		BootMode    *textValue                 `xml:"bootMode"`
		IMDSSupport *textValue                 `xml:"imdsSupport"`
		Launch      *awsapi.Items[permission]  `xml:"launchPermission"`
		Devices     *awsapi.Items[imageDevice] `xml:"blockDeviceMapping"`
		Products    *awsapi.Items[struct{}]    `xml:"productCodes"`
		Kernel      *textValue                 `xml:"kernel"`
		Ramdisk     *textValue                 `xml:"ramdisk"`
		Protection  *textValue                 `xml:"deregistrationProtection"`
	}{ImageID: id}
	switch attribute {
	case "description":
		out.Description = &textValue{i.Description}
	case "bootMode":
		out.BootMode = &textValue{i.BootMode}
	case "imdsSupport":
		out.IMDSSupport = &textValue{i.IMDSSupport}
	case "launchPermission":
		list := permissions(i.LaunchAccounts, i.Public)
		out.Launch = &list
	case "blockDeviceMapping":
		list := imageDevices(i)
		out.Devices = &list
	case "productCodes":
		out.Products = &awsapi.Items[struct{}]{}
	case "kernel":
		out.Kernel = &textValue{}
	case "ramdisk":
		out.Ramdisk = &textValue{}
	case "deregistrationProtection":
		out.Protection = &textValue{imageOf(i).Protection}
	default:
		return nil, awsapi.Errorf("InvalidParameterValue", "Value (%s) for parameter attribute is invalid.", attribute)
	}
	return out, nil
}
