package ec2test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"coffer.example/aead"
	"coffer.example/blockstore"
	"coffer.example/internal/ec2"
	"coffer.example/kms"
)

// key is a key with its state.
type key struct {
	meta   kms.KeyMetadata
	denied map[string]bool // callers refused CreateGrant, by ARN
}

// Keys knows keys, their states, and grants; the infrastructure role needs one.
type Keys struct {
	w      *World
	mu     sync.Mutex
	keys   map[string]*key
	grants map[string]ec2.AttachGrant
	calls  []string // CreateGrant, RetireGrant and Decrypt, with their callers
	next   int
}

// KeyARN is the ARN of a key of this world.
func KeyARN(account, name string) string {
	return "arn:aws:kms:" + Region + ":" + account + ":key/" + name
}

func (k *Keys) add(account, name string, managed bool) {
	manager := "CUSTOMER"
	if managed {
		manager = "AWS"
	}
	k.keys[KeyARN(account, name)] = &key{meta: kms.KeyMetadata{ARN: KeyARN(account, name), Account: account, Spec: "SYMMETRIC_DEFAULT", Manager: manager, State: kms.Enabled}}
}

// SetState sets the state of a key.
func (k *Keys) SetState(account, name string, state kms.KeyState) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys[KeyARN(account, name)].meta.State = state
}

func (k *Keys) find(caller kms.Caller, name string) (*key, error) {
	arn := name
	if name == "alias/aws/ebs" {
		arn = KeyARN(caller.Account, "aws")
	} else if !strings.HasPrefix(name, "arn:") {
		arn = KeyARN(caller.Account, name)
	}
	if key, ok := k.keys[arn]; ok {
		return key, nil
	}
	return nil, &kms.Error{Kind: kms.ErrNotFound, Message: "Key '" + arn + "' does not exist"}
}

// DescribeKey implements ec2.KMS.
func (k *Keys) DescribeKey(_ context.Context, caller kms.Caller, name string) (*kms.KeyMetadata, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, err := k.find(caller, name)
	if err != nil {
		return nil, err
	}
	m := key.meta
	return &m, nil
}

func (k *Keys) usable(arn string) error {
	key, ok := k.keys[arn]
	switch {
	case !ok:
		return &kms.Error{Kind: kms.ErrNotFound, Message: "Key '" + arn + "' does not exist"}
	case key.meta.State == kms.Disabled:
		return &kms.Error{Kind: kms.ErrDisabled, Message: arn + " is disabled."}
	case key.meta.State == kms.PendingDeletion:
		return &kms.Error{Kind: kms.ErrInvalidState, Message: arn + " is pending deletion."}
	}
	return nil
}

// CreateGrant implements ec2.KMS.
func (k *Keys) CreateGrant(_ context.Context, caller kms.Caller, g ec2.AttachGrant) (string, error) {
	id := ""
	err := around(k.w, func() error {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.calls = append(k.calls, "CreateGrant "+caller.ARN+" via "+caller.ViaService)
		if err := k.usable(g.KeyARN); err != nil {
			return err
		}
		if k.keys[g.KeyARN].denied[caller.ARN] {
			return &kms.Error{Kind: kms.ErrAccessDenied, Message: "User: " + caller.ARN + " is not authorized to perform: kms:CreateGrant"}
		}
		for have, other := range k.grants {
			if g == other {
				id = have
				return nil
			}
		}
		k.next++
		id = fmt.Sprintf("grant-%d", k.next)
		k.grants[id] = g
		return nil
	})
	return id, err
}

// RetireGrant implements ec2.KMS.
func (k *Keys) RetireGrant(_ context.Context, role kms.Caller, g ec2.AttachGrant) error {
	return around(k.w, func() error {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.calls = append(k.calls, "RetireGrant "+role.ARN)
		for id, have := range k.grants {
			if id == g.ID || g.ID == "" && have.VolumeID == g.VolumeID && have.InstanceID == g.InstanceID {
				delete(k.grants, id)
			}
		}
		return nil
	})
}

// Keyring implements ec2.KMS.
func (k *Keys) Keyring(caller kms.Caller) blockstore.Keyring { return keyring{k, caller} }

// keyring acts as a caller.
type keyring struct {
	k      *Keys
	caller kms.Caller
}

func (r keyring) NewDataKey(_ context.Context, key string, _ map[string]string) (*aead.DataKey, []byte, string, error) {
	r.k.mu.Lock()
	defer r.k.mu.Unlock()
	return nil, []byte(key), key, r.k.usable(key)
}

func (r keyring) Unwrap(_ context.Context, wrapped []byte, encryptionContext map[string]string) (*aead.DataKey, error) {
	r.k.mu.Lock()
	defer r.k.mu.Unlock()
	r.k.calls = append(r.k.calls, "Decrypt "+r.caller.ARN)
	if err := r.k.usable(string(wrapped)); err != nil {
		return nil, err
	}
	for _, g := range r.k.grants {
		if g.KeyARN == string(wrapped) && g.VolumeID == encryptionContext["aws:ebs:id"] && strings.HasSuffix(r.caller.ARN, "/"+g.InstanceID) {
			return nil, nil
		}
	}
	return nil, &kms.Error{Kind: kms.ErrAccessDenied, Message: "no grant allows it"}
}

func (r keyring) Rewrap(context.Context, []byte, map[string]string, string, map[string]string) (*aead.DataKey, []byte, string, error) {
	return nil, nil, "", errors.New("not used")
}

// Calls returns what was asked of the key store, and forgets it.
func (k *Keys) Calls() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	calls := k.calls
	k.calls = nil
	return calls
}

// Deny refuses CreateGrant on a key to a caller.
func (k *Keys) Deny(account, name, callerARN string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys[KeyARN(account, name)].denied = map[string]bool{callerARN: true}
}

// Revoke removes every grant.
func (k *Keys) Revoke() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.grants)
}

// Grants lists the volumes that grants are for.
func (k *Keys) Grants() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []string
	for _, g := range k.grants {
		out = append(out, g.VolumeID)
	}
	return out
}
