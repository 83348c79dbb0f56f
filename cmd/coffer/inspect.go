package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"

	"coffer.example/blockstore"
)

// inspectCall has the arguments of inspect.
type inspectCall struct {
	What   string `json:"what"`
	ID     string `json:"id,omitempty"`
	Offset int64  `json:"offset,omitempty"`
	Number int64  `json:"number,omitempty"`
}

// inspectKinds are the operands of coffer inspect, by their first word.
func inspectKinds() map[string][]string {
	return map[string][]string{
		"store": nil, "tree": nil,
		"volume": {"ID"}, "extent": {"ID", "OFFSET"}, "session": {"NUMBER"}, "zone": {"NUMBER"},
	}
}

const inspectUsage = "[store | tree | volume ID | extent ID OFFSET | session NUMBER | zone NUMBER]"

// inspectCommand shows how the volume engine keeps things, for people who debug. It
// shows no key, wrapped key or content.
func inspectCommand(ctx context.Context, env *environment, args []string) error {
	f := newFlags(env, "inspect", inspectUsage).withJSON()
	var root rootFlags
	root.register(f)
	operands, err := f.parseBetween(args, 0, 3)
	if err != nil {
		return err
	}
	if err := root.check(); err != nil {
		return err
	}
	call, err := parseInspect(operands)
	if err != nil {
		return err
	}
	found, err := runInspect(ctx, env, f.dataDir, &root, call)
	if err != nil {
		return err
	}
	if f.json {
		return printJSON(env.stdout, found)
	}
	return printPlain(env.stdout, found)
}

func parseInspect(operands []string) (call inspectCall, err error) {
	if len(operands) == 0 {
		operands = []string{"store"}
	}
	call.What = operands[0]
	wants, known := inspectKinds()[call.What]
	if !known || len(operands)-1 != len(wants) {
		return call, usagef("wants %s", inspectUsage)
	}
	for i, name := range wants {
		value := operands[i+1]
		switch name {
		case "ID":
			call.ID = value
		case "OFFSET":
			call.Offset, err = strconv.ParseInt(value, 0, 64)
		case "NUMBER":
			call.Number, err = strconv.ParseInt(value, 0, 33)
		}
		if err != nil || call.Offset < 0 || call.Number < 0 {
			return call, usagef("%s %q is not a number from 0 on", name, value)
		}
	}
	return call, nil
}

// runInspect asks the daemon or, if nobody holds the directory, opens it for reading.
// Without the root key only structure is shown.
func runInspect(ctx context.Context, env *environment, path string, root *rootFlags, call inspectCall) (found json.RawMessage, err error) {
	dir, err := openDirectory(path)
	if errors.Is(err, errBusy) {
		return ask[json.RawMessage](ctx, path, "inspect", call)
	}
	if err != nil {
		return nil, err
	}
	if root.isAbsent(dir) {
		found, err = inspectReadOnly(ctx, dir, nil, nil, call)
		return found, errors.Join(err, dir.release())
	}
	seal, err := root.forOpen(env, dir)
	if err != nil {
		return nil, errors.Join(err, dir.release())
	}
	s, err := openStack(ctx, stackOptions{log: slog.New(slog.DiscardHandler), dir: dir, root: seal}, []step{(*stack).openKeys, (*stack).openTrail})
	if err != nil {
		return nil, errors.Join(err, dir.release())
	}
	found, err = inspectReadOnly(ctx, dir, s.keys.StoreKeyring(), s.keys.OperatorKeyring(), call)
	return found, errors.Join(err, s.close(), dir.release())
}

func inspectReadOnly(ctx context.Context, dir *directory, keys, operator blockstore.Keyring, call inspectCall) (json.RawMessage, error) {
	store, err := blockstore.Open(blockstore.Options{Dir: dir.path, ReadOnly: true, Keys: keys})
	if err != nil {
		return nil, err
	}
	found, err := inspectStore(ctx, store, operator, call)
	return found, errors.Join(err, store.Close())
}

// inspect answers for the daemon.
func (s *stack) inspect(ctx context.Context, call inspectCall) (json.RawMessage, error) {
	return inspectStore(ctx, s.store, nil, call)
}

func inspectStore(ctx context.Context, store *blockstore.Store, keys blockstore.Keyring, call inspectCall) (json.RawMessage, error) {
	found, err := inspectOne(ctx, store, keys, call)
	if err != nil {
		return nil, err
	}
	return json.Marshal(found)
}

func inspectOne(ctx context.Context, store *blockstore.Store, keys blockstore.Keyring, call inspectCall) (any, error) {
	switch call.What {
	case "store":
		return store.InspectStore()
	case "tree":
		return store.InspectTree(), nil
	case "volume":
		return store.InspectVolume(call.ID)
	case "extent":
		return store.InspectExtent(ctx, call.ID, call.Offset, keys)
	case "session":
		return store.InspectSession(uint32(call.Number))
	case "zone":
		return store.InspectZone(int(call.Number))
	}
	return nil, fmt.Errorf("inspect: unknown %q", call.What)
}
