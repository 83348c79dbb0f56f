package main

import (
	"context"
	"os"

	"coffer.example/kms"
)

// scope is the account and Region whose resources a command lists. Empty members mean
// the directory's own account and default Region.
type scope struct {
	Account string `json:"account,omitempty"`
	Region  string `json:"region,omitempty"`
}

func (s *scope) register(f *flags) {
	f.StringVar(&s.Account, "account-id", "", "the account's `number` (default: the directory's first)")
	f.StringVar(&s.Region, "region", "", "the `Region` (default: the daemon's)")
}

// controlServer adds every call of the control socket.
func (d *daemon) controlServer() *controlServer {
	c := newControlServer()
	addProfiles(c.mux)
	control(c, "status", d.status)
	controlStream(c, "key-list", d.listKeys)
	return c
}

func (d *daemon) status(context.Context, none) (statusAnswer, error) {
	answer := statusAnswer{
		Version: versionText(), PID: os.Getpid(), Started: d.started.UTC(),
		Directory: d.dir.path, Dev: d.dir.dev, Region: d.stack.Load().keys.Region(),
		API: d.addresses.API, Admin: d.addresses.Admin, NBD: d.addresses.NBD,
		Ready: true,
	}
	if err := d.ready(); err != nil {
		answer.Ready, answer.NotReady = false, err.Error()
	}
	return answer, nil
}

// operator is the account root as which an operator's commands ask.
func (s *stack) operator(in scope) kms.Caller {
	if in.Account == "" {
		in.Account = s.keys.Account()
	}
	if in.Region == "" {
		in.Region = s.keys.Region()
	}
	return kms.Caller{
		Account: in.Account, ARN: "arn:aws:iam::" + in.Account + ":root", UserID: in.Account,
		Type: "Root", Region: in.Region, UserAgent: "coffer", SourceIP: "coffer.sock",
	}
}

// listKeys emits the keys of an account in a Region with their aliases.
func (d *daemon) listKeys(ctx context.Context, in scope, emit func(keyLine) error) error {
	s := d.stack.Load()
	caller := s.operator(in)
	aliases, err := s.aliases(ctx, caller)
	if err != nil {
		return err
	}
	page := kms.Page{}
	for {
		out, err := s.keys.ListKeys(ctx, caller, kms.ListKeysInput{Page: page})
		if err != nil {
			return err
		}
		for _, key := range out.Keys {
			about, err := s.keys.DescribeKey(ctx, caller, kms.DescribeKeyInput{KeyID: key.KeyARN})
			if err != nil {
				return err
			}
			line := keyLine{
				ARN: about.ARN, State: string(about.State), Manager: about.Manager,
				Description: about.Description, Aliases: aliases[about.ID], Created: about.Created,
			}
			if err := emit(line); err != nil {
				return err
			}
		}
		if !out.Truncated {
			return nil
		}
		page.Marker = out.Marker
	}
}

// aliases maps the ids of keys to their aliases.
func (s *stack) aliases(ctx context.Context, caller kms.Caller) (map[string][]string, error) {
	found := map[string][]string{}
	page := kms.Page{}
	for {
		out, err := s.keys.ListAliases(ctx, caller, kms.ListAliasesInput{Page: page})
		if err != nil {
			return nil, err
		}
		for _, alias := range out.Aliases {
			found[alias.TargetKeyID] = append(found[alias.TargetKeyID], alias.Name)
		}
		if !out.Truncated {
			return found, nil
		}
		page.Marker = out.Marker
	}
}
