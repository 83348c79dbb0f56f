package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"coffer.example/blockstore"
	"coffer.example/internal/ec2"
	"coffer.example/internal/nbd"
)

// attachments say which attached devices NBD clients can open. They are the registry of
// the NBD server, and what ec2 publishes volumes through.
type attachments struct {
	server *nbd.Server // its Registry asks this
	engine *ec2.StoreEngine
	uri    func(volume string) string
	only   string // if not empty, the one volume that clients may open

	mu   sync.Mutex
	open map[string]*blockstore.Device // the published volumes; guarded by mu
}

func newAttachments(server *nbd.Server, engine *ec2.StoreEngine, uri func(string) string, only string) *attachments {
	return &attachments{server: server, engine: engine, uri: uri, only: only, open: map[string]*blockstore.Device{}}
}

// withdrawAll cuts every client: the daemon stops. Their attachments stay recorded.
func (a *attachments) withdrawAll() error {
	a.mu.Lock()
	all := a.open
	a.open = map[string]*blockstore.Device{}
	a.mu.Unlock()
	for volume := range all {
		a.server.Disconnect(volume, true)
		<-a.server.Released(volume)
	}
	return nil
}

// published says how many volumes clients can open.
func (a *attachments) published() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.publishedNames())
}

// Publish implements ec2.Exports.
func (a *attachments) Publish(_ context.Context, volume string) error {
	device := a.engine.Device(volume)
	if device == nil {
		return fmt.Errorf("volume %s is not attached", volume)
	}
	a.publish(volume, device)
	return nil
}

func (a *attachments) publish(volume string, device *blockstore.Device) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open[volume] = device
}

// Withdraw implements ec2.Exports.
func (a *attachments) Withdraw(ctx context.Context, volume string, force bool) error {
	a.mu.Lock()
	delete(a.open, volume)
	a.mu.Unlock()
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
	device := a.open[name]
	if device == nil || a.only != "" && a.only != name {
		return nil, nbd.ErrNoExport
	}
	return &nbd.Opened{Export: export{device}, Info: nbd.ExportInfo{Name: name}, Release: func() {}}, nil
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
	for name := range a.open {
		if a.only == "" || a.only == name {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, cmp.Compare[string])
	return names
}
