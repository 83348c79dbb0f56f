package main

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"coffer.example/internal/testkit"
)

// bootTimeout bounds one boot, which takes a few seconds. qemu translates: KVM within a
// virtual machine is not to be relied on.
const bootTimeout = 3 * time.Minute

var bootAll = flag.Bool("boot.all", false, "boot the uploaded disk too, which is only compared otherwise")

// rootInit is /sbin/init of the disk. It writes a file at the first boot, and says at
// every boot what the file is and how often the disk has booted.
const rootInit = `#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -o remount,rw /
[ -e /written ] || /bin/busybox dd if=/dev/urandom of=/written bs=1M count=1 2>/dev/null
echo boot >> /boots
/bin/busybox sync
echo 3 > /proc/sys/vm/drop_caches
echo "coffer-boot: $(/bin/busybox wc -l < /boots) $(/bin/busybox sha256sum < /written)"
/bin/busybox mount -o remount,ro /
/bin/busybox poweroff -f
`

// A small Linux boots from a volume that is made of an imported disk image. Launched
// encrypted it writes a file, which is there when an image of its snapshot is launched
// under another key. Uploaded through the EBS direct API the disk is the same.
func TestBoot(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Logf("NOT RUN: the kernel that this boots is one for amd64")
		return
	}
	daemon := testkit.Serve(t, testkit.Init(t))
	kernel, initrd := bootKernel(t)
	disk := bootDisk(t)
	key, other := daemon.AWS.Query(t, "KeyMetadata.Arn", "kms", "create-key"), daemon.AWS.Query(t, "KeyMetadata.Arn", "kms", "create-key")

	daemon.Coffer(t, "image", "import", disk, "--name", "imported")
	imported := daemon.AWS.Query(t, "Images[0].ImageId", "ec2", "describe-images", "--owners", "self", "--filters", "Name=name,Values=imported")
	machine := launchEncrypted(t, daemon, imported, key)
	boots, written := boot(t, daemon, machine, kernel, initrd)
	require.Equal(t, "1", boots)

	// The snapshot of the running instance's disk, launched under another key.
	image := daemon.AWS.Query(t, "ImageId", "ec2", "create-image", "--instance-id", machine, "--name", "again")
	daemon.AWS.Succeed(t, "ec2", "wait", "image-available", "--image-ids", image)
	boots, again := boot(t, daemon, launchEncrypted(t, daemon, image, other), kernel, initrd)
	require.Equal(t, "2", boots)
	require.Equal(t, written, again, "the file that the first boot wrote")
	var uploaded struct{ ImageID string }
	require.NoError(t, json.Unmarshal([]byte(daemon.AWS.Boto3(t, uploadDisk, disk).Succeed(t)), &uploaded))
	machine = launchEncrypted(t, daemon, uploaded.ImageID, key)
	testkit.Run(t, "qemu-img", "compare", "-f", "raw", "-F", "raw", disk, exportOf(t, daemon, machine))
	if *bootAll {
		boots, fresh := boot(t, daemon, machine, kernel, initrd)
		require.Equal(t, "1", boots)
		require.NotEqual(t, written, fresh)
	}
	daemon.Coffer(t, "verify")
	daemon.Stop(t)
}

// uploadDisk uploads a disk image through the EBS direct API and registers it.
const uploadDisk = `
import base64, hashlib, json, os, sys, boto3
ebs, ec2 = (boto3.client(s, endpoint_url=os.environ["COFFER_ENDPOINT"]) for s in ("ebs", "ec2"))
snapshot = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
digests = b""
with open(sys.argv[1], "rb") as disk:
    for index in range(os.path.getsize(sys.argv[1]) >> 19):
        block = disk.read(512 << 10)
        if any(block):
            digest = hashlib.sha256(block).digest()
            ebs.put_snapshot_block(SnapshotId=snapshot, BlockIndex=index, BlockData=block, DataLength=len(block),
                                   Checksum=base64.b64encode(digest).decode(), ChecksumAlgorithm="SHA256")
            digests += digest
ebs.complete_snapshot(SnapshotId=snapshot, ChangedBlocksCount=len(digests) // 32, ChecksumAlgorithm="SHA256", ChecksumAggregationMethod="LINEAR",
                      Checksum=base64.b64encode(hashlib.sha256(digests).digest()).decode())
ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot])
image = ec2.register_image(Name="uploaded", RootDeviceName="/dev/xvda", Architecture="x86_64",
                           BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}])
print(json.dumps(image))
`

func launchEncrypted(t *testing.T, daemon *testkit.Daemon, image, key string) (instance string) {
	return daemon.AWS.Query(t, "Instances[0].InstanceId", "ec2", "run-instances", "--image-id", image, "--count", "1",
		"--block-device-mappings", "DeviceName=/dev/xvda,Ebs={Encrypted=true,KmsKeyId="+key+"}")
}

// exportOf is where an instance's only volume is served.
func exportOf(t *testing.T, daemon *testkit.Daemon, instance string) string {
	return daemon.AWS.Query(t, "Volumes[0].Tags[?Key=='coffer:nbd-uri'].Value | [0]", "ec2", "describe-volumes", "--filters", "Name=attachment.instance-id,Values="+instance)
}

// boot boots an instance's root volume and returns what its init says.
func boot(t *testing.T, daemon *testkit.Daemon, instance, kernel, initrd string) (boots, written string) {
	t.Helper()
	daemon.AWS.Succeed(t, "ec2", "wait", "instance-running", "--instance-ids", instance)
	uri := exportOf(t, daemon, instance)
	ctx, cancel := context.WithTimeout(t.Context(), bootTimeout)
	defer cancel()
	qemu := exec.CommandContext(ctx, testkit.Tool(t, "qemu-system-x86_64"), "-accel", "tcg", "-m", "256", "-nographic", "-no-reboot", "-nic", "none",
		"-kernel", kernel, "-initrd", initrd, "-append", "console=ttyS0 quiet panic=-1 mitigations=off no_timer_check", "-drive", "file="+uri+",format=raw,if=virtio")
	output, err := qemu.CombinedOutput()
	require.NoError(t, err, "%s", output)
	said := regexp.MustCompile(`coffer-boot: (\d+) ([0-9a-f]{64})`).FindSubmatch(output)
	require.NotNil(t, said, "%s", output)
	return string(said[1]), string(said[2])
}

// bootDisk makes a disk image with a root file system.
func bootDisk(t *testing.T) string {
	root := t.TempDir()
	for _, dir := range []string{"bin", "sbin", "proc", "dev"} {
		require.NoError(t, os.Mkdir(filepath.Join(root, dir), 0o755))
	}
	busybox, err := os.ReadFile(testkit.Tool(t, "busybox"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(root, "bin/busybox"), busybox, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "sbin/init"), []byte(rootInit), 0o755))
	disk := filepath.Join(t.TempDir(), "disk.raw")
	testkit.Run(t, "mke2fs", "-q", "-t", "ext4", "-d", root, disk, "32M")
	return disk
}
