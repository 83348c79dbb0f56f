package ec2api

import (
	"context"
	"encoding/base64"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
	"coffer.example/kms"
)

func instanceOperations() map[string]operation {
	return map[string]operation{
		"RunInstances":                         {run: runInstances, on: both(makes("instance", "volume"), on("image", "ImageId"), on("subnet", "SubnetId"))},
		"DescribeInstances":                    {run: describeInstances, readOnly: true},
		"DescribeInstanceStatus":               {run: describeInstanceStatus, readOnly: true},
		"TerminateInstances":                   {run: changeStates((*ec2.Service).TerminateInstances), on: onEach("instance", "InstanceId")},
		"StopInstances":                        {run: changeStates((*ec2.Service).StopInstances), on: onEach("instance", "InstanceId")},
		"StartInstances":                       {run: changeStates((*ec2.Service).StartInstances), on: onEach("instance", "InstanceId")},
		"RebootInstances":                      {run: rebootInstances, on: onEach("instance", "InstanceId")},
		"MonitorInstances":                     {run: monitorInstances(true), on: onEach("instance", "InstanceId")},
		"UnmonitorInstances":                   {run: monitorInstances(false), on: onEach("instance", "InstanceId")},
		"DescribeInstanceAttribute":            {run: describeInstanceAttribute, readOnly: true},
		"ModifyInstanceAttribute":              {run: modifyInstanceAttribute, on: on("instance", "InstanceId")},
		"ModifyInstanceMetadataOptions":        {run: modifyMetadataOptions, on: on("instance", "InstanceId")},
		"DescribeInstanceCreditSpecifications": {run: describeCredits, readOnly: true},
	}
}

func runInstances(ctx context.Context, c *call) (any, error) {
	r := ec2.LaunchRequest{
		ImageID: c.String("ImageId"), MinCount: positive(c.Params, "MinCount"), MaxCount: positive(c.Params, "MaxCount"),
		Type: c.String("InstanceType"), KeyName: c.String("KeyName"),
		Zone: c.String("Placement.AvailabilityZone"), ZoneID: c.String("Placement.AvailabilityZoneId"),
		SubnetID: c.String("SubnetId"), GroupIDs: c.Strings("SecurityGroupId"), PrivateIP: c.String("PrivateIpAddress"),
		ShutdownBehavior: c.String("InstanceInitiatedShutdownBehavior"), TerminationProtection: c.Flag("DisableApiTermination"),
		StopProtection: c.Flag("DisableApiStop"), EBSOptimized: c.Flag("EbsOptimized"), DetailedMonitoring: c.Flag("Monitoring.Enabled"),
		CPUCredits: c.String("CreditSpecification.CpuCredits"), Devices: c.devices(),
		ClientToken: c.String("ClientToken"), DryRun: c.Flag("DryRun"), Metadata: c.metadataOptions("MetadataOptions."),
	}
	tags := c.tagLists("instance", "volume", "network-interface")
	r.Tags, r.VolumeTags = tags["instance"], tags["volume"]
	data, err := base64.StdEncoding.DecodeString(c.String("UserData"))
	if err != nil {
		c.Fail(awsapi.Errorf("InvalidParameterValue", "Invalid BASE64 encoding of user data."))
	}
	r.UserData = data
	c.launchNetwork(&r)
	c.launchMachine()
	if err := c.Done(); err != nil {
		return nil, err
	}
	made, err := c.api.ec2.RunInstances(ctx, c.caller, r)
	if err != nil {
		return nil, err
	}
	return c.reservation(made, nil), nil
}

// launchNetwork reads the first network interface of a launch, where a client gives it instead of a subnet.
func (c *call) launchNetwork(r *ec2.LaunchRequest) {
	for _, p := range c.List("NetworkInterface") {
		if p.Int("DeviceIndex", 0) != 0 || p.Has("NetworkInterfaceId") {
			c.Fail(awsapi.Errorf("UnsupportedOperation", "Instances have one network interface, which is made with them."))
		}
		if v := p.String("SubnetId"); v != "" {
			r.SubnetID = v
		}
		if v := p.Strings("SecurityGroupId"); v != nil {
			r.GroupIDs = v
		}
		if v := p.String("PrivateIpAddress"); v != "" {
			r.PrivateIP = v
		}
		for _, name := range []string{"AssociatePublicIpAddress", "DeleteOnTermination", "Description", "InterfaceType"} {
			c.Accept(p.Name(name)) // there is no network
		}
	}
	if names := c.Strings("SecurityGroup"); len(names) > 0 && (len(names) != 1 || names[0] != "default") {
		c.Fail(awsapi.Errorf("InvalidGroup.NotFound", "The security group '%s' does not exist in default VPC", names[0]))
	}
}

