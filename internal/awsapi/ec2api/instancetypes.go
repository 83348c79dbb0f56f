package ec2api

import (
	"context"
	"strconv"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
)

// instanceType is an instance type as the API shows it. Every type is the same here, an
// attachment group; clients look some facts up before they launch.
type instanceType struct {
	Name              string `xml:"instanceType"`
	CurrentGeneration bool   `xml:"currentGeneration"`
	FreeTier          bool   `xml:"freeTierEligible"`
	BareMetal         bool   `xml:"bareMetal"`
	Hypervisor        string `xml:"hypervisor"`
	Processor         struct {
		Architectures awsapi.Items[string] `xml:"supportedArchitectures"`
	} `xml:"processorInfo"`
	VCPU struct {
		Default int `xml:"defaultVCpus"`
		Cores   int `xml:"defaultCores"`
		Threads int `xml:"defaultThreadsPerCore"`
	} `xml:"vCpuInfo"`
	Memory struct {
		MiB int `xml:"sizeInMiB"`
	} `xml:"memoryInfo"`
	InstanceStorage bool `xml:"instanceStorageSupported"`
	EBS             struct {
		Optimized  string `xml:"ebsOptimizedSupport"`
		Encryption string `xml:"encryptionSupport"`
		NVMe       string `xml:"nvmeSupport"`
	} `xml:"ebsInfo"`
	UsageClasses    awsapi.Items[string] `xml:"supportedUsageClasses"`
	RootDeviceTypes awsapi.Items[string] `xml:"supportedRootDeviceTypes"`
	Virtualization  awsapi.Items[string] `xml:"supportedVirtualizationTypes"`
	Burstable       bool                 `xml:"burstablePerformanceSupported"`
}

// instanceTypes are the types that a Describe without names lists: a few of the
// common ones. RunInstances takes any well-formed name.
func instanceTypes() []instanceType {
	var out []instanceType
	for _, t := range []struct {
		name  string
		cpus  int
		memGB int
		arch  string
		burst bool
	}{
		{"t2.micro", 1, 1, "x86_64", true}, {"t3.micro", 2, 1, "x86_64", true}, {"t3.small", 2, 2, "x86_64", true}, {"t3.medium", 2, 4, "x86_64", true},
		{"t4g.micro", 2, 1, "arm64", true}, {"m5.large", 2, 8, "x86_64", false}, {"m5.xlarge", 4, 16, "x86_64", false},
		{"m6g.large", 2, 8, "arm64", false}, {"m7i.large", 2, 8, "x86_64", false}, {"c5.large", 2, 4, "x86_64", false}, {"r5.large", 2, 16, "x86_64", false},
	} {
		i := instanceType{Name: t.name, CurrentGeneration: true, FreeTier: t.name == "t2.micro" || t.name == "t3.micro", Hypervisor: "nitro", Burstable: t.burst}
		i.Processor.Architectures.Item = []string{t.arch}
		i.VCPU.Default, i.VCPU.Cores, i.VCPU.Threads, i.Memory.MiB = t.cpus, max(1, t.cpus/2), min(2, t.cpus), t.memGB<<10
		i.EBS.Optimized, i.EBS.Encryption, i.EBS.NVMe = "default", "supported", "required"
		i.UsageClasses.Item, i.RootDeviceTypes.Item, i.Virtualization.Item = []string{"on-demand"}, []string{"ebs"}, []string{"hvm"}
		out = append(out, i)
	}
	return out
}

func (i instanceType) field(name string) ([]string, bool) {
	switch name {
	case "instance-type":
		return []string{i.Name}, true
	case "current-generation":
		return []string{strconv.FormatBool(i.CurrentGeneration)}, true
	case "bare-metal":
		return []string{strconv.FormatBool(i.BareMetal)}, true
	case "burstable-performance-supported":
		return []string{strconv.FormatBool(i.Burstable)}, true
	case "free-tier-eligible":
		return []string{strconv.FormatBool(i.FreeTier)}, true
	case "hypervisor":
		return []string{i.Hypervisor}, true
	case "ebs-info.encryption-support":
		return []string{i.EBS.Encryption}, true
	case "ebs-info.ebs-optimized-support":
		return []string{i.EBS.Optimized}, true
	case "processor-info.supported-architecture":
		return i.Processor.Architectures.Item, true
	case "supported-root-device-type":
		return i.RootDeviceTypes.Item, true
	case "supported-usage-class":
		return i.UsageClasses.Item, true
	case "supported-virtualization-type":
		return i.Virtualization.Item, true
	case "vcpu-info.default-vcpus":
		return []string{strconv.Itoa(i.VCPU.Default)}, true
	case "memory-info.size-in-mib":
		return []string{strconv.Itoa(i.Memory.MiB)}, true
	}
	return nil, false
}

func describeInstanceTypes(_ context.Context, c *call) (any, error) {
	names := c.Strings("InstanceType")
	q, err := c.page(nil, names)
	if err != nil {
		return nil, err
	}
	items, err := static(q.Filters, names, instanceTypes(), func(i instanceType) []string { return []string{i.Name} }, instanceType.field, func(name string) error {
		return awsapi.Errorf("InvalidInstanceType", "The following supplied instance types do not exist: [%s]", name)
	})
	return struct {
		Types awsapi.Items[instanceType] `xml:"instanceTypeSet"`
	}{items}, err
}

func describeInstanceTypeOfferings(_ context.Context, c *call) (any, error) {
	by := c.String("LocationType")
	q, err := c.page(nil, by)
	if err != nil {
		return nil, err
	}
	locations := []string{c.caller.Region}
	switch by {
	case "", "region":
		by = "region"
	case "availability-zone", "availability-zone-id":
		locations = nil
		for _, z := range ec2.Zones(c.caller.Region) {
			if by == "availability-zone" {
				locations = append(locations, z.Name)
			} else {
				locations = append(locations, z.ID)
			}
		}
	default:
		return nil, awsapi.Errorf("InvalidParameterValue", "Value (%s) for parameter locationType is invalid.", by)
	}
	type offering struct {
		Type         string `xml:"instanceType"`
		LocationType string `xml:"locationType"`
		Location     string `xml:"location"`
	}
	var all []offering
	for _, i := range instanceTypes() {
		for _, location := range locations {
			all = append(all, offering{i.Name, by, location})
		}
	}
	items, err := static(q.Filters, nil, all, func(offering) []string { return nil }, func(o offering, name string) ([]string, bool) {
		switch name {
		case "instance-type":
			return []string{o.Type}, true
		case "location":
			return []string{o.Location}, true
		}
		return nil, false
	}, nil)
	return struct {
		Offerings awsapi.Items[offering] `xml:"instanceTypeOfferingSet"`
	}{items}, err
}
