package ec2api

import (
	"strings"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
)

// group names a security group.
type group struct {
	GroupID   string `xml:"groupId"`
	GroupName string `xml:"groupName"`
}

type reservation struct {
	ReservationID string                 `xml:"reservationId"`
	OwnerID       string                 `xml:"ownerId"`
	Groups        awsapi.Items[group]    `xml:"groupSet"`
	Instances     awsapi.Items[instance] `xml:"instancesSet"`
}

// device is a block device mapping of an instance.
type device struct {
	DeviceName string `xml:"deviceName"`
	EBS        struct {
		VolumeID            string `xml:"volumeId"`
		Status              string `xml:"status"`
		AttachTime          string `xml:"attachTime"`
		DeleteOnTermination bool   `xml:"deleteOnTermination"`
	} `xml:"ebs"`
}

type stateReason struct {
	Code    string `xml:"code"`
	Message string `xml:"message"`
}

// instance is an instance as the API shows it.
type instance struct {
	InstanceID   string                 `xml:"instanceId"`
	ImageID      string                 `xml:"imageId"`
	State        stateName              `xml:"instanceState"`
	PrivateDNS   string                 `xml:"privateDnsName"`
	PublicDNS    string                 `xml:"dnsName"`
	Reason       string                 `xml:"reason"`
	KeyName      string                 `xml:"keyName,omitempty"`
	LaunchIndex  int                    `xml:"amiLaunchIndex"`
	ProductCodes awsapi.Items[struct{}] `xml:"productCodes"`
	InstanceType string                 `xml:"instanceType"`
	LaunchTime   string                 `xml:"launchTime"`
	Placement    struct {
		Zone      string `xml:"availabilityZone"`
		ZoneID    string `xml:"availabilityZoneId"`
		GroupName string `xml:"groupName"`
		Tenancy   string `xml:"tenancy"`
	} `xml:"placement"`
	Monitoring struct {
		State string `xml:"state"`
	} `xml:"monitoring"`
	SubnetID           string                         `xml:"subnetId,omitempty"`
	VPCID              string                         `xml:"vpcId,omitempty"`
	PrivateIP          string                         `xml:"privateIpAddress,omitempty"`
	SourceDestCheck    bool                           `xml:"sourceDestCheck"`
	Groups             awsapi.Items[group]            `xml:"groupSet"`
	StateReason        *stateReason                   `xml:"stateReason,omitempty"`
	Architecture       string                         `xml:"architecture"`
	RootDeviceType     string                         `xml:"rootDeviceType"`
	RootDeviceName     string                         `xml:"rootDeviceName"`
	Devices            awsapi.Items[device]           `xml:"blockDeviceMapping"`
	VirtualizationType string                         `xml:"virtualizationType"`
	ClientToken        string                         `xml:"clientToken"`
	Tags               *awsapi.Items[tag]             `xml:"tagSet,omitempty"`
	Hypervisor         string                         `xml:"hypervisor"`
	Interfaces         awsapi.Items[networkInterface] `xml:"networkInterfaceSet"`
	EBSOptimized       bool                           `xml:"ebsOptimized"`
	ENASupport         bool                           `xml:"enaSupport"`
	CPUOptions         struct {
		Cores   int `xml:"coreCount"`
		Threads int `xml:"threadsPerCore"`
	} `xml:"cpuOptions"`
	Metadata metadata `xml:"metadataOptions"`
	Enclave  struct {
		Enabled bool `xml:"enabled"`
	} `xml:"enclaveOptions"`
	PlatformDetails string `xml:"platformDetails"`
	UsageOperation  string `xml:"usageOperation"`
	Maintenance     struct {
		AutoRecovery string `xml:"autoRecovery"`
	} `xml:"maintenanceOptions"`
}

type metadata struct {
	State        string `xml:"state"`
	Tokens       string `xml:"httpTokens"`
	HopLimit     int    `xml:"httpPutResponseHopLimit"`
	Endpoint     string `xml:"httpEndpoint"`
	IPv6         string `xml:"httpProtocolIpv6"`
	InstanceTags string `xml:"instanceMetadataTags"`
}

