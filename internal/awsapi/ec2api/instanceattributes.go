package ec2api

import (
	"context"
	"encoding/base64"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
)

// textValue is an attribute that is a text; nil where there is none.
type textValue struct {
	Value string `xml:"value,omitempty"`
}

type instanceAttribute struct {
	InstanceID       string                `xml:"instanceId"`
	InstanceType     *textValue            `xml:"instanceType"`
	UserData         *textValue            `xml:"userData"`
	DisableTerminate *boolValue            `xml:"disableApiTermination"`
	DisableStop      *boolValue            `xml:"disableApiStop"`
	Shutdown         *textValue            `xml:"instanceInitiatedShutdownBehavior"`
	RootDevice       *textValue            `xml:"rootDeviceName"`
	Devices          *awsapi.Items[device] `xml:"blockDeviceMapping"`
	Groups           *awsapi.Items[group]  `xml:"groupSet"`
	SourceDestCheck  *boolValue            `xml:"sourceDestCheck"`
	EBSOptimized     *boolValue            `xml:"ebsOptimized"`
	ENASupport       *boolValue            `xml:"enaSupport"`
	Enclave          *struct {
		Enabled bool `xml:"enabled"`
	} `xml:"enclaveOptions"`
	Kernel       *textValue              `xml:"kernel"`
	Ramdisk      *textValue              `xml:"ramdisk"`
	ProductCodes *awsapi.Items[struct{}] `xml:"productCodes"`
	Sriov        *textValue              `xml:"sriovNetSupport"`
}

func describeInstanceAttribute(ctx context.Context, c *call) (any, error) {
	id, attribute := c.Required("InstanceId"), c.Required("Attribute")
	if err := c.Done(); err != nil {
		return nil, err
	}
	page, err := c.api.ec2.DescribeInstances(ctx, c.caller, ec2.Query{IDs: []string{id}})
	if err != nil {
		return nil, err
	}
	volumes, err := c.api.ec2.AttachmentsOf(ctx, page.Items)
	if err != nil {
		return nil, err
	}
	out := instanceAttribute{InstanceID: id}
	if !out.fill(attribute, page.Items[0], instanceOf(page.Items[0], volumes)) {
		return nil, awsapi.Errorf("InvalidParameterValue", "Value (%s) for parameter attribute is invalid. Unknown attribute.", attribute)
	}
	return out, nil
}

func (a *instanceAttribute) fill(attribute string, i ec2.Instance, shown instance) bool {
	switch attribute {
	case "instanceType":
		a.InstanceType = &textValue{i.Type}
	case "userData":
		a.UserData = &textValue{base64.StdEncoding.EncodeToString(i.UserData)}
	case "disableApiTermination":
		a.DisableTerminate = &boolValue{i.TerminationProtection}
	case "disableApiStop":
		a.DisableStop = &boolValue{i.StopProtection}
	case "instanceInitiatedShutdownBehavior":
		a.Shutdown = &textValue{shutdownBehavior(i)}
	case "rootDeviceName":
		a.RootDevice = &textValue{i.RootDevice}
	case "blockDeviceMapping":
		a.Devices = &shown.Devices
	case "groupSet":
		a.Groups = &shown.Groups
	case "sourceDestCheck":
		a.SourceDestCheck = &boolValue{!i.SourceDestCheckOff}
	case "ebsOptimized":
		a.EBSOptimized = &boolValue{i.EBSOptimized}
	case "enaSupport":
		a.ENASupport = &boolValue{true}
	case "enclaveOptions":
		a.Enclave = &struct {
			Enabled bool `xml:"enabled"`
		}{}
	case "kernel":
		a.Kernel = &textValue{}
	case "ramdisk":
		a.Ramdisk = &textValue{}
	case "productCodes":
		a.ProductCodes = &awsapi.Items[struct{}]{}
	case "sriovNetSupport":
		a.Sriov = &textValue{}
	default:
		return false
	}
	return true
}

func shutdownBehavior(i ec2.Instance) string {
	if i.ShutdownBehavior == "" {
		return "stop"
	}
	return i.ShutdownBehavior
}

