package ec2api

import (
	"coffer.example/internal/awsapi"
	"coffer.example/internal/awsapi/query"
	"coffer.example/internal/ec2"
	"coffer.example/snapshot"
)

// flag reads an optional boolean as the decision table takes it.
func flag(p *query.Params, name string) snapshot.Flag {
	switch b := p.Bool(name); {
	case b == nil:
		return snapshot.Omitted
	case *b:
		return snapshot.True
	}
	return snapshot.False
}

// positive reads an integer that must not be negative or huge.
func positive(p *query.Params, name string) int {
	n := p.Int(name, 0)
	if n < 0 || n > 1<<30 {
		p.Invalid(name, "The value is out of range.")
		return 0
	}
	return int(n)
}

// tagLists reads the tag specifications of a request, by resource type.
func (c *call) tagLists(allowed ...string) map[string]ec2.Tags {
	out := map[string]ec2.Tags{}
	for _, spec := range c.List("TagSpecification") {
		kind := spec.Required("ResourceType")
		known := false
		for _, a := range allowed {
			known = known || a == kind
		}
		if !known {
			c.Fail(awsapi.Errorf("InvalidParameterValue", "'%s' is not a valid taggable resource type for this operation.", kind))
		}
		if out[kind] == nil {
			out[kind] = ec2.Tags{}
		}
		readTags(c, spec, out[kind])
	}
	return out
}

func readTags(c *call, p *query.Params, into ec2.Tags) {
	for _, tag := range p.List("Tag") {
		key := tag.String("Key")
		if _, again := into[key]; again {
			c.Fail(awsapi.Errorf("InvalidParameterValue", "Duplicate tag key '%s' specified.", key))
		}
		into[key] = tag.String("Value")
	}
}

// devices reads block device mappings.
func (c *call) devices() []ec2.DeviceMapping {
	var out []ec2.DeviceMapping
	for _, p := range c.List("BlockDeviceMapping") {
		ebs := p.Struct("Ebs")
		m := ec2.DeviceMapping{
			Device: p.Required("DeviceName"), VirtualName: p.String("VirtualName"), NoDevice: p.Has("NoDevice"),
			DeleteOnTermination: ebs.Bool("DeleteOnTermination"),
			Spec: ec2.DeviceSpec{
				SnapshotID: ebs.String("SnapshotId"), SizeGiB: positive(ebs, "VolumeSize"), Type: ebs.String("VolumeType"),
				IOPS: positive(ebs, "Iops"), Throughput: positive(ebs, "Throughput"),
				Encrypted: flag(ebs, "Encrypted"), KeyID: ebs.String("KmsKeyId"),
			},
		}
		p.String("NoDevice")
		ebs.Int("VolumeInitializationRate", 0) // restored volumes are usable at once
		out = append(out, m)
	}
	return out
}