func (c *call) reservation(instances []ec2.Instance, volumes map[string]ec2.Volume) reservation {
	var out reservation
	for _, i := range instances {
		out.ReservationID, out.OwnerID = i.Reservation, i.Owner
		out.Instances.Item = append(out.Instances.Item, instanceOf(i, volumes))
	}
	return out
}

func instanceOf(i ec2.Instance, volumes map[string]ec2.Volume) instance {
	out := instance{
		InstanceID: i.ID, ImageID: i.ImageID, State: nameOf(i.State), Reason: i.Transition, KeyName: i.KeyName,
		LaunchIndex: i.LaunchIndex, InstanceType: i.Type, LaunchTime: awsapi.Timestamp(i.Launched),
		Architecture: i.Architecture, RootDeviceType: "ebs", RootDeviceName: i.RootDevice, VirtualizationType: "hvm",
		ClientToken: i.ClientToken, Tags: tagSet(i.Tags), Hypervisor: "xen", EBSOptimized: i.EBSOptimized, ENASupport: true,
		PlatformDetails: "Linux/UNIX", UsageOperation: "RunInstances", SourceDestCheck: !i.SourceDestCheckOff, Metadata: metadataOf(i.Metadata),
	}
	out.Placement.Zone, out.Placement.Tenancy = i.Zone, "default"
	for _, zone := range ec2.Zones(i.Region) {
		if zone.Name == i.Zone {
			out.Placement.ZoneID = zone.ID
		}
	}
	out.Monitoring.State = "disabled"
	if i.DetailedMonitoring {
		out.Monitoring.State = "enabled"
	}
	out.CPUOptions.Cores, out.CPUOptions.Threads = 1, 1
	out.Maintenance.AutoRecovery = "default"
	if i.StateCode != "" && i.State != ec2.InstanceRunning {
		out.StateReason = &stateReason{i.StateCode, i.StateMessage}
	}
	for _, d := range i.Devices {
		if v, ok := volumes[d.VolumeID]; ok {
			out.Devices.Item = append(out.Devices.Item, deviceOf(v))
		}
	}
	out.network(i)
	return out
}

// network fills in what a terminated instance has no more.
func (out *instance) network(i ec2.Instance) {
	if i.State == ec2.InstanceTerminated {
		return
	}
	out.PrivateIP, out.SubnetID, out.VPCID = i.PrivateIP, i.SubnetID, ec2.NetworkOf(i.Owner, i.Region).VPC
	out.PrivateDNS = "ip-" + strings.ReplaceAll(i.PrivateIP, ".", "-") + "." + i.Region + ".compute.internal"
	for _, id := range i.GroupIDs {
		out.Groups.Item = append(out.Groups.Item, group{id, "default"})
	}
	out.Interfaces.Item = []networkInterface{interfaceOf(i)}
}

func deviceOf(v ec2.Volume) device {
	var out device
	out.DeviceName = v.Attachment.Device
	out.EBS.VolumeID, out.EBS.Status = v.ID, string(v.Attachment.State)
	out.EBS.AttachTime, out.EBS.DeleteOnTermination = awsapi.Timestamp(v.Attachment.Since), v.Attachment.DeleteOnTermination
	return out
}

func metadataOf(m ec2.MetadataOptions) metadata {
	out := metadata{State: "applied", Tokens: "optional", HopLimit: 1, Endpoint: "enabled", IPv6: "disabled", InstanceTags: "disabled"}
	for _, set := range []struct {
		to   *string
		from string
	}{{&out.Tokens, m.Tokens}, {&out.Endpoint, m.Endpoint}, {&out.IPv6, m.IPv6}, {&out.InstanceTags, m.InstanceTags}} {
		if set.from != "" {
			*set.to = set.from
		}
	}
	if m.HopLimit != 0 {
		out.HopLimit = m.HopLimit
	}
	return out
}
