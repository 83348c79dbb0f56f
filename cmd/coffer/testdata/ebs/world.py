"""What the EBS programs share: clients of two accounts, data on volumes through NBD, and
the proof that a volume's bytes are under the key that it names."""
import os
import re
import socket
import struct
import time
import urllib.parse

import boto3
from botocore.exceptions import ClientError

REGION = "us-east-1"
ZONE = REGION + "a"
US, THEM = "111122223333", "444455556666"
SOON = {"Delay": 0, "MaxAttempts": 400}
# Where data is: the ends, and both sides of the boundaries of blocks, extents and zones' windows.
PLACES = [0, 4096, 64 << 10, (512 << 10) - 4096, 1 << 20, (64 << 20) + 8192, (1 << 30) - 4096]
EMPTY = [8192, 128 << 10, 2 << 20, (1 << 30) - 8192]


def client(service, account=US, region=REGION, secret="test", key=None):
    return boto3.client(service, endpoint_url=os.environ["COFFER_ENDPOINT"], region_name=region,
                        aws_access_key_id=key or account, aws_secret_access_key=secret)


ec2, kms, iam = client("ec2"), client("kms"), client("iam")
their_ec2, their_kms = client("ec2", THEM), client("kms", THEM)


def wait(name, by=None, **arguments):
    waiter = (by or ec2).get_waiter(name)
    waiter.config.delay = 0.02
    waiter.wait(WaiterConfig={"Delay": 0.02, "MaxAttempts": 500}, **arguments)


def until(what, test, seconds=30):
    end = time.time() + seconds
    while time.time() < end:
        if test():
            return
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")


def refused(call, code, message=".*", status=400, **arguments):
    """The call answers exactly this error."""
    try:
        answer = call(**arguments)
    except ClientError as e:
        got = e.response["Error"]
        assert got["Code"] == code, e
        assert re.fullmatch(message, got["Message"], re.S), got["Message"]
        assert e.response["ResponseMetadata"]["HTTPStatusCode"] == status, e.response
        return
    raise AssertionError(f"{call.__name__} did not answer {code}: {answer}")


class NBD:
    """A client of one export: newstyle negotiation, simple replies."""

    def __init__(self, uri):
        parts = urllib.parse.urlparse(uri)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(urllib.parse.parse_qs(parts.query)["socket"][0])
        self.receive(18)
        name = urllib.parse.unquote(parts.path.lstrip("/")).encode()
        self.socket.sendall(struct.pack(">IQII", 3, 0x49484156454F5054, 1, len(name)) + name)
        self.size = struct.unpack(">QH", self.receive(10))[0]

    def receive(self, n):
        data = b""
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            assert more, "the server has closed the connection"
            data += more
        return data

    def request(self, command, offset=0, length=0, data=b"", answer=0):
        self.socket.sendall(struct.pack(">IHHQQI", 0x25609513, 0, command, 1, offset, length) + data)
        error = struct.unpack(">IIQ", self.receive(16))[1]
        assert error == 0, f"NBD error {error}"
        return self.receive(answer)

    def read(self, offset, length=4096):
        return self.request(0, offset, length, answer=length)

    def write(self, offset, data):
        self.request(1, offset, len(data), data)

    def close(self):
        self.request(3)
        self.socket.sendall(struct.pack(">IHHQQI", 0x25609513, 0, 2, 2, 0, 0))
        self.socket.close()


def content(text, offset):
    return (f"{text:<16.16}{offset:016x}" * 128).encode()


def volume_of(volume, by=None):
    return (by or ec2).describe_volumes(VolumeIds=[volume])["Volumes"][0]


def export(volume, by=None):
    tags = {t["Key"]: t["Value"] for t in volume_of(volume, by).get("Tags", [])}
    return NBD(tags["coffer:nbd-uri"])


def check(volume, text, by=None):
    """Every block of an attached volume that was written, and some that were not."""
    nbd = export(volume, by)
    for offset in PLACES:
        want = content(text, offset) if text else bytes(4096)
        assert nbd.read(offset) == want, f"block at {offset} of {volume}"
    for offset in EMPTY:
        assert nbd.read(offset) == bytes(4096), f"block at {offset} of {volume} is not empty"
    nbd.close()


def fill(volume, text, by=None):
    nbd = export(volume, by)
    for offset in PLACES:
        nbd.write(offset, content(text, offset))
    nbd.close()


def empty_image(by=None):
    return (by or ec2).describe_images(Owners=["amazon"], Filters=[{"Name": "name", "Values": ["coffer-empty"]}])["Images"][0]["ImageId"]


