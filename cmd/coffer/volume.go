package main

import (
	"context"
	"fmt"
)

// volumeCall names the volume of a control call.
type volumeCall struct {
	scope
	Volume string `json:"volume"`
	Force  bool   `json:"force,omitempty"`
}

// volumeAnswer is how a volume can be reached.
type volumeAnswer struct {
	Volume string `json:"volume"`
	State  string `json:"state"`
	URI    string `json:"uri,omitempty"`
}

func volumeAttachCommand(ctx context.Context, env *environment, args []string) error {
	return volumeCommand(ctx, env, "volume attach", args, false)
}

func volumeDetachCommand(ctx context.Context, env *environment, args []string) error {
	return volumeCommand(ctx, env, "volume detach", args, true)
}

func volumeURICommand(ctx context.Context, env *environment, args []string) error {
	return volumeCommand(ctx, env, "volume uri", args, false)
}

// volumeCommand makes the control call of its name for one volume and prints its URI, if it has one.
func volumeCommand(ctx context.Context, env *environment, name string, args []string, canForce bool) error {
	f := newFlags(env, name, "VOLUME").withJSON()
	var call volumeCall
	call.scope.register(f)
	if canForce {
		f.BoolVar(&call.Force, "force", false, "cut clients that are still connected")
	}
	operands, err := f.parse(args, 1)
	if err != nil {
		return err
	}
	call.Volume = operands[0]
	answer, err := ask[volumeAnswer](ctx, f.dataDir, callName(name), call)
	if err != nil {
		return err
	}
	if f.json {
		return printJSON(env.stdout, answer)
	}
	if answer.URI != "" {
		_, err = fmt.Fprintln(env.stdout, answer.URI)
	}
	return err
}
