package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"coffer.example/blockstore"
	"coffer.example/internal/nbd"
)

// attachments are the devices that are attached, and which of them NBD clients can
// open. It is the registry of the NBD server, and what ec2 publishes volumes through.
type attachments struct {
	server *nbd.Server // its Registry asks this
	uri    func(volume string) string
	only   string // if not empty, the one volume that clients may open

	mu      sync.Mutex // guards devices and what they point to
	devices map[string]*attached
}

type attached struct {
	device    *blockstore.Device
	published bool
}

func newAttachments(server *nbd.Server, uri func(string) string, only string) *attachments {
	return &attachments{server: server, uri: uri, only: only, devices: map[string]*attached{}}
}

// add keeps a device that has just been attached; it is not published yet.
func (a *attachments) add(volume string, device *blockstore.Device) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.devices[volume] = &attached{device: device}
}

// device returns an attached device, or nil.
func (a *attachments) device(volume string) *blockstore.Device {
	a.mu.Lock()
	defer a.mu.Unlock()
	if one := a.devices[volume]; one != nil {
		return one.device
	}
	return nil
}

// remove forgets a device and returns it, or nil.
func (a *attachments) remove(volume string) *blockstore.Device {
	a.mu.Lock()
	defer a.mu.Unlock()
	one := a.devices[volume]
	delete(a.devices, volume)
	if one == nil {
		return nil
	}
	return one.device
}

// detachAll detaches every device: the daemon stops. Their attachments stay recorded.
func (a *attachments) detachAll() error {
	a.mu.Lock()
	all := a.devices
	a.devices = map[string]*attached{}
	a.mu.Unlock()
	var failed error
	for volume, one := range all {
		a.server.Disconnect(volume, true)
		<-a.server.Released(volume)
		if err := one.device.Detach(context.Background()); err != nil {
			failed = errors.Join(failed, fmt.Errorf("detach %s: %w", volume, err))
		}
	}
	return failed
}

// published says how many volumes clients can open.
func (a *attachments) published() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.publishedNames())
}

// Publish implements ec2.Exports.
func (a *attachments) Publish(_ context.Context, volume string) error {
	if !a.setPublished(volume, true) {
		return fmt.Errorf("volume %s is not attached", volume)
	}
	return nil
}

// Withdraw implements ec2.Exports.
func (a *attachments) Withdraw(ctx context.Context, volume string, force bool) error {
	a.setPublished(volume, false)
	if force {
		a.server.Disconnect(volume, true)
	}
	select {
	case <-a.server.Released(volume):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *attachments) setPublished(volume string, published bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	one := a.devices[volume]
	if one == nil {
		return false
	}
	one.published = published
	return true
}

// URI implements ec2.Exports.
func (a *attachments) URI(volume string) string { return a.uri(volume) }

// Open implements nbd.Registry. The default export is the only one, if there is one.
func (a *attachments) Open(_ context.Context, name string) (*nbd.Opened, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if name == "" {
		published := a.publishedNames()
		if len(published) != 1 {
			return nil, nbd.ErrNoExport
		}
		name = published[0]
	}
	one := a.devices[name]
	if one == nil || !one.published || a.only != "" && a.only != name {
		return nil, nbd.ErrNoExport
	}
	return &nbd.Opened{Export: export{one.device}, Info: nbd.ExportInfo{Name: name}, Release: func() {}}, nil
}

// List implements nbd.Registry.
func (a *attachments) List(context.Context) ([]nbd.ExportInfo, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var infos []nbd.ExportInfo
	for _, name := range a.publishedNames() {
		infos = append(infos, nbd.ExportInfo{Name: name})
	}
	return infos, nil
}

// publishedNames needs a.mu.
func (a *attachments) publishedNames() []string {
	var names []string
	for name, one := range a.devices {
		if one.published && (a.only == "" || a.only == name) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, cmp.Compare[string])
	return names
}