def new_instance(by=None):
    made = (by or ec2).run_instances(ImageId=empty_image(by), MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    wait("instance_running", by, InstanceIds=[made])
    return made


def attach(volume, instance, by=None, device="/dev/sdf"):
    (by or ec2).attach_volume(VolumeId=volume, InstanceId=instance, Device=device)
    wait("volume_in_use", by, VolumeIds=[volume])


def detach(volume, by=None):
    (by or ec2).detach_volume(VolumeId=volume)
    wait("volume_available", by, VolumeIds=[volume])


def new_volume(by=None, **arguments):
    made = (by or ec2).create_volume(AvailabilityZone=ZONE, **arguments)["VolumeId"]
    wait("volume_available", by, VolumeIds=[made])
    return made


def new_snapshot(text, by=None, instance=None, **arguments):
    """A snapshot of a new volume that has content."""
    volume = new_volume(by, Size=1, **arguments)
    attach(volume, instance or HELPER, by)
    fill(volume, text, by)
    detach(volume, by)
    made = (by or ec2).create_snapshot(VolumeId=volume)["SnapshotId"]
    wait("snapshot_completed", by, SnapshotIds=[made])
    return made


def image_of(name, *snapshots, by=None):
    devices = [{"DeviceName": f"/dev/xvd{letter}", "Ebs": {"SnapshotId": s}} for letter, s in zip("abc", snapshots)]
    made = (by or ec2).register_image(Name=name, RootDeviceName="/dev/xvda", BlockDeviceMappings=devices)["ImageId"]
    wait("image_available", by, ImageIds=[made])
    return made


def snapshots_of(image, by=None):
    found = (by or ec2).describe_images(ImageIds=[image])["Images"][0]
    return [d["Ebs"]["SnapshotId"] for d in found["BlockDeviceMappings"]]


def key_of(snapshot, by=None):
    return (by or ec2).describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0].get("KmsKeyId")


def by_default(on):
    (ec2.enable_ebs_encryption_by_default if on else ec2.disable_ebs_encryption_by_default)()


def new_key(by=None, also=None):
    key = (by or kms).create_key()["KeyMetadata"]
    if also:
        policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":[%s]},"Action":"kms:*","Resource":"*"}]}'
        names = ",".join(f'"arn:aws:iam::{account}:root"' for account in (key["AWSAccountId"], also))
        (by or kms).put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=policy % names)
    KEYS[key["Arn"]] = by or kms
    return key["Arn"]


KEYS = {}  # every customer key, with the client of its owner
HELPER = new_instance()
THEIR_HELPER = new_instance(their_ec2)


def proven(volume, key, text):
    """The volume is under that key and no other: with every other key disabled it is
    attached and has its data, and with this one disabled it is refused."""
    found = volume_of(volume)
    assert found.get("KmsKeyId") == key and found["Encrypted"] == (key is not None), f"{volume}: {found.get('KmsKeyId')}, not {key}"
    others = [k for k in KEYS if k != key]
    for k in others:
        KEYS[k].disable_key(KeyId=k)
    try:
        attach(volume, HELPER)
        check(volume, text)
        detach(volume)
    finally:
        for k in others:
            KEYS[k].enable_key(KeyId=k)
    if key in KEYS:
        KEYS[key].disable_key(KeyId=key)
        try:
            refused(ec2.attach_volume, "CustomerKeyHasBeenRevoked", re.escape(key) + " is disabled.", VolumeId=volume, InstanceId=HELPER, Device="/dev/sdf")
        finally:
            KEYS[key].enable_key(KeyId=key)
    ec2.delete_volume(VolumeId=volume)


def snapshot_proven(snapshot, key, text):
    """The same of a snapshot of ours, through a volume that keeps its key."""
    found = ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]
    assert found.get("KmsKeyId") == key and found["Encrypted"] == (key is not None), found
    by_default(False)
    proven(new_volume(SnapshotId=snapshot), key, text)


def launch(image, devices=(), check_with=None, **arguments):
    """Launches an image, and returns its volumes by device, kept after its end."""
    found = ec2.describe_images(ImageIds=[image])["Images"][0]
    mappings = {d["DeviceName"]: {"DeleteOnTermination": False} for d in found["BlockDeviceMappings"]}
    for name, ebs in dict(devices).items():
        mappings.setdefault(name, {"DeleteOnTermination": False}).update(ebs)
    made = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, BlockDeviceMappings=[{"DeviceName": n, "Ebs": e} for n, e in mappings.items()], **arguments)["Instances"][0]["InstanceId"]
    wait("instance_running", InstanceIds=[made])
    found = ec2.describe_instances(InstanceIds=[made])["Reservations"][0]["Instances"][0]
    volumes = {d["DeviceName"]: d["Ebs"]["VolumeId"] for d in found["BlockDeviceMappings"]}
    ec2.terminate_instances(InstanceIds=[made])
    wait("instance_terminated", InstanceIds=[made])
    return volumes


def new_user(name, *actions):
    """A client of EC2 as a user with a policy that allows actions on everything."""
    iam.create_user(UserName=name)
    allowed = ",".join(f'"{a}"' for a in actions)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[%s],"Resource":"*"}]}' % allowed)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return client("ec2", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
