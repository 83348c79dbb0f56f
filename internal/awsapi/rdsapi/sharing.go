package rdsapi

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/rds"
)

func sharingOperations() map[string]operation {
	clusterSnapshot, snapshot := on("cluster-snapshot", "DBClusterSnapshotIdentifier"), on("snapshot", "DBSnapshotIdentifier")
	return map[string]operation{
		"ModifyDBClusterSnapshotAttribute":    {run: modifyAttribute(rds.Cluster), on: clusterSnapshot},
		"ModifyDBSnapshotAttribute":           {run: modifyAttribute(rds.Instance), on: snapshot},
		"DescribeDBClusterSnapshotAttributes": {run: describeAttributes(rds.Cluster), on: clusterSnapshot, readOnly: true},
		"DescribeDBSnapshotAttributes":        {run: describeAttributes(rds.Instance), on: snapshot, readOnly: true},
	}
}

func modifyAttribute(of rds.Kind) func(context.Context, *call) (any, error) {
	return func(ctx context.Context, c *call) (any, error) {
		name, attribute := c.Required(snapshotIdentifier(of)), c.Required("AttributeName")
		add, remove := c.list("ValuesToAdd", "AttributeValue"), c.list("ValuesToRemove", "AttributeValue")
		if err := c.Done(); err != nil {
			return nil, err
		}
		if attribute != "restore" {
			return nil, awsapi.Errorf("InvalidParameterValue", "Invalid attribute name: %s. Expected: restore", attribute)
		}
		snap, err := c.api.rds.ModifySharing(ctx, c.caller, of, name, add, remove)
		return attributes(snap, err)
	}
}

func describeAttributes(of rds.Kind) func(context.Context, *call) (any, error) {
	return func(ctx context.Context, c *call) (any, error) {
		name := c.Required(snapshotIdentifier(of))
		if err := c.Done(); err != nil {
			return nil, err
		}
		snap, err := c.api.rds.OwnSnapshot(ctx, c.caller, of, name)
		return attributes(snap, err)
	}
}

func attributes(snap rds.Snapshot, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	values := snap.Shares
	if snap.Public {
		values = append([]string{"all"}, values...)
	}
	restore := elements{}
	restore.text("AttributeName", "restore")
	restore.texts("AttributeValues", "AttributeValue", values)
	each := snapshotElement(snap.Kind) + "Attribute"
	in := elements{}
	in.text(snapshotIdentifier(snap.Kind), snap.Name)
	in.structure(each+"s", within(each, restore))
	return within(each+"sResult", in), nil
}
