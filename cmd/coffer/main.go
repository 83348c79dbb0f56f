// Command coffer is a software AWS KMS and an encrypted block volume store.
//
// One daemon per data directory (coffer serve) answers the AWS protocols and serves
// volumes over NBD; the other commands speak to it through DIR/coffer.sock, or work
// on a directory that nobody holds. Exit status: 0 done, 1 refused or failed with one
// sentence on standard error, 2 wrong usage.
//
// This package only wires: it parses flags, opens the packages in order, connects
// their interfaces, serves their listeners and closes them in reverse. It decides
// nothing about keys, blocks or permissions.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// environment is what a command sees of the process, so that tests can replace it.
type environment struct {
	stdin          *os.File
	stdout, stderr io.Writer
	getenv         func(string) string
}

// command is one line of the usage text and the function behind it.
type command struct {
	name    string // one to three words
	summary string
	run     func(ctx context.Context, env *environment, args []string) error
}

func commands() []command {
	return []command{
		{"init", "prepare a data directory and its first account", initCommand},
		{"serve", "serve the AWS protocols and NBD", serveCommand},
		{"unseal", "open the root key of a sealed daemon", unsealCommand},
		{"status", "say what the daemon serves", statusCommand},
		{"account add", "add an account's root credential", accountAddCommand},
		{"key list", "list the KMS keys", keyListCommand},
		{"key usage", "list what depends on a KMS key", keyUsageCommand},
		{"key policy test", "say how a request would be decided, without making it", keyPolicyTestCommand},
		{"volume list", "list the volumes", volumeListCommand},
		{"volume attach", "attach a volume and print its NBD URI", volumeAttachCommand},
		{"volume detach", "detach a volume", volumeDetachCommand},
		{"volume uri", "print the NBD URI of an attached volume", volumeURICommand},
		{"snapshot list", "list the snapshots", snapshotListCommand},
		{"database list", "list the RDS databases and where their storage is served", databaseListCommand},
		{"snapshot export", "write a snapshot to a directory of objects", snapshotExportCommand},
		{"snapshot import", "make a snapshot of such an object", snapshotImportCommand},
		{"image import", "make an image of a raw disk image file", imageImportCommand},
		{"image list", "list the images", imageListCommand},
		{"verify", "read and authenticate everything", verifyCommand},
		{"scrub", "begin the background verification now", scrubCommand},
		{"backup", "copy the data directory, consistently", backupCommand},
		{"inspect", "show how the volumes are kept", inspectCommand},
		{"audit tail", "print the audit events", auditTailCommand},
		{"audit verify", "check that the audit trail is whole", auditVerifyCommand},
		{"explain", "say what decided a request", explainCommand},
		{"bench", "measure this machine", func(ctx context.Context, env *environment, args []string) error {
			return exitStatus(benchCommand(ctx, args, env.stdout, env.stderr))
		}},
		{"version", "print the version", versionCommand},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	env := &environment{os.Stdin, os.Stdout, os.Stderr, os.Getenv}
	status := run(ctx, env, os.Args[1:])
	stop()
	os.Exit(status)
}

// exitStatus is the end of a command that has said itself what there is to say.
type exitStatus int

// Error implements error.
func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// run finds the command, runs it and turns its error into an exit status.
func run(ctx context.Context, env *environment, args []string) int {
	chosen, rest, ok := findCommand(args)
	if !ok {
		return unknownCommand(env, args)
	}
	err := chosen.run(ctx, env, rest)
	var usage usageError
	var status exitStatus
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &status):
		return int(status)
	case errors.As(err, &usage):
		fmt.Fprintf(env.stderr, "coffer %s: %v\n", chosen.name, err)
		return 2
	default:
		fmt.Fprintf(env.stderr, "coffer %s: %v\n", chosen.name, err)
		return 1
	}
}

func findCommand(args []string) (command, []string, bool) {
	for _, one := range commands() {
		words := strings.Fields(one.name)
		if len(args) >= len(words) && strings.Join(args[:len(words)], " ") == one.name {
			return one, args[len(words):], true
		}
	}
	return command{}, nil, false
}

func unknownCommand(env *environment, args []string) int {
	help := len(args) > 0 && strings.Contains(" help -h -help --help ", " "+args[0]+" ")
	out := env.stderr
	if help {
		out = env.stdout
	} else if len(args) > 0 {
		fmt.Fprintf(out, "coffer: unknown command %q\n\n", strings.Join(args[:min(len(args), 2)], " "))
	}
	fmt.Fprintln(out, "usage: coffer <command> --data-dir DIR [flags]   (coffer <command> --help lists the flags)")
	for _, one := range commands() {
		fmt.Fprintf(out, "  %-15s %s\n", one.name, one.summary)
	}
	if help {
		return 0
	}
	return 2
}
