package rdsapi

import (
	"context"
	"slices"
	"strings"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/rds"
)

const (
	defaultSubnetGroup  = "default"
	defaultGroupsPrefix = "default."
)

func groupOperations() map[string]operation {
	return map[string]operation{
		"DescribeDBSubnetGroups":           {run: describeSubnetGroups, readOnly: true},
		"DescribeDBClusterParameterGroups": {run: describeParameterGroups(rds.Cluster), readOnly: true},
		"DescribeDBParameterGroups":        {run: describeParameterGroups(rds.Instance), readOnly: true},
		"DescribeDBClusterParameters":      {run: describeParameters(rds.Cluster), readOnly: true},
		"DescribeDBParameters":             {run: describeParameters(rds.Instance), readOnly: true},
		"DescribeOptionGroups":             {run: describeOptionGroups, readOnly: true},
		"DescribeCertificates":             {run: describeCertificates, readOnly: true},
	}
}

func (c *call) arn(resource, name string) string {
	return "arn:aws:rds:" + c.caller.Region + ":" + c.caller.Account + ":" + resource + ":" + name
}

// defaultGroups are the parameter groups that there are: one per family.
func defaultGroups(of rds.Kind) (families []string) {
	for _, v := range rds.EngineVersions() {
		if of == rds.Instance || rds.Aurora(v.Engine) {
			families = append(families, v.Family)
		}
	}
	slices.Sort(families)
	return slices.Compact(families)
}

func isDefaultGroup(name string) bool {
	return slices.Contains(defaultGroups(rds.Instance), strings.TrimPrefix(name, defaultGroupsPrefix)) && strings.HasPrefix(name, defaultGroupsPrefix)
}

// isDefaultResource says whether an ARN names a group of the caller that is always there.
func isDefaultResource(c *call, arn string) bool {
	for _, resource := range []string{"pg", "cluster-pg", "subgrp", "og"} {
		if name, ok := strings.CutPrefix(arn, c.arn(resource, "")); ok {
			return name == defaultSubnetGroup || isDefaultGroup(name) || strings.HasPrefix(name, "default:")
		}
	}
	return false
}

func noParameterGroup(of rds.Kind, name string) error {
	noun := "DBParameterGroup"
	if of == rds.Cluster {
		noun = "DBClusterParameterGroup"
	}
	return &awsapi.Error{Code: "DBParameterGroupNotFound", Status: 404, Message: noun + " not found: " + name}
}

// parameterGroup is the name of the parameter, and of the element, that names a parameter group.
func parameterGroup(of rds.Kind) string {
	if of == rds.Cluster {
		return "DBClusterParameterGroup"
	}
	return "DBParameterGroup"
}

func describeParameterGroups(of rds.Kind) func(context.Context, *call) (any, error) {
	return func(_ context.Context, c *call) (any, error) {
		q, err := c.paged(parameterGroup(of) + "Name")
		if err != nil {
			return nil, err
		}
		families := defaultGroups(of)
		if q.Name != "" {
			families = slices.DeleteFunc(families, func(f string) bool { return defaultGroupsPrefix+f != q.Name })
			if len(families) == 0 {
				return nil, noParameterGroup(of, q.Name)
			}
		}
		resource := map[rds.Kind]string{rds.Cluster: "cluster-pg", rds.Instance: "pg"}[of]
		items, next := cut(families, q, func(f string) string { return f })
		out := elements{}
		structures(&out, parameterGroup(of)+"s", parameterGroup(of), items, func(family string) elements {
			name := defaultGroupsPrefix + family
			in := elements{}
			in.text(parameterGroup(of)+"Name", name)
			in.text("DBParameterGroupFamily", family)
			in.text("Description", "Default parameter group for "+family)
			in.text(parameterGroup(of)+"Arn", c.arn(resource, name))
			return in
		})
		return c.answer(out, q, next)
	}
}

// describeParameters answers that a group sets nothing: the engine is the user's own.
func describeParameters(of rds.Kind) func(context.Context, *call) (any, error) {
	return func(_ context.Context, c *call) (any, error) {
		name := c.Required(parameterGroup(of) + "Name")
		c.Accept("Source")
		if _, err := c.paged(parameterGroup(of) + "Name"); err != nil {
			return nil, err
		}
		if !isDefaultGroup(name) {
			return nil, noParameterGroup(of, name)
		}
		return within("Parameters", nil), nil
	}
}

func describeOptionGroups(_ context.Context, c *call) (any, error) {
	engine, major := c.String("EngineName"), c.String("MajorEngineVersion")
	q, err := c.paged("OptionGroupName", engine, major)
	if err != nil {
		return nil, err
	}
	var found []rds.EngineVersion
	for _, v := range rds.EngineVersions() {
		if !rds.Aurora(v.Engine) && (engine == "" || engine == v.Engine) && (major == "" || major == v.Major()) && (q.Name == "" || q.Name == optionGroup(v)) {
			found = append(found, v)
		}
	}
	if q.Name != "" && len(found) == 0 {
		return nil, &awsapi.Error{Code: "OptionGroupNotFoundFault", Status: 404, Message: "Specified OptionGroupName: " + q.Name + " not found."}
	}
	items, next := cut(found, q, optionGroup)
	out := elements{}
	structures(&out, "OptionGroupsList", "OptionGroup", items, func(v rds.EngineVersion) elements {
		in := elements{}
		in.text("OptionGroupName", optionGroup(v))
		in.text("OptionGroupDescription", "Default option group for "+v.Engine+" "+v.Major())
		in.text("EngineName", v.Engine)
		in.text("MajorEngineVersion", v.Major())
		in.structure("Options", nil)
		in.flag("AllowsVpcAndNonVpcInstanceMemberships", true)
		in.text("OptionGroupArn", c.arn("og", optionGroup(v)))
		return in
	})
	return c.answer(out, q, next, engine, major)
}

func optionGroup(v rds.EngineVersion) string {
	return "default:" + strings.ReplaceAll(v.Family, ".", "-")
}

func describeCertificates(_ context.Context, c *call) (any, error) {
	q, err := c.paged("CertificateIdentifier")
	if err != nil {
		return nil, err
	}
	if q.Name != "" && q.Name != defaultCertificate {
		return nil, &awsapi.Error{Code: "CertificateNotFound", Status: 404, Message: "Certificate not found: " + q.Name}
	}
	in := elements{}
	in.text("CertificateIdentifier", defaultCertificate)
	in.text("CertificateType", "CA")
	in.text("CertificateArn", "arn:aws:rds:"+c.caller.Region+"::cert:"+defaultCertificate)
	out := within("Certificates", within("Certificate", in))
	out.text("DefaultCertificateForNewLaunches", defaultCertificate)
	return out, nil
}
