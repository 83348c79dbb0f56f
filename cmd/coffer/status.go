package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// none is the argument of control calls that take none.
type none struct{}

// statusAnswer says what a daemon serves.
type statusAnswer struct {
	Version   string    `json:"version"`
	PID       int       `json:"pid"`
	Started   time.Time `json:"started"`
	Directory string    `json:"directory"`
	Dev       bool      `json:"dev"`
	Region    string    `json:"region"`
	API       string    `json:"api,omitempty"`
	Admin     string    `json:"admin,omitempty"`
	NBD       []string  `json:"nbd,omitempty"`
	Ready     bool      `json:"ready"`
	Sealed    bool      `json:"sealed,omitempty"`
	NotReady  string    `json:"notReady,omitempty"` // why
	Exports   int       `json:"exports"`

	Pool  poolAnswer   `json:"pool"`
	Scrub *scrubAnswer `json:"scrub,omitempty"` // absent: off
}

func statusCommand(ctx context.Context, env *environment, args []string) error {
	f := newFlags(env, "status", "").withJSON()
	if _, err := f.parse(args, 0); err != nil {
		return err
	}
	status, err := ask[statusAnswer](ctx, f.dataDir, "status", none{})
	if err != nil {
		return err
	}
	if f.json {
		return printJSON(env.stdout, status)
	}
	state := "ready"
	if !status.Ready {
		state = "not ready: " + status.NotReady
	}
	_, err = fmt.Fprintf(env.stdout, "%s\nprocess  %d, since %s\nstate    %s\nregion   %s\napi      %s\nadmin    %s\nnbd      %s\nexports  %d\n%s\n%s\n",
		status.Version, status.PID, status.Started.Format(time.RFC3339), state, status.Region,
		orDash(status.API), orDash(status.Admin), orDash(strings.Join(status.NBD, " ")), status.Exports,
		status.Pool.line(), strings.Join(status.Scrub.lines(), "\n"))
	return err
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
