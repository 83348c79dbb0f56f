package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"coffer.example/blockstore"
	"coffer.example/internal/nbd"
)

// luksIterations is how long (ms) qemu-img tunes the key derivation: it concerns the opening of an image alone.
const luksIterations = "iter-time=500"

// luksAttempts is how often that is tried: the tuning fails at times ("Unable to get accurate CPU usage").
const luksAttempts = 5

// makeLUKS makes an image that qemu and nbdkit open, and returns it with the file of its passphrase.
func (r *peersRig) makeLUKS(ctx context.Context, name string) (image, secret string, err error) {
	raw := make([]byte, 24)
	rand.Read(raw) // never fails
	image, secret = r.file(name+".luks"), r.file(name+".secret")
	if err := os.WriteFile(secret, []byte(base64.RawURLEncoding.EncodeToString(raw)), 0o600); err != nil {
		return "", "", err
	}
	var out []byte
	for range luksAttempts {
		out, err = exec.CommandContext(ctx, "qemu-img", "create", "-q", "-f", "luks", "--object", "secret,id=s0,file="+secret,
			"-o", "key-secret=s0,"+luksIterations, image, fmt.Sprint(r.options.size)).CombinedOutput()
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return "", "", fmt.Errorf("qemu-img: %w: %s", err, out)
	}
	return image, secret, nil
}

func (r *peersRig) startQemu(ctx context.Context) error { return r.addQemu(ctx, peerQemu, "qemu", "") }

func (r *peersRig) startQemuDirect(ctx context.Context) error {
	return r.addQemu(ctx, peerQemuDirect, "direct", ",file.cache.direct=on,file.aio=native")
}

func (r *peersRig) addQemu(ctx context.Context, variant, name, cache string) error {
	if r.missing(variant, "qemu-nbd") || r.missing(variant, "qemu-img") {
		return nil
	}
	image, secret, err := r.makeLUKS(ctx, name)
	if err != nil {
		return err
	}
	socket := r.file(name + ".sock")
	pid, err := r.startServer(ctx, socket, "qemu-nbd", "--persistent", "--shared=16", "--socket="+socket, "--object", "secret,id=s0,file="+secret,
		"--image-opts", "driver=luks,key-secret=s0,file.filename="+image+cache)
	if err != nil {
		return err
	}
	r.add(variant, target{uri: "nbd+unix:///?socket=" + socket, pid: pid}, image)
	return nil
}

func (r *peersRig) startNbdkitLUKS(ctx context.Context) error {
	if r.missing(peerNbdkitLUKS, "nbdkit") || r.missing(peerNbdkitLUKS, "qemu-img") {
		return nil
	}
	image, secret, err := r.makeLUKS(ctx, "nbdkit")
	if err != nil {
		return err
	}
	socket := r.file("nbdkit.sock")
	pid, err := r.startServer(ctx, socket, "nbdkit", "--foreground", "--unix", socket, "--filter=luks", "file", image, "passphrase=+"+secret)
	if err != nil {
		return err
	}
	r.add(peerNbdkitLUKS, target{uri: "nbd+unix:///?socket=" + socket, pid: pid}, image)
	return nil
}

func (r *peersRig) startMemory(ctx context.Context) error {
	if r.missing(peerMemory, "nbdkit") {
		return nil
	}
	socket := r.file("memory.sock")
	pid, err := r.startServer(ctx, socket, "nbdkit", "--foreground", "--unix", socket, "memory", fmt.Sprint(r.options.size))
	if err != nil {
		return err
	}
	r.add(peerMemory, target{uri: "nbd+unix:///?socket=" + socket, pid: pid}, "")
	return nil
}

func (r *peersRig) startRaw(context.Context) error {
	path := r.file("raw")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return err
	}
	if err := os.Truncate(path, r.options.size); err != nil {
		return err
	}
	r.add(peerRaw, target{file: path}, path)
	return nil
}

// add adds a peer whose image, if it has one, is a file.
func (r *peersRig) add(variant string, to target, image string) {
	chill := func() error { return nil }
	if image != "" {
		chill = func() error { return dropCache(image) }
	}
	r.peers = append(r.peers, peer{variant, func() target { return to }, syncAll, chill})
}

// peerVolume is the volume under load, and the registry that exports it.
type peerVolume struct {
	store  *blockstore.Store
	id     string
	device *blockstore.Device
}

// Open implements nbd.Registry.
func (v *peerVolume) Open(context.Context, string) (*nbd.Opened, error) {
	return &nbd.Opened{Export: export{v.device}, Info: nbd.ExportInfo{Name: v.id}, Release: func() {}}, nil
}

// List implements nbd.Registry.
func (v *peerVolume) List(context.Context) ([]nbd.ExportInfo, error) { return nil, nil }

// chill attaches the volume anew: the cache of opened blocks is empty then, and data files are read with O_DIRECT.
func (v *peerVolume) chill(ctx context.Context) (err error) {
	if err := v.device.Detach(ctx); err != nil {
		return err
	}
	v.device, err = v.store.Attach(ctx, v.id)
	return err
}

// startCoffer serves an encrypted volume as the daemon does, from this process.
func (r *peersRig) startCoffer(ctx context.Context) error {
	store, err := blockstore.Open(blockstore.Options{Dir: r.file("store"), Keys: r.keys})
	if err != nil {
		return err
	}
	r.undo = append(r.undo, store.Close)
	volume, err := store.CreateVolume(ctx, blockstore.VolumeSpec{Size: r.options.size, Key: benchKeyName})
	if err != nil {
		return err
	}
	device, err := store.Attach(ctx, volume.ID)
	if err != nil {
		return err
	}
	v := &peerVolume{store, volume.ID, device}
	r.undo = append(r.undo, func() error { return v.device.Detach(context.WithoutCancel(ctx)) })
	server, socket := nbd.NewServer(nbd.Options{Registry: v}), r.file("coffer.sock")
	listener, err := nbd.Listen(ctx, "unix:"+socket, -1)
	if err != nil {
		return err
	}
	go func() { _ = server.Serve(context.WithoutCancel(ctx), listener, nil) }() // until Close
	r.undo = append(r.undo, server.Close)
	to := target{uri: "nbd+unix:///" + volume.ID + "?socket=" + socket, pid: os.Getpid()}
	r.peers = append(r.peers, peer{
		peerCoffer, func() target { return to },
		func() error { return errors.Join(v.device.Flush(ctx), syncAll()) },
		func() error { return v.chill(ctx) },
	})
	return nil
}
