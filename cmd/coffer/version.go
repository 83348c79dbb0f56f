package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

// versionCommand prints what the binary was built from.
func versionCommand(_ context.Context, env *environment, args []string) error {
	if _, err := newBareFlags(env, "version", "").parse(args, 0); err != nil {
		return err
	}
	_, err := fmt.Fprintln(env.stdout, versionText())
	return err
}

func versionText() string {
	version, revision, dirty := "(devel)", "", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			version = info.Main.Version
		}
		for _, setting := range info.Settings {
			switch {
			case setting.Key == "vcs.revision":
				revision = " " + setting.Value[:min(12, len(setting.Value))]
			case setting.Key == "vcs.modified" && setting.Value == "true":
				dirty = " with local changes"
			}
		}
	}
	return fmt.Sprintf("coffer %s%s%s %s %s/%s", version, revision, dirty, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
