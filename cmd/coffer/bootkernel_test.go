package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/testkit"
)

// bootKernel finds a kernel of Debian, and makes the initramfs that mounts the disk.
func bootKernel(t *testing.T) (kernel, initrd string) {
	kernels, err := filepath.Glob("/boot/vmlinuz-*")
	require.NoError(t, err)
	require.NotEmpty(t, kernels, "no kernel to boot: install the Debian package linux-image-cloud-amd64")
	kernel = kernels[len(kernels)-1]
	modules := "/lib/modules/" + strings.TrimPrefix(kernel, "/boot/vmlinuz-")

	busybox, err := os.ReadFile(testkit.Tool(t, "busybox"))
	require.NoError(t, err)
	var ram cpio
	for _, dir := range []string{"bin", "dev", "proc", "root"} {
		ram.add(dir, 0o040755, nil)
	}
	ram.add("bin/busybox", 0o100755, busybox)
	script := "#!/bin/busybox sh\n/bin/busybox mount -t devtmpfs dev /dev\n"
	for i, file := range modulesFor(t, modules, "virtio_pci", "virtio_blk", "crc32c_generic", "ext4") {
		name := fmt.Sprintf("module%d.ko", i)
		ram.add(name, 0o100644, readModule(t, file))
		script += "/bin/busybox insmod /" + name + "\n"
	}
	script += `for i in $(/bin/busybox seq 100); do [ -b /dev/vda ] && break; /bin/busybox usleep 50000; done
/bin/busybox mount -t ext4 -o ro /dev/vda /root || /bin/busybox poweroff -f
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root /sbin/init
`
	ram.add("init", 0o100755, []byte(script))
	initrd = filepath.Join(t.TempDir(), "initrd")
	require.NoError(t, os.WriteFile(initrd, ram.end(), 0o600))
	return kernel, initrd
}

// modulesFor returns the files of modules and what they depend on, in the order to load
// them in. One that the kernel has built in has none.
func modulesFor(t *testing.T, dir string, names ...string) (files []string) {
	raw, err := os.ReadFile(filepath.Join(dir, "modules.dep"))
	require.NoError(t, err)
	for _, name := range names {
		for line := range strings.Lines(string(raw)) {
			file, needs, _ := strings.Cut(strings.TrimSpace(line), ":")
			if base, _, _ := strings.Cut(filepath.Base(file), "."); base != name {
				continue
			}
			order := append(strings.Fields(needs), file)
			slices.Reverse(order[:len(order)-1]) // modules.dep names the nearest first
			for _, one := range order {
				if one = filepath.Join(dir, one); !slices.Contains(files, one) {
					files = append(files, one)
				}
			}
		}
	}
	return files
}

func readModule(t *testing.T, file string) []byte {
	if !strings.HasSuffix(file, ".xz") {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		return raw
	}
	raw, err := exec.Command(testkit.Tool(t, "xz"), "-dc", file).Output()
	require.NoError(t, err)
	return raw
}

// cpio is an archive in the format that Linux unpacks an initramfs from ("newc").
type cpio struct {
	bytes.Buffer
	inode int
}

func (c *cpio) add(name string, mode int, data []byte) {
	c.inode++
	fmt.Fprintf(c, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		c.inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0, name)
	c.pad()
	c.Write(data)
	c.pad()
}

func (c *cpio) pad() {
	for c.Len()%4 != 0 {
		c.WriteByte(0)
	}
}

func (c *cpio) end() []byte {
	c.add("TRAILER!!!", 0, nil)
	return c.Bytes()
}
