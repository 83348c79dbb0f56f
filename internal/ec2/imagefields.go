package ec2

import (
	"slices"
	"strconv"
)

func imageField(v Image, name string) ([]string, bool) {
	switch name {
	case "architecture":
		return one(v.Architecture)
	case "creation-date":
		return stamp(v.Created)
	case "description":
		return one(v.Description)
	case "ena-support":
		return yes(v.ENASupport)
	case "hypervisor":
		return one("xen")
	case "image-allowed":
		return yes(true)
	case "image-id":
		return one(v.ID)
	case "image-type":
		return one("machine")
	case "is-public":
		return yes(v.Public)
	case "name":
		return one(v.Name)
	case "owner-alias":
		if v.Owner == AmazonAccount {
			return one("amazon")
		}
		return nil, true
	case "owner-id":
		return one(v.Owner)
	case "platform", "kernel-id", "ramdisk-id", "product-code":
		return nil, true
	case "root-device-name":
		return one(v.RootDevice)
	case "root-device-type":
		return one("ebs")
	case "source-image-id":
		return one(v.SourceImageID)
	case "source-image-region":
		return one(v.SourceRegion)
	case "source-instance-id":
		return one(v.SourceInstanceID)
	case "state":
		return one(string(v.State))
	case "state-reason-code":
		return one(v.StateCode)
	case "state-reason-message":
		return one(v.StateMessage)
	case "virtualization-type":
		return one(v.Virtualization)
	}
	return mappingField(v.Mappings, name)
}

func mappingField(mappings []ImageDevice, name string) ([]string, bool) {
	var out []string
	for _, d := range append(slices.Clip(mappings), ImageDevice{}) { // the last one tells whether the name is known
		var value string
		switch name {
		case "block-device-mapping.delete-on-termination":
			value = strconv.FormatBool(d.DeleteOnTermination)
		case "block-device-mapping.device-name":
			value = d.Device
		case "block-device-mapping.encrypted":
			value = strconv.FormatBool(d.Encrypted)
		case "block-device-mapping.snapshot-id":
			value = d.SnapshotID
		case "block-device-mapping.volume-size":
			value = strconv.Itoa(d.SizeGiB)
		case "block-device-mapping.volume-type":
			value = d.Type
		default:
			return nil, false
		}
		out = append(out, value)
	}
	return out[:len(out)-1], true
}