// modifyInstanceAttribute changes one attribute, in either of the API's spellings.
func modifyInstanceAttribute(ctx context.Context, c *call) (any, error) {
	id, dryRun, attribute, value := c.Required("InstanceId"), c.Flag("DryRun"), c.String("Attribute"), c.String("Value")
	r := ec2.InstanceChange{
		Type: c.attribute("InstanceType.Value", "instanceType", attribute, value), UserData: c.attribute("UserData.Value", "userData", attribute, value),
		ShutdownBehavior: c.attribute("InstanceInitiatedShutdownBehavior.Value", "instanceInitiatedShutdownBehavior", attribute, value),
		GroupIDs:         c.Strings("GroupId"),
	}
	for _, flag := range []struct {
		to          **bool
		param, name string
	}{
		{&r.TerminationProtection, "DisableApiTermination.Value", "disableApiTermination"},
		{&r.StopProtection, "DisableApiStop.Value", "disableApiStop"},
		{&r.SourceDestCheck, "SourceDestCheck.Value", "sourceDestCheck"},
		{&r.EBSOptimized, "EbsOptimized.Value", "ebsOptimized"},
	} {
		if *flag.to = c.Bool(flag.param); attribute == flag.name {
			*flag.to = c.Bool("Value")
		}
	}
	r.DeleteOnTermination = map[string]bool{}
	for _, p := range c.List("BlockDeviceMapping") {
		if on := p.Struct("Ebs").Bool("DeleteOnTermination"); on != nil {
			r.DeleteOnTermination[p.Required("DeviceName")] = *on
		}
		p.Struct("Ebs").String("VolumeId")
	}
	if err := c.Done(); err != nil {
		return nil, err
	}
	return ok(c.api.ec2.ModifyInstance(ctx, c.caller, id, r, dryRun))
}

// attribute reads a text attribute as NAME.Value, or as Attribute and Value.
func (c *call) attribute(param, name, attribute, value string) *string {
	if v, given := c.Value(param); given {
		return &v
	}
	if attribute == name {
		return &value
	}
	return nil
}

func modifyMetadataOptions(ctx context.Context, c *call) (any, error) {
	id, dryRun, options := c.Required("InstanceId"), c.Flag("DryRun"), c.metadataOptions("")
	if err := c.Done(); err != nil {
		return nil, err
	}
	if err := c.api.ec2.ModifyInstance(ctx, c.caller, id, ec2.InstanceChange{Metadata: &options}, dryRun); err != nil {
		return nil, err
	}
	page, err := c.api.ec2.DescribeInstances(ctx, c.caller, ec2.Query{IDs: []string{id}})
	if err != nil {
		return nil, err
	}
	return struct {
		InstanceID string   `xml:"instanceId"`
		Options    metadata `xml:"instanceMetadataOptions"`
	}{id, metadataOf(page.Items[0].Metadata)}, nil
}

func monitorInstances(on bool) func(ctx context.Context, c *call) (any, error) {
	return func(ctx context.Context, c *call) (any, error) {
		ids, dryRun := c.Strings("InstanceId"), c.Flag("DryRun")
		if err := c.Done(); err != nil {
			return nil, err
		}
		type monitored struct {
			InstanceID string `xml:"instanceId"`
			State      string `xml:"monitoring>state"`
		}
		var out struct {
			Instances awsapi.Items[monitored] `xml:"instancesSet"`
		}
		state := "disabled"
		if on {
			state = "enabled"
		}
		for _, id := range ids {
			if err := c.api.ec2.ModifyInstance(ctx, c.caller, id, ec2.InstanceChange{DetailedMonitoring: &on}, dryRun); err != nil {
				return nil, err
			}
			out.Instances.Item = append(out.Instances.Item, monitored{id, state})
		}
		return out, nil
	}
}

func describeCredits(ctx context.Context, c *call) (any, error) {
	q, err := c.page(c.Strings("InstanceId"))
	if err != nil {
		return nil, err
	}
	page, err := c.api.ec2.DescribeInstances(ctx, c.caller, q)
	if err != nil {
		return nil, err
	}
	type credit struct {
		InstanceID string `xml:"instanceId"`
		CPUCredits string `xml:"cpuCredits"`
	}
	var out struct {
		Credits   awsapi.Items[credit] `xml:"instanceCreditSpecificationSet"`
		NextToken *string              `xml:"nextToken"`
	}
	for _, i := range page.Items {
		credits := i.CPUCredits
		if credits == "" {
			credits = "standard"
		}
		out.Credits.Item = append(out.Credits.Item, credit{i.ID, credits})
	}
	out.NextToken, err = c.next(q, page.Next)
	return out, err
}
