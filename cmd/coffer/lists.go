package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// keyLine is a KMS key as `coffer key list` shows it.
type keyLine struct {
	ARN         string    `json:"arn"`
	State       string    `json:"state"`
	Manager     string    `json:"manager"`
	Description string    `json:"description"`
	Aliases     []string  `json:"aliases"`
	Created     time.Time `json:"created"`
}

func keyListCommand(ctx context.Context, env *environment, args []string) error {
	return listCommand(ctx, env, "key list", args, []string{"KEY", "STATE", "ALIASES", "DESCRIPTION"}, func(k keyLine) []string {
		return []string{k.ARN, k.State, orDash(strings.Join(k.Aliases, ",")), k.Description}
	})
}

// volumeLine is a volume as `coffer volume list` shows it.
type volumeLine struct {
	ID        string    `json:"id"`
	Account   string    `json:"account"`
	SizeGiB   int64     `json:"sizeGiB"`
	State     string    `json:"state"`
	Encrypted bool      `json:"encrypted"`
	KeyARN    string    `json:"keyArn,omitempty"`
	Instance  string    `json:"instance,omitempty"`
	URI       string    `json:"uri,omitempty"`
	Created   time.Time `json:"created"`
}

func volumeListCommand(ctx context.Context, env *environment, args []string) error {
	return listCommand(ctx, env, "volume list", args, []string{"VOLUME", "GIB", "STATE", "KEY", "URI"}, func(v volumeLine) []string {
		return []string{v.ID, fmt.Sprint(v.SizeGiB), v.State, orDash(v.KeyARN), orDash(v.URI)}
	})
}

// snapshotLine is a snapshot as `coffer snapshot list` shows it.
type snapshotLine struct {
	ID        string    `json:"id"`
	Account   string    `json:"account"`
	Volume    string    `json:"volume"`
	SizeGiB   int64     `json:"sizeGiB"`
	State     string    `json:"state"`
	Progress  string    `json:"progress"`
	Encrypted bool      `json:"encrypted"`
	KeyARN    string    `json:"keyArn,omitempty"`
	Created   time.Time `json:"created"`
}

func snapshotListCommand(ctx context.Context, env *environment, args []string) error {
	return listCommand(ctx, env, "snapshot list", args, []string{"SNAPSHOT", "VOLUME", "GIB", "STATE", "KEY"}, func(s snapshotLine) []string {
		return []string{s.ID, s.Volume, fmt.Sprint(s.SizeGiB), strings.TrimSpace(s.State + " " + s.Progress), orDash(s.KeyARN)}
	})
}

// listCommand is a command that prints the items of the control call of its name,
// with --json one object per line.
func listCommand[Item any](ctx context.Context, env *environment, name string, args []string, heading []string, row func(Item) []string) error {
	f := newFlags(env, name, "").withJSON()
	var of scope
	of.register(f)
	if _, err := f.parse(args, 0); err != nil {
		return err
	}
	var rows [][]string
	err := askStream(ctx, f.dataDir, callName(name), of, func(item Item) error {
		if f.json {
			return printJSONLine(env.stdout, item)
		}
		rows = append(rows, row(item))
		return nil
	})
	if err != nil || f.json {
		return err
	}
	return printTable(env.stdout, heading, rows)
}

// callName is the control call of a command.
func callName(command string) string { return strings.ReplaceAll(command, " ", "-") }
