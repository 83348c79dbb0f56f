"""Every row and column of the decision table, through every operation that asks it. The
data of what was made is read back, and its key proven."""
import base64
import hashlib
import itertools

K1, K2 = new_key(), new_key()
SHARED = new_key(their_kms, also=US)
DK = kms.describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]["Arn"]

own = new_snapshot("own", Encrypted=True, KmsKeyId=K1)
plain = new_snapshot("plain")
their_plain = new_snapshot("their plain", their_ec2, THEIR_HELPER)
theirs = new_snapshot("theirs", their_ec2, THEIR_HELPER, Encrypted=True, KmsKeyId=SHARED)
for snapshot in (their_plain, theirs):
    their_ec2.modify_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission", OperationType="add", UserIds=[US])


def their_image(name, *snapshots):
    made = image_of(name, *snapshots, by=their_ec2)
    their_ec2.modify_image_attribute(ImageId=made, LaunchPermission={"Add": [{"UserId": US}]})
    return made


# source, its text, an image of it, one that has it four times
SOURCES = [
    (plain, "plain", image_of("plain", plain), image_of("plain x3", plain, plain, plain)),
    (own, "own", image_of("own", own), image_of("own x3", own, own, own)),
    (their_plain, "their plain", their_image("their plain", their_plain), their_image("their plain x3", their_plain, their_plain, their_plain)),
    (theirs, "theirs", their_image("theirs", theirs), their_image("theirs x3", theirs, theirs, theirs)),
]
NONE, ENCRYPTED, BOTH = {}, {"Encrypted": True}, {"Encrypted": True, "KmsKeyId": K2}


def expected(source, on, given):
    """The table: rows are sources, columns the parameters."""
    if given == BOTH:
        return K2
    if source == own:
        return K1
    if source == theirs or given == ENCRYPTED or on:
        return DK
    return None


rows = 0


def cell(volume, key, text):
    global rows
    rows += 1
    proven(volume, key, text)


def made_under(on, make):
    by_default(on)
    try:
        return make()
    finally:
        by_default(False)


copies = itertools.count()


def copy_of_image(image, given):
    made = ec2.copy_image(SourceImageId=image, SourceRegion=REGION, Name=f"copy {next(copies)}", **given)["ImageId"]
    wait("image_available", ImageIds=[made])
    return snapshots_of(made)[0]


def copy_of(snapshot, given):
    made = ec2.copy_snapshot(SourceRegion=REGION, SourceSnapshotId=snapshot, **given)["SnapshotId"]
    wait("snapshot_completed", SnapshotIds=[made])
    return made


for on in (False, True):
    for given in (NONE, {"Encrypted": False}, ENCRYPTED, BOTH):
        volume = made_under(on, lambda: new_volume(Size=1, **given))
        cell(volume, expected(None, on, given), "")
    for source, text, image, thrice in SOURCES:
        for given in (NONE, {"Encrypted": False}, ENCRYPTED, BOTH):
            key = expected(source, on, given)
            cell(made_under(on, lambda: new_volume(SnapshotId=source, **given)), key, text)
            if given != {"Encrypted": False}:
                cell(new_volume(SnapshotId=made_under(on, lambda: copy_of(source, given))), key, text)
                cell(new_volume(SnapshotId=made_under(on, lambda: copy_of_image(image, given))), key, text)
        volumes = made_under(on, lambda: launch(thrice, {"/dev/xvdb": ENCRYPTED, "/dev/xvdc": BOTH}))
        for device, given in (("/dev/xvda", NONE), ("/dev/xvdb", ENCRYPTED), ("/dev/xvdc", BOTH)):
            cell(volumes[device], expected(source, on, given), text)

# StartSnapshot has a table of its own.
ebs = client("ebs")
BLOCK = 512 << 10


