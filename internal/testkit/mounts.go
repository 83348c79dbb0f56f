package testkit

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// MountsAllowed says why this machine cannot mount through FUSE and loop devices, or nil.
func MountsAllowed() error {
	if os.Geteuid() != 0 {
		return errors.New("not root")
	}
	for _, device := range []string{"/dev/fuse", "/dev/loop-control"} {
		f, err := os.OpenFile(device, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		f.Close()
	}
	losetup, err := findTool("losetup")
	if err != nil {
		return err
	}
	if out, err := exec.Command(losetup, "-f").CombinedOutput(); err != nil {
		return fmt.Errorf("losetup: %s", out)
	}
	return nil
}

// FuseFile is an NBD export shown as a file.
type FuseFile struct {
	Path string

	dir     string
	command *exec.Cmd
	stderr  strings.Builder
	gone    bool
}

// ShowNBD shows the export of a URI as a file until Unmount, or the end of the test.
func ShowNBD(t testing.TB, uri string, flags ...string) *FuseFile {
	t.Helper()
	dir, pid := t.TempDir(), filepath.Join(t.TempDir(), "pid")
	f := &FuseFile{Path: filepath.Join(dir, "disk"), dir: dir}
	f.command = exec.Command(Tool(t, "nbdfuse"), append(append([]string{"-P", pid}, flags...), f.Path, uri)...)
	f.command.Stderr = &f.stderr
	if err := f.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Unmount(t) })
	Eventually(t, ReadyTimeout, "the export is shown as a file", func() bool {
		b, _ := os.ReadFile(pid)
		return len(b) > 0
	})
	return f
}

// Unmount ends the showing.
func (f *FuseFile) Unmount(t testing.TB) {
	t.Helper()
	if f.gone {
		return
	}
	f.gone = true
	out, err := exec.Command("umount", f.dir).CombinedOutput()
	if err != nil {
		_ = f.command.Process.Kill() // else the wait below never ends
	}
	if err := errors.Join(err, f.command.Wait()); err != nil {
		t.Errorf("nbdfuse: %v\n%s%s", err, out, f.stderr.String())
	}
}

// LoopMount is a file system on a loop device.
type LoopMount struct{ Dir, device string }

// MountLoop mounts the file system in a file until Unmount, or the end of the test.
func MountLoop(t testing.TB, file string) *LoopMount {
	t.Helper()
	m := &LoopMount{Dir: ShortTempDir(t), device: strings.TrimSpace(Run(t, "losetup", "--find", "--show", file))}
	t.Cleanup(func() { // after a failure
		if m.device != "" {
			_ = exec.Command("umount", m.Dir).Run()
			_ = exec.Command(Tool(t, "losetup"), "-d", m.device).Run()
		}
	})
	Run(t, "mount", m.device, m.Dir)
	return m
}

// Unmount ends the mount.
func (m *LoopMount) Unmount(t testing.TB) {
	t.Helper()
	Run(t, "umount", m.Dir)
	Run(t, "losetup", "-d", m.device)
	m.device = ""
}

// FillDirectory writes one large file and many small ones, and a large one in the directory
// "dropped", and returns the sums of all but the last.
func FillDirectory(t testing.TB, dir string, largeBytes int) map[string][32]byte {
	t.Helper()
	sums := map[string][32]byte{}
	put := func(name string, size int) {
		data := make([]byte, size)
		_, _ = rand.Read(data)
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o644)); err != nil {
			t.Fatal(err)
		}
		sums[name] = sha256.Sum256(data)
	}
	put("kept/large", largeBytes)
	for i := range 300 {
		put(fmt.Sprintf("kept/small%d", i), 1+i*17)
	}
	put("dropped/large", 8<<20)
	delete(sums, "dropped/large")
	Run(t, "sync", "-f", dir)
	return sums
}

// CheckDirectory requires the files of FillDirectory.
func CheckDirectory(t testing.TB, dir string, sums map[string][32]byte) {
	t.Helper()
	for name, sum := range sums {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || sha256.Sum256(data) != sum {
			t.Fatalf("%s is not what was written (%v)", name, err)
		}
	}
}

// SmallDisk is a file system of a few gigabytes, mounted, that can be filled to the brim.
type SmallDisk struct {
	*LoopMount
	filler string
}

// NewSmallDisk makes an ext4 file system in a sparse file and mounts it.
func NewSmallDisk(t testing.TB, sizeBytes int64) *SmallDisk {
	t.Helper()
	image := filepath.Join(t.TempDir(), "disk")
	f, err := os.Create(image)
	if err == nil {
		err = errors.Join(f.Truncate(sizeBytes), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	Run(t, "mkfs.ext4", "-F", "-q", "-m", "0", "-E", "lazy_itable_init=1", image)
	m := MountLoop(t, image)
	return &SmallDisk{m, filepath.Join(m.Dir, "filler")}
}

// Fill takes all the space but what is to be left.
func (d *SmallDisk) Fill(t testing.TB, leaveBytes int64) {
	t.Helper()
	var blocks, size int64
	if _, err := fmt.Sscanf(Run(t, "stat", "-f", "-c", "%a %S", d.Dir), "%d %d", &blocks, &size); err != nil {
		t.Fatal(err)
	}
	free := blocks*size - leaveBytes
	if free <= 0 {
		return
	}
	// A little may be taken meanwhile: then as much as there is.
	result := Command{Name: "fallocate", Args: []string{"-l", fmt.Sprint(free), d.filler}}.Do(t)
	if result.Status != 0 && leaveBytes > 0 {
		t.Fatalf("fallocate: %s", result.Stderr)
	}
}

// Free gives the space back.
func (d *SmallDisk) Free(t testing.TB) {
	t.Helper()
	if err := os.Remove(d.filler); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
}
