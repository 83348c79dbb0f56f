package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// usageError is a wrong command line: exit status 2.
type usageError struct{ error }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// flags are the flags of one command. What the command line leaves out is taken from
// the environment (COFFER_DATA_DIR for --data-dir), then from the config file.
type flags struct {
	*flag.FlagSet
	env     *environment
	dataDir string
	json    bool
	// optionalDir says that the command may do without --data-dir.
	optionalDir bool
	help        func()
}

// newFlags returns flags with --data-dir, which every command but version and bench needs.
func newFlags(env *environment, name, operands string) *flags {
	f := newBareFlags(env, name, "--data-dir DIR [flags] "+operands)
	f.StringVar(&f.dataDir, "data-dir", "", "the data `directory`")
	return f
}

// newBareFlags returns flags without any. Errors come back from parse; only --help prints.
func newBareFlags(env *environment, name, usage string) *flags {
	f := &flags{FlagSet: flag.NewFlagSet("coffer "+name, flag.ContinueOnError), env: env}
	f.SetOutput(io.Discard)
	f.Usage = func() {} // Parse calls it for every mistake; parse itself shows help
	f.help = func() {
		f.SetOutput(env.stdout)
		fmt.Fprintf(env.stdout, "usage: coffer %s\n", strings.TrimSpace(name+" "+usage))
		f.PrintDefaults()
	}
	return f
}

// withJSON adds --json, which client commands have.
func (f *flags) withJSON() *flags {
	f.BoolVar(&f.json, "json", false, "print JSON")
	return f
}

// parse reads the command line, in which flags and operands may mix, and returns exactly the number of operands wanted.
func (f *flags) parse(args []string, operands int) ([]string, error) {
	return f.parseBetween(args, operands, operands)
}

// parseBetween is parse with a least and a greatest number of operands.
func (f *flags) parseBetween(args []string, least, most int) ([]string, error) {
	found, err := f.parseMixed(args)
	if err != nil {
		return nil, err
	}
	if len(found) < least || len(found) > most {
		return nil, usagef("wants %d operand(s), got %d; --help shows the usage", most, len(found))
	}
	if err := f.fillFrom(f.fromEnvironment); err != nil {
		return nil, err
	}
	if f.Lookup("config") != nil && f.Lookup("config").Value.String() != "" {
		config, err := readConfig(f.Lookup("config").Value.String())
		if err != nil {
			return nil, err
		}
		if err := f.fillFromConfig(config); err != nil {
			return nil, err
		}
	}
	if f.dataDir == "" && !f.optionalDir && f.Lookup("data-dir") != nil {
		return nil, usagef("--data-dir is missing")
	}
	return found, nil
}

func (f *flags) parseMixed(args []string) ([]string, error) {
	var operands []string
	for {
		err := f.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			f.help()
			return nil, err
		}
		if err != nil {
			return nil, usageError{err}
		}
		if f.NArg() == 0 {
			return operands, nil
		}
		if terminated := len(args) > f.NArg() && args[len(args)-f.NArg()-1] == "--"; terminated {
			return append(operands, f.Args()...), nil
		}
		operands = append(operands, f.Arg(0))
		args = f.Args()[1:]
	}
}

// fromEnvironment returns the values of a flag's variable; lists are separated by commas.
func (f *flags) fromEnvironment(one *flag.Flag) []string {
	value := f.env.getenv("COFFER_" + strings.ToUpper(strings.ReplaceAll(one.Name, "-", "_")))
	if value == "" {
		return nil
	}
	if _, list := one.Value.(*stringList); list {
		return strings.Split(value, ",")
	}
	return []string{value}
}

// fillFrom sets the flags that are not set yet.
func (f *flags) fillFrom(values func(*flag.Flag) []string) error {
	given := map[string]bool{}
	f.Visit(func(one *flag.Flag) { given[one.Name] = true })
	var failed error
	f.VisitAll(func(one *flag.Flag) {
		if given[one.Name] {
			return
		}
		for _, value := range values(one) {
			if err := f.Set(one.Name, value); err != nil && failed == nil {
				failed = usagef("--%s from the environment or config file: %v", one.Name, err)
			}
		}
	})
	return failed
}

func (f *flags) fillFromConfig(config map[string][]string) error {
	for name := range config {
		if f.Lookup(name) == nil || name == "config" {
			return usagef("config file: unknown setting %q", name)
		}
	}
	return f.fillFrom(func(one *flag.Flag) []string { return config[one.Name] })
}

// readConfig reads lines `flag = value`; empty lines and lines that start with # do
// not count, and a repeatable flag may stand on several lines.
func readConfig(path string) (map[string][]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("config file: %w", err)
	}
	defer file.Close()
	config := map[string][]string{}
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			return nil, usagef("config file %s, line %d: not `flag = value`", path, number)
		}
		name = strings.TrimSpace(name)
		config[name] = append(config[name], strings.TrimSpace(value))
	}
	return config, lines.Err()
}

// stringList is a repeatable flag.
type stringList []string

// String implements flag.Value.
func (l *stringList) String() string { return strings.Join(*l, ",") }

// Set implements flag.Value.
func (l *stringList) Set(value string) error {
	*l = append(*l, value)
	return nil
}