def upload(**arguments):
    """Uploads PLACES' blocks, and returns the snapshot."""
    made = ebs.start_snapshot(VolumeSize=1, **arguments)
    blocks = {offset // BLOCK for offset in PLACES} if "ParentSnapshotId" not in arguments else {0}
    for index in sorted(blocks):
        data = bytearray(BLOCK)
        for offset in PLACES:
            if offset // BLOCK == index:
                data[offset % BLOCK:offset % BLOCK + 4096] = content("uploaded", offset)
        ebs.put_snapshot_block(SnapshotId=made["SnapshotId"], BlockIndex=index, BlockData=bytes(data), DataLength=BLOCK,
                               Checksum=base64.b64encode(hashlib.sha256(data).digest()).decode(), ChecksumAlgorithm="SHA256")
    ebs.complete_snapshot(SnapshotId=made["SnapshotId"], ChangedBlocksCount=len(blocks))
    wait("snapshot_completed", SnapshotIds=[made["SnapshotId"]])
    return made


plain_parent, own_parent = upload()["SnapshotId"], upload(Encrypted=True, KmsKeyArn=K1)["SnapshotId"]
WRONG = "ValidationException"
for parent, encrypted, key, off, on in [
    (plain_parent, None, None, None, WRONG),
    (plain_parent, None, K2, WRONG, WRONG),
    (plain_parent, True, None, WRONG, WRONG), (plain_parent, True, K2, WRONG, WRONG),
    (plain_parent, False, None, WRONG, WRONG), (plain_parent, False, K2, WRONG, WRONG),
    (own_parent, None, None, K1, K1),
    (own_parent, None, K2, WRONG, WRONG),
    (own_parent, True, None, WRONG, WRONG), (own_parent, True, K2, WRONG, WRONG),
    (own_parent, False, None, WRONG, WRONG), (own_parent, False, K2, WRONG, WRONG),
    (None, True, None, DK, DK),
    (None, True, K2, K2, K2),
    (None, False, None, None, WRONG),
    (None, False, K2, WRONG, WRONG),
    (None, None, None, None, DK),
    (None, None, K2, K2, K2),
]:
    given = {k: v for k, v in (("ParentSnapshotId", parent), ("Encrypted", encrypted), ("KmsKeyArn", key)) if v is not None}
    for want, default in ((off, False), (on, True)):
        if want == WRONG:
            made_under(default, lambda: refused(ebs.start_snapshot, WRONG, VolumeSize=1, **given))
            rows += 1
            continue
        made = made_under(default, lambda: upload(**given))
        assert made.get("KmsKeyArn") == want, (given, default, made)
        cell(new_volume(SnapshotId=made["SnapshotId"]), want, "uploaded")

# Block device mappings of RegisterImage and CreateImage.
for snapshot in (plain, own):
    for encrypted in (True, False):
        refused(ec2.register_image, "InvalidBlockDeviceMapping", Name="mapped", RootDeviceName="/dev/xvda",
                BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot, "Encrypted": encrypted}}])
        rows += 1
for n, (given, want) in enumerate([({}, False), ({"Encrypted": False}, False), ({"Encrypted": True}, True)]):
    image = ec2.register_image(Name=f"mapped {n}", RootDeviceName="/dev/xvda", BlockDeviceMappings=[
        {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": plain}}, {"DeviceName": "/dev/xvdb", "Ebs": {"VolumeSize": 1, **given}}])["ImageId"]
    wait("image_available", ImageIds=[image])
    cell(launch(image)["/dev/xvdb"], DK if want else None, "")
refused(ec2.register_image, "InvalidParameterValue", Name="mapped", RootDeviceName="/dev/xvda",
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 1, "Encrypted": True, "KmsKeyId": K1}}])
for image, allowed in ((SOURCES[0][2], [None, False]), (SOURCES[1][2], [None, False, True])):
    instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    wait("instance_running", InstanceIds=[instance])
    for encrypted in (None, False, True):
        ebs_given = {"DeleteOnTermination": True} if encrypted is None else {"Encrypted": encrypted}
        call = dict(InstanceId=instance, Name=f"made {image} {encrypted}", BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": ebs_given}])
        rows += 1
        if encrypted not in allowed:
            refused(ec2.create_image, "InvalidBlockDeviceMapping", **call)
            continue
        made = ec2.create_image(**call)["ImageId"]
        wait("image_available", ImageIds=[made])
        assert key_of(snapshots_of(made)[0]) == (K1 if image == SOURCES[1][2] else None)
print("rows", rows)
