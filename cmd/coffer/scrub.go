package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"coffer.example/blockstore"
)

// scrubAnswer is what the background verification does, as status shows it.
type scrubAnswer struct {
	Running  bool              `json:"running"`
	Volume   string            `json:"volume,omitempty"` // being read
	Percent  int               `json:"percent"`          // of the running pass
	Passes   uint64            `json:"passes"`
	Ended    *time.Time        `json:"ended,omitempty"`
	Paused   []string          `json:"paused,omitempty"` // volumes whose key refuses
	Problems map[string]string `json:"problems,omitempty"`
	Error    string            `json:"error,omitempty"`
}

// scrubCommand begins a pass of the background verification.
func scrubCommand(ctx context.Context, env *environment, args []string) error {
	f := newFlags(env, "scrub", "")
	if _, err := f.parse(args, 0); err != nil {
		return err
	}
	if _, err := ask[none](ctx, f.dataDir, "scrub", none{}); err != nil {
		return err
	}
	_, err := fmt.Fprintln(env.stdout, "begun; coffer status shows it")
	return err
}

func (s *stack) startScrub(context.Context, none) (none, error) {
	if s.scrubRate == 0 {
		return none{}, usagef("the daemon was started without --scrub-rate")
	}
	return none{}, s.store.StartScrub()
}

// scrubStatus is nil if the daemon does not scrub.
func (s *stack) scrubStatus() *scrubAnswer {
	st := s.store.Scrub()
	if !st.Enabled {
		return nil
	}
	answer := &scrubAnswer{Running: st.Running, Volume: st.Volume, Passes: st.Passes, Paused: st.Paused, Problems: map[string]string{}}
	if st.TotalBytes > 0 {
		answer.Percent = int(min(100, st.PassBytes*100/st.TotalBytes))
	}
	if !st.Ended.IsZero() {
		ended := st.Ended.UTC()
		answer.Ended = &ended
	}
	for kind, err := range st.Problems {
		answer.Problems[kind] = fmt.Sprintf("%d ×, first: %v", st.Counts[kind], err)
	}
	if st.Err != nil {
		answer.Error = st.Err.Error()
	}
	return answer
}

// lines say the same to a reader.
func (a *scrubAnswer) lines() []string {
	if a == nil {
		return []string{"scrub    off"}
	}
	state := "waits for its time"
	switch {
	case a.Running:
		state = fmt.Sprintf("%d %%, reads %s", a.Percent, a.Volume)
	case a.Error != "":
		state = "stopped: " + a.Error
	case a.Ended != nil:
		state = "ended " + a.Ended.Format(time.RFC3339)
	}
	out := []string{"scrub    " + state}
	for _, volume := range a.Paused {
		out = append(out, "  paused: "+volume)
	}
	for _, kind := range slices.Sorted(maps.Keys(a.Problems)) {
		out = append(out, "  DAMAGE "+kind+" "+a.Problems[kind])
	}
	return out
}

// poolAnswer says how much the volumes take.
type poolAnswer struct {
	UsedBytes uint64 `json:"usedBytes"`
	FreeBytes uint64 `json:"freeBytes"` // without a new file
	Limit     int64  `json:"limit"`     // bytes; 0 none
	Low       bool   `json:"low"`       // the disk's reserve is reached: writes get ENOSPC
}

func (s *stack) pool() poolAnswer {
	m := s.store.Metrics()
	return poolAnswer{UsedBytes: m.UsedSlots * blockstore.BlockSize, FreeBytes: m.FreeSlots * blockstore.BlockSize,
		Limit: s.poolLimit * blockstore.GiB, Low: m.SpaceLow}
}

func (a poolAnswer) line() string {
	line := fmt.Sprintf("pool     %.1f GiB used", float64(a.UsedBytes)/blockstore.GiB)
	if a.Limit > 0 {
		line += fmt.Sprintf(" of %d GiB", a.Limit/blockstore.GiB)
	}
	if a.Low {
		line += ", DISK FULL: writes are refused"
	}
	return line
}
