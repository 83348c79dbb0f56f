package ec2api

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
)

// permission is one entry of createVolumePermission or launchPermission.
type permission struct {
	UserID string `xml:"userId,omitempty"`
	Group  string `xml:"group,omitempty"`
}

func permissions(accounts []string, public bool) awsapi.Items[permission] {
	var out awsapi.Items[permission]
	if public {
		out.Item = append(out.Item, permission{Group: "all"})
	}
	for _, account := range accounts {
		out.Item = append(out.Item, permission{UserID: account})
	}
	return out
}

// shareChange reads a change of permissions in either of its two spellings:
// OperationType with lists, or a structure with Add and Remove.
func (c *call) shareChange(structure string) ec2.ShareChange {
	var out ec2.ShareChange
	for _, add := range []bool{true, false} {
		list := structure + ".Remove"
		if add {
			list = structure + ".Add"
		}
		for _, p := range c.List(list) {
			changeShare(c, &out, add, p.String("UserId"), p.String("Group"))
		}
	}
	users, groups := c.Strings("UserId"), c.Strings("UserGroup")
	operation := c.String("OperationType")
	if len(users)+len(groups) > 0 && operation != "add" && operation != "remove" {
		c.Invalid("OperationType", "Expected: add or remove")
	}
	for _, user := range users {
		changeShare(c, &out, operation == "add", user, "")
	}
	for _, group := range groups {
		changeShare(c, &out, operation == "add", "", group)
	}
	return out
}

func changeShare(c *call, to *ec2.ShareChange, add bool, user, group string) {
	switch {
	case group != "" && group != "all":
		c.Fail(awsapi.Errorf("InvalidAttributeValue", "Invalid group: %s. Expected: all", group))
	case group == "all" && add:
		to.AddPublic = true
	case group == "all":
		to.RemovePublic = true
	case add:
		to.Add = append(to.Add, user)
	default:
		to.Remove = append(to.Remove, user)
	}
}

func modifySnapshotAttribute(ctx context.Context, c *call) (any, error) {
	id, dryRun, attribute := c.Required("SnapshotId"), c.Flag("DryRun"), c.String("Attribute")
	change := c.shareChange("CreateVolumePermission")
	if attribute != "" && attribute != "createVolumePermission" {
		c.Invalid("Attribute", "Expected: createVolumePermission")
	}
	if err := c.Done(); err != nil {
		return nil, err
	}
	return ok(c.api.ec2.ModifySnapshotSharing(ctx, c.caller, id, change, dryRun))
}

func resetSnapshotAttribute(ctx context.Context, c *call) (any, error) {
	id, dryRun, attribute := c.Required("SnapshotId"), c.Flag("DryRun"), c.Required("Attribute")
	if attribute != "createVolumePermission" {
		c.Invalid("Attribute", "Expected: createVolumePermission")
	}
	if err := c.Done(); err != nil {
		return nil, err
	}
	s, err := c.api.ec2.SnapshotSharing(ctx, c.caller, id)
	if err != nil {
		return nil, err
	}
	change := ec2.ShareChange{Remove: s.Shares, RemovePublic: s.Public}
	return ok(c.api.ec2.ModifySnapshotSharing(ctx, c.caller, id, change, dryRun))
}

func describeSnapshotAttribute(ctx context.Context, c *call) (any, error) {
	id, attribute := c.Required("SnapshotId"), c.Required("Attribute")
	if err := c.Done(); err != nil {
		return nil, err
	}
	s, err := c.api.ec2.SnapshotSharing(ctx, c.caller, id)
	if err != nil {
		return nil, err
	}
	out := struct {
		SnapshotID  string                    `xml:"snapshotId"`
		Permissions *awsapi.Items[permission] `xml:"createVolumePermission"`
		Products    *awsapi.Items[struct{}]   `xml:"productCodes"`
	}{SnapshotID: id}
	switch attribute {
	case "createVolumePermission":
		list := permissions(s.Shares, s.Public)
		out.Permissions = &list
	case "productCodes":
		out.Products = &awsapi.Items[struct{}]{}
	default:
		return nil, awsapi.Errorf("InvalidParameterValue", "Value (%s) for parameter attribute is invalid.", attribute)
	}
	return out, nil
}
