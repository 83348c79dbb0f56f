package ec2api

import (
	"context"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
	"coffer.example/kms"
)

// fastRestore is fast snapshot restore as the API shows it.
type fastRestore struct {
	SnapshotID     string `xml:"snapshotId"`
	Zone           string `xml:"availabilityZone"`
	ZoneID         string `xml:"availabilityZoneId"`
	State          string `xml:"state"`
	Reason         string `xml:"stateTransitionReason"`
	OwnerID        string `xml:"ownerId"`
	EnablingTime   string `xml:"enablingTime,omitempty"`
	OptimizingTime string `xml:"optimizingTime,omitempty"`
	EnabledTime    string `xml:"enabledTime,omitempty"`
	DisablingTime  string `xml:"disablingTime,omitempty"`
}

func (c *call) fastRestore(f ec2.FastRestore) fastRestore {
	out := fastRestore{SnapshotID: f.SnapshotID, Zone: f.Zone, ZoneID: f.ZoneID, State: string(f.State), OwnerID: f.Owner,
		Reason: "Client.UserInitiated", EnablingTime: awsapi.Timestamp(f.Enabled)}
	if f.State != ec2.FastRestoreEnabling {
		out.OptimizingTime, out.EnabledTime = out.EnablingTime, out.EnablingTime
	}
	switch f.State {
	case ec2.FastRestoreEnabled:
		out.Reason = "Client.UserInitiated - Lifecycle state transition"
	case ec2.FastRestoreDisabling:
		out.DisablingTime = awsapi.Timestamp(c.api.now())
	}
	return out
}

// fastRestoreErrors are the zones in which a snapshot was refused.
type fastRestoreErrors struct {
	SnapshotID string                         `xml:"snapshotId"`
	Errors     awsapi.Items[fastRestoreError] `xml:"fastSnapshotRestoreStateErrorSet"`
}

type fastRestoreError struct {
	Zone   string `xml:"availabilityZone"`
	ZoneID string `xml:"availabilityZoneId"`
	Error  struct {
		Code    string `xml:"code"`
		Message string `xml:"message"`
	} `xml:"error"`
}

// changeFastRestores answers EnableFastSnapshotRestores and its opposite: what was
// refused is listed, and fails nothing else.
func changeFastRestores(change func(*ec2.Service, context.Context, kms.Caller, ec2.FastRestoreRequest) ([]ec2.FastRestoreOutcome, error)) func(context.Context, *call) (any, error) {
	return func(ctx context.Context, c *call) (any, error) {
		r := ec2.FastRestoreRequest{
			Zones: c.Strings("AvailabilityZone"), ZoneIDs: c.Strings("AvailabilityZoneId"),
			SnapshotIDs: c.Strings("SourceSnapshotId"), DryRun: c.Flag("DryRun"),
		}
		if err := c.Done(); err != nil {
			return nil, err
		}
		outcomes, err := change(c.api.ec2, ctx, c.caller, r)
		if err != nil {
			return nil, err
		}
		var out struct {
			Successful   awsapi.Items[fastRestore]       `xml:"successful"`
			Unsuccessful awsapi.Items[fastRestoreErrors] `xml:"unsuccessful"`
		}
		for _, o := range outcomes {
			if o.Err == nil {
				out.Successful.Item = append(out.Successful.Item, c.fastRestore(o.FastRestore))
				continue
			}
			one := fastRestoreError{Zone: o.Zone, ZoneID: o.ZoneID}
			refusal := wireError(o.Err)
			one.Error.Code, one.Error.Message = refusal.Code, refusal.Message
			refused := &out.Unsuccessful.Item
			if n := len(*refused); n == 0 || (*refused)[n-1].SnapshotID != o.SnapshotID {
				*refused = append(*refused, fastRestoreErrors{SnapshotID: o.SnapshotID})
			}
			last := &(*refused)[len(*refused)-1]
			last.Errors.Item = append(last.Errors.Item, one)
		}
		return out, nil
	}
}

func describeFastRestores(ctx context.Context, c *call) (any, error) {
	q, err := c.page(nil)
	if err != nil {
		return nil, err
	}
	page, err := c.api.ec2.DescribeFastRestores(ctx, c.caller, q)
	if err != nil {
		return nil, err
	}
	var out struct {
		FastRestores awsapi.Items[fastRestore] `xml:"fastSnapshotRestoreSet"`
		NextToken    *string                   `xml:"nextToken"`
	}
	for _, f := range page.Items {
		out.FastRestores.Item = append(out.FastRestores.Item, c.fastRestore(f))
	}
	out.NextToken, err = c.next(q, page.Next)
	return out, err
}
