package main

import (
	"context"
	"fmt"

	"coffer.example/internal/ec2"
	"coffer.example/kms"
)

// listKeys emits the keys of an account in a Region with their aliases.
func (s *stack) listKeys(ctx context.Context, in scope, emit func(keyLine) error) error {
	caller := s.operator(in)
	aliases, err := s.aliases(ctx, caller)
	if err != nil {
		return err
	}
	page := kms.Page{}
	for {
		out, err := s.keys.ListKeys(ctx, caller, kms.ListKeysInput{Page: page})
		if err != nil {
			return err
		}
		for _, key := range out.Keys {
			about, err := s.keys.DescribeKey(ctx, caller, kms.DescribeKeyInput{KeyID: key.KeyARN})
			if err != nil {
				return err
			}
			line := keyLine{
				ARN: about.ARN, State: string(about.State), Manager: about.Manager,
				Description: about.Description, Aliases: aliases[about.ID], Created: about.Created,
			}
			if err := emit(line); err != nil {
				return err
			}
		}
		if !out.Truncated {
			return nil
		}
		page.Marker = out.Marker
	}
}

// aliases maps the ids of keys to their aliases.
func (s *stack) aliases(ctx context.Context, caller kms.Caller) (map[string][]string, error) {
	found := map[string][]string{}
	page := kms.Page{}
	for {
		out, err := s.keys.ListAliases(ctx, caller, kms.ListAliasesInput{Page: page})
		if err != nil {
			return nil, err
		}
		for _, alias := range out.Aliases {
			found[alias.TargetKeyID] = append(found[alias.TargetKeyID], alias.Name)
		}
		if !out.Truncated {
			return found, nil
		}
		page.Marker = out.Marker
	}
}

// listVolumes emits the volumes of an account in a Region.
func (s *stack) listVolumes(ctx context.Context, in scope, emit func(volumeLine) error) error {
	caller := s.operator(in)
	query := ec2.Query{}
	for {
		page, err := s.machines.DescribeVolumes(ctx, caller, query)
		if err != nil {
			return err
		}
		for _, v := range page.Items {
			line := volumeLine{
				ID: v.ID, Account: v.Owner, SizeGiB: int64(v.SizeGiB), State: string(v.State),
				Encrypted: v.Encrypted, KeyARN: v.KeyARN, Created: v.Created,
			}
			if v.Attachment != nil {
				line.Instance = v.Attachment.InstanceID
			}
			if unreachable(v) == nil {
				line.URI = s.uri(v.ID)
			}
			if err := emit(line); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		query.Cursor = page.Next
	}
}

// listSnapshots emits the snapshots that an account owns in a Region.
func (s *stack) listSnapshots(ctx context.Context, in scope, emit func(snapshotLine) error) error {
	caller := s.operator(in)
	query := ec2.Query{}
	for {
		page, err := s.machines.DescribeSnapshots(ctx, caller, ec2.Visible{Owners: []string{"self"}}, query)
		if err != nil {
			return err
		}
		for _, snap := range page.Items {
			line := snapshotLine{
				ID: snap.ID, Account: snap.Owner, Volume: snap.VolumeID, SizeGiB: int64(snap.SizeGiB), State: string(snap.State),
				Progress: fmt.Sprintf("%d%%", snap.Progress()), Encrypted: snap.Encrypted, KeyARN: snap.KeyARN, Created: snap.Started,
			}
			if err := emit(line); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		query.Cursor = page.Next
	}
}
