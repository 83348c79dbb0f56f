package main

import (
	"context"
	"fmt"

	"coffer.example/blockstore"
	"coffer.example/internal/rds"
)

// databaseLine is an RDS cluster or instance as `coffer database list` shows it.
type databaseLine struct {
	Kind    string `json:"kind"` // cluster or db
	Name    string `json:"name"`
	Account string `json:"account"`
	ID      string `json:"id"`
	Engine  string `json:"engine"`
	Volume  string `json:"volume,omitempty"` // none of an instance of a cluster
	SizeGiB int    `json:"sizeGiB"`
	State   string `json:"state"`
	KeyARN  string `json:"keyArn,omitempty"`
	URI     string `json:"uri,omitempty"`
}

func databaseListCommand(ctx context.Context, env *environment, args []string) error {
	return listCommand(ctx, env, "database list", args, []string{"KIND", "NAME", "STATE", "GIB", "KEY", "URI"}, func(d databaseLine) []string {
		return []string{d.Kind, d.Name, d.State, fmt.Sprint(d.SizeGiB), orDash(d.KeyARN), orDash(d.URI)}
	})
}

// listDatabases emits the databases of an account in a Region, clusters first.
func (s *stack) listDatabases(ctx context.Context, in scope, emit func(databaseLine) error) error {
	caller := s.operator(in)
	for _, kind := range []rds.Kind{rds.Cluster, rds.Instance} {
		query := rds.Query{}
		for {
			page, err := s.bases.Databases(ctx, caller, kind, query)
			if err != nil {
				return err
			}
			for _, d := range page.Items {
				line := databaseLine{
					Kind: string(d.Kind), Name: d.Name, Account: d.Owner, ID: d.ResourceID, Engine: d.Engine, Volume: d.VolumeID,
					SizeGiB: d.GiB, State: string(d.State), KeyARN: d.KeyARN, URI: s.bases.URI(d),
				}
				if err := emit(line); err != nil {
					return err
				}
			}
			if page.Next == "" {
				break
			}
			query.After = page.Next
		}
	}
	return nil
}

// databaseExports serves the volumes of databases beside those of instances.
type databaseExports struct{ *attachments }

// Serve implements rds.Exports.
func (e databaseExports) Serve(_ context.Context, volume string, device *blockstore.Device) error {
	e.publish(volume, device)
	return nil
}

// Withdraw implements rds.Exports.
func (e databaseExports) Withdraw(ctx context.Context, volume string) error {
	return e.attachments.Withdraw(ctx, volume, true)
}
