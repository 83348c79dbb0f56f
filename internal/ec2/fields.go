package ec2

import (
	"strconv"
)

// The filters of each Describe, by the names of the EC2 API.

func volumeField(v Volume, name string) ([]string, bool) {
	switch name {
	case "volume-id":
		return one(v.ID)
	case "availability-zone":
		return one(v.Zone)
	case "availability-zone-id":
		return one(zoneID(v.Region, v.Zone))
	case "create-time":
		return stamp(v.Created)
	case "encrypted":
		return yes(v.Encrypted)
	case "fast-restored":
		return yes(false)
	case "multi-attach-enabled":
		return yes(v.MultiAttach)
	case "operator.managed":
		return yes(false)
	case "operator.principal":
		return nil, true
	case "size":
		return num(v.SizeGiB)
	case "snapshot-id":
		return one(v.SnapshotID)
	case "status":
		return one(string(v.State))
	case "volume-type":
		return one(v.Type)
	}
	return attachmentField(v.Attachment, name)
}

func attachmentField(a *Attachment, name string) ([]string, bool) {
	there := a != nil
	if !there {
		a = &Attachment{}
	}
	var values []string
	known := true
	switch name {
	case "attachment.attach-time":
		values, _ = stamp(a.Since)
	case "attachment.delete-on-termination":
		values, _ = yes(a.DeleteOnTermination)
	case "attachment.device":
		values, _ = one(a.Device)
	case "attachment.instance-id":
		values, _ = one(a.InstanceID)
	case "attachment.status":
		values, _ = one(string(a.State))
	default:
		known = false
	}
	if !there {
		values = nil
	}
	return values, known
}

func zoneID(region, name string) string {
	for _, zone := range Zones(region) {
		if zone.Name == name {
			return zone.ID
		}
	}
	return ""
}

// Progress is how far a snapshot has come, in percent.
func (v Snapshot) Progress() int {
	switch {
	case v.State == SnapshotCompleted:
		return 100
	case v.Total > 0:
		return int(min(v.Done, v.Total) * 99 / v.Total)
	}
	return 0
}

func snapshotField(v Snapshot, name string) ([]string, bool) {
	switch name {
	case "snapshot-id":
		return one(v.ID)
	case "description":
		return one(v.Description)
	case "encrypted":
		return yes(v.Encrypted)
	case "owner-alias":
		return nil, true
	case "owner-id":
		return one(v.Owner)
	case "progress":
		return one(strconv.Itoa(v.Progress()) + "%")
	case "start-time":
		return stamp(v.Started)
	case "status":
		return one(string(v.State))
	case "storage-tier":
		return one("standard")
	case "transfer-type":
		return one("standard")
	case "volume-id":
		return one(v.VolumeID)
	case "volume-size":
		return num(v.SizeGiB)
	}
	return nil, false
}

func instanceField(v Instance, name string) ([]string, bool) {
	switch name {
	case "instance-id":
		return one(v.ID)
	case "architecture":
		return one(v.Architecture)
	case "availability-zone":
		return one(v.Zone)
	case "availability-zone-id":
		return one(zoneID(v.Region, v.Zone))
	case "block-device-mapping.device-name", "block-device-mapping.volume-id":
		var out []string
		for _, d := range v.Devices {
			if name == "block-device-mapping.volume-id" {
				out = append(out, d.VolumeID)
			} else {
				out = append(out, d.Device)
			}
		}
		return out, true
	case "client-token":
		return one(v.ClientToken)
	case "dns-name", "ip-address", "platform", "instance-lifecycle", "spot-instance-request-id", "placement-group-name", "iam-instance-profile.arn", "requester-id":
		return nil, true
	case "hypervisor":
		return one("xen")
	case "image-id":
		return one(v.ImageID)
	case "instance-state-code":
		return num(v.State.Code())
	case "instance-state-name":
		return one(string(v.State))
	case "instance-type":
		return one(v.Type)
	}
	return instanceDetailField(v, name)
}

func instanceDetailField(v Instance, name string) ([]string, bool) {
	switch name {
	case "instance.group-id", "group-id", "network-interface.group-id":
		return v.GroupIDs, true
	case "key-name":
		return one(v.KeyName)
	case "launch-index":
		return num(v.LaunchIndex)
	case "launch-time":
		return stamp(v.Launched)
	case "metadata-options.http-tokens":
		return one(v.Metadata.Tokens)
	case "monitoring-state":
		if v.DetailedMonitoring {
			return one("enabled")
		}
		return one("disabled")
	case "owner-id":
		return one(v.Owner)
	case "private-ip-address", "network-interface.addresses.private-ip-address":
		return one(v.PrivateIP)
	case "reason", "state-reason-message":
		return one(v.StateMessage)
	case "state-reason-code":
		return one(v.StateCode)
	case "reservation-id":
		return one(v.Reservation)
	case "root-device-name":
		return one(v.RootDevice)
	case "root-device-type":
		return one("ebs")
	case "subnet-id", "network-interface.subnet-id":
		return one(v.SubnetID)
	case "tenancy":
		return one("default")
	case "virtualization-type":
		return one("hvm")
	case "vpc-id", "network-interface.vpc-id":
		return one(NetworkOf(v.Owner, v.Region).VPC)
	}
	return nil, false
}
