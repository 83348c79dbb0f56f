package ec2api

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
)

// tierOperations are those of storage tiers, locks, fast restore, the recycle bin and
// block public access. There is one tier, nothing is locked or kept after its deletion: what asks for another state is refused, what asks whether
// there is any is told that there is none.
func tierOperations() map[string]operation {
	out := map[string]operation{
		"DescribeFastSnapshotRestores":      {run: describeFastRestores, readOnly: true},
		"DescribeLockedSnapshots":           {run: describeNone, readOnly: true},
		"ListSnapshotsInRecycleBin":         {run: describeNone, readOnly: true},
		"GetSnapshotBlockPublicAccessState": {run: getBlockPublicAccess, readOnly: true},
		"EnableSnapshotBlockPublicAccess":   {run: enableBlockPublicAccess},
		"DisableSnapshotBlockPublicAccess":  {run: disableBlockPublicAccess},
		"EnableFastSnapshotRestores":        {run: changeFastRestores((*ec2.Service).EnableFastRestores), on: onEach("snapshot", "SourceSnapshotId")},
		"DisableFastSnapshotRestores":       {run: changeFastRestores((*ec2.Service).DisableFastRestores), on: onEach("snapshot", "SourceSnapshotId")},
		"RestoreSnapshotFromRecycleBin":     {run: unsupported("There is no recycle bin.")},
		"CopyVolumes":                       {run: unsupported("Copy a volume through a snapshot.")},
	}
	for _, name := range []string{"ModifySnapshotTier", "RestoreSnapshotTier"} {
		out[name] = operation{run: unsupported("Snapshots have one storage tier."), on: on("snapshot", "SnapshotId")}
	}
	for _, name := range []string{"LockSnapshot", "UnlockSnapshot"} {
		out[name] = operation{run: unsupported("Snapshots cannot be locked."), on: on("snapshot", "SnapshotId")}
	}
	return out
}

func unsupported(why string) func(context.Context, *call) (any, error) {
	return func(context.Context, *call) (any, error) {
		return nil, awsapi.Errorf("UnsupportedOperation", "%s", why)
	}
}

// describeNone answers a list of snapshots that is always empty.
func describeNone(_ context.Context, c *call) (any, error) {
	if _, err := c.page(c.Strings("SnapshotId")); err != nil {
		return nil, err
	}
	var out struct {
		Snapshots awsapi.Items[struct{}] `xml:"snapshotSet"`
	}
	return out, nil
}

type blockPublicAccess struct {
	State     string `xml:"state"`
	ManagedBy string `xml:"managedBy,omitempty"`
}

func getBlockPublicAccess(ctx context.Context, c *call) (any, error) {
	if err := c.Done(); err != nil {
		return nil, err
	}
	state, err := c.api.ec2.PublicAccess(ctx, c.caller)
	return blockPublicAccess{string(state), "account"}, err
}

func enableBlockPublicAccess(ctx context.Context, c *call) (any, error) {
	state := ec2.PublicAccess(c.Required("State"))
	if state != ec2.BlockAllSharing && state != ec2.BlockNewSharing {
		c.Invalid("State", "Expected: block-all-sharing or block-new-sharing")
	}
	if err := c.settle(); err != nil {
		return nil, err
	}
	return blockPublicAccess{State: string(state)}, c.api.ec2.SetPublicAccess(ctx, c.caller, state)
}

func disableBlockPublicAccess(ctx context.Context, c *call) (any, error) {
	if err := c.settle(); err != nil {
		return nil, err
	}
	return blockPublicAccess{State: string(ec2.Unblocked)}, c.api.ec2.SetPublicAccess(ctx, c.caller, ec2.Unblocked)
}