// launchMachine reads what describes a machine: there is none behind an instance here.
func (c *call) launchMachine() {
	if c.Has("InstanceMarketOptions") {
		c.Fail(awsapi.Errorf("UnsupportedOperation", "Spot instances are not supported."))
	}
	if tenancy := c.String("Placement.Tenancy"); tenancy != "" && tenancy != "default" {
		c.Fail(awsapi.Errorf("UnsupportedOperation", "The tenancy '%s' is not supported.", tenancy))
	}
	if c.Flag("HibernationOptions.Configured") {
		c.Fail(awsapi.Errorf("UnsupportedHibernationConfiguration", "Hibernation is not supported."))
	}
	if c.Flag("EnclaveOptions.Enabled") {
		c.Fail(awsapi.Errorf("UnsupportedOperation", "Enclaves are not supported."))
	}
	c.Accept("CpuOptions", "CapacityReservationSpecification", "IamInstanceProfile", "MaintenanceOptions", "PrivateDnsNameOptions",
		"NetworkPerformanceOptions", "AdditionalInfo", "KernelId", "RamdiskId")
}

func (c *call) metadataOptions(prefix string) ec2.MetadataOptions {
	out := ec2.MetadataOptions{
		Tokens: c.String(prefix + "HttpTokens"), Endpoint: c.String(prefix + "HttpEndpoint"), IPv6: c.String(prefix + "HttpProtocolIpv6"),
		InstanceTags: c.String(prefix + "InstanceMetadataTags"), HopLimit: positive(c.Params, prefix+"HttpPutResponseHopLimit"),
	}
	for value, allowed := range map[*string][]string{
		&out.Tokens: {"optional", "required"}, &out.Endpoint: {"enabled", "disabled"},
		&out.IPv6: {"enabled", "disabled"}, &out.InstanceTags: {"enabled", "disabled"},
	} {
		if *value != "" && *value != allowed[0] && *value != allowed[1] {
			c.Fail(awsapi.Errorf("InvalidParameterValue", "Value (%s) is invalid. Expected: %s or %s", *value, allowed[0], allowed[1]))
		}
	}
	return out
}

func describeInstances(ctx context.Context, c *call) (any, error) {
	c.Accept("IncludeManagedResources")
	q, err := c.page(c.Strings("InstanceId"))
	if err != nil {
		return nil, err
	}
	page, err := c.api.ec2.DescribeInstances(ctx, c.caller, q)
	if err != nil {
		return nil, err
	}
	volumes, err := c.api.ec2.AttachmentsOf(ctx, page.Items)
	if err != nil {
		return nil, err
	}
	var out struct {
		Reservations awsapi.Items[reservation] `xml:"reservationSet"`
		NextToken    *string                   `xml:"nextToken"`
	}
	groups := map[string][]ec2.Instance{}
	var order []string
	for _, i := range page.Items {
		if groups[i.Reservation] == nil {
			order = append(order, i.Reservation)
		}
		groups[i.Reservation] = append(groups[i.Reservation], i)
	}
	for _, id := range order {
		out.Reservations.Item = append(out.Reservations.Item, c.reservation(groups[id], volumes))
	}
	out.NextToken, err = c.next(q, page.Next)
	return out, err
}

// stateChange is an instance's change of state as the API shows it.
type stateChange struct {
	InstanceID string    `xml:"instanceId"`
	Current    stateName `xml:"currentState"`
	Previous   stateName `xml:"previousState"`
}

type stateName struct {
	Code int    `xml:"code"`
	Name string `xml:"name"`
}

func nameOf(s ec2.InstanceState) stateName { return stateName{s.Code(), string(s)} }

type changer func(s *ec2.Service, ctx context.Context, caller kms.Caller, ids []string, dryRun bool) ([]ec2.StateChange, error)

func changeStates(change changer) func(ctx context.Context, c *call) (any, error) {
	return func(ctx context.Context, c *call) (any, error) {
		ids, dryRun := c.Strings("InstanceId"), c.Flag("DryRun")
		c.Accept("Force", "SkipOsShutdown", "AdditionalInfo") // there is no operating system to shut down
		if c.Flag("Hibernate") {
			c.Fail(awsapi.Errorf("UnsupportedHibernationConfiguration", "Hibernation is not supported."))
		}
		if err := c.Done(); err != nil {
			return nil, err
		}
		changes, err := change(c.api.ec2, ctx, c.caller, ids, dryRun)
		if err != nil {
			return nil, err
		}
		var out struct {
			Instances awsapi.Items[stateChange] `xml:"instancesSet"`
		}
		for _, s := range changes {
			out.Instances.Item = append(out.Instances.Item, stateChange{s.ID, nameOf(s.Current), nameOf(s.Previous)})
		}
		return out, nil
	}
}

func rebootInstances(ctx context.Context, c *call) (any, error) {
	ids, dryRun := c.Strings("InstanceId"), c.Flag("DryRun")
	if err := c.Done(); err != nil {
		return nil, err
	}
	return ok(c.api.ec2.RebootInstances(ctx, c.caller, ids, dryRun))
}
