package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// member is a member of a JSON object, in the order in which it stands there.
type member struct {
	name  string
	value json.RawMessage
}

// printPlain prints a JSON value for readers: an object as lines of name and value, a list of
// objects as a table, and what lies inside below it.
func printPlain(out io.Writer, raw json.RawMessage) error {
	if isList(raw) {
		return printList(out, raw)
	}
	members, err := membersOf(raw)
	if err != nil {
		return err
	}
	width := 0
	for _, m := range members {
		width = max(width, len(m.name))
	}
	var lists []member
	for _, m := range members {
		if isList(m.value) {
			lists = append(lists, m)
			continue
		}
		if _, err := fmt.Fprintf(out, "%-*s  %s\n", width, m.name, plainValue(m.value)); err != nil {
			return err
		}
	}
	for _, m := range lists {
		if _, err := fmt.Fprintf(out, "\n%s:\n", m.name); err != nil {
			return err
		}
		if err := printList(out, m.value); err != nil {
			return err
		}
	}
	return nil
}

// printList prints a list: of flat objects as a table, of others one after the other.
func printList(out io.Writer, raw json.RawMessage) error {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return err
	}
	var heading []string
	var rows []map[string]string
	for _, item := range items {
		members, err := membersOf(item)
		if err != nil || slices.ContainsFunc(members, func(m member) bool { return isList(m.value) }) {
			return printNested(out, items)
		}
		row := map[string]string{}
		for _, m := range members {
			if !slices.Contains(heading, m.name) {
				heading = append(heading, m.name)
			}
			row[m.name] = plainValue(m.value)
		}
		rows = append(rows, row)
	}
	var cells [][]string
	for _, row := range rows {
		var line []string
		for _, name := range heading {
			line = append(line, orDash(row[name]))
		}
		cells = append(cells, line)
	}
	return printTable(out, heading, cells)
}

func printNested(out io.Writer, items []json.RawMessage) error {
	for i, item := range items {
		if i > 0 {
			if _, err := fmt.Fprintln(out); err != nil {
				return err
			}
		}
		if _, err := membersOf(item); err != nil {
			if _, err := fmt.Fprintln(out, plainValue(item)); err != nil {
				return err
			}
			continue
		}
		if err := printPlain(out, item); err != nil {
			return err
		}
	}
	return nil
}

func isList(raw json.RawMessage) bool { return len(raw) > 0 && raw[0] == '[' }

// plainValue is a string without quotes, other values as JSON has them.
func plainValue(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// membersOf splits an object.
func membersOf(raw json.RawMessage) ([]member, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, fmt.Errorf("not an object: %w", err)
	}
	var out []member
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
		out = append(out, member{fmt.Sprint(name), value})
	}
	return out, nil
}
