// Package query reads the form-encoded parameters of the AWS Query and EC2
// protocols into a typed tree, under strict bounds. It knows no service, no HTTP
// status and no error code of AWS; package awsapi maps its errors.
//
// A parameter name is a path: "BlockDeviceMapping.1.Ebs.VolumeSize" is the member
// VolumeSize of the member Ebs of element 1 of the list BlockDeviceMapping. EC2 lists
// are flattened (Filter.1.Name); the Query protocol puts a word between the list
// and its index (Tags.member.1.Key, Filters.Filter.1.Name), which is read by naming
// that word as part of the path: List("Tags.member").
//
// # Use
//
// The getters keep the first error, so a handler reads everything and asks once:
//
//	p, err := query.Parse(body)
//	…
//	zone := p.Required("AvailabilityZone")
//	size := p.Int("Size", 0)
//	encrypted := p.Bool("Encrypted")               // *bool: nil when absent
//	for _, spec := range p.List("TagSpecification") {
//		if spec.String("ResourceType") == "volume" {
//			for _, tag := range spec.List("Tag") {
//				tags[tag.Required("Key")] = tag.String("Value")
//			}
//		}
//	}
//	ids := p.Strings("VolumeId")                   // VolumeId.1, VolumeId.2, …
//	if err := p.Err(); err != nil {
//		return nil, err
//	}
//
// CheckUnknown, called after the last getter, makes every parameter that no getter
// asked for an error.
//
// # Invariants
//
// A form that parses has no name twice, no name that is both a value and a parent,
// only valid UTF-8, and stays within limits.go. Elements of a list come in the order
// of their indexes; gaps are allowed, as AWS allows them.
package query
