"""The numbered statements N1 to N38 of AWS's pages on encryption with EBS-backed images,
each by a function of that name. Data is read back through NBD, keys are proven."""
import sys
import traceback

K1, K2, K3 = new_key(), new_key(), new_key()
SHARED = new_key(their_kms, also=US)
DK = kms.describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]["Arn"]

plain = new_snapshot("plain")
own = new_snapshot("own", Encrypted=True, KmsKeyId=K1)
theirs = new_snapshot("theirs", their_ec2, THEIR_HELPER, Encrypted=True, KmsKeyId=SHARED)
plain_image, own_image = image_of("plain", plain), image_of("own", own)
mixed_image = image_of("mixed", plain, own)
their_image = image_of("theirs", theirs, by=their_ec2)
their_ec2.modify_snapshot_attribute(SnapshotId=theirs, Attribute="createVolumePermission", OperationType="add", UserIds=[US])
their_ec2.modify_image_attribute(ImageId=their_image, LaunchPermission={"Add": [{"UserId": US}]})
copies = 0


def copy_image(image, region=REGION, by=None, **arguments):
    global copies
    copies += 1
    made = (by or ec2).copy_image(SourceImageId=image, SourceRegion=REGION, Name=f"copy {copies}", **arguments)["ImageId"]
    return made


def copied(image, **arguments):
    """The snapshots of a copy."""
    made = copy_image(image, **arguments)
    wait("image_available", ImageIds=[made])
    return snapshots_of(made)


def launched(image, key, text, **ebs):
    proven(launch(image, {"/dev/xvda": ebs})["/dev/xvda"], key, text)


def N1():
    image = image_of("root and data encrypted", own, new_snapshot("data", Encrypted=True, KmsKeyId=K2))
    devices = ec2.describe_images(ImageIds=[image])["Images"][0]["BlockDeviceMappings"]
    assert [d["Ebs"]["Encrypted"] for d in devices] == [True, True], devices
    volumes = launch(image)
    proven(volumes["/dev/xvda"], K1, "own")
    proven(volumes["/dev/xvdb"], K2, "data")


def N2():
    image = image_of("two plain", plain, plain)
    volumes = launch(image, {"/dev/xvdb": {"Encrypted": True, "KmsKeyId": K2}})
    proven(volumes["/dev/xvda"], None, "plain")
    proven(volumes["/dev/xvdb"], K2, "plain")


def N3():
    launched(plain_image, DK, "plain", Encrypted=True)
    launched(plain_image, K2, "plain", Encrypted=True, KmsKeyId=K2)
    user = new_user("n3", "ec2:*")
    made = user.run_instances(ImageId=plain_image, MinCount=1, MaxCount=1, BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "KmsKeyId": K2}}])
    made = made["Instances"][0]["InstanceId"]
    wait("instance_terminated", InstanceIds=[made])
    found = ec2.describe_instances(InstanceIds=[made])["Reservations"][0]["Instances"][0]
    assert found["StateReason"]["Code"] == "Client.InternalError", found["StateReason"]


def N4():
    launched(their_image, DK, "theirs")


def N5():
    volumes = launch(mixed_image)
    proven(volumes["/dev/xvda"], None, "plain")
    proven(volumes["/dev/xvdb"], K1, "own")
    by_default(True)
    volumes = launch(mixed_image)
    by_default(False)
    proven(volumes["/dev/xvda"], DK, "plain")
    proven(volumes["/dev/xvdb"], K1, "own")


def N6():
    launched(plain_image, None, "plain")
    by_default(True)
    volume = launch(plain_image)["/dev/xvda"]
    by_default(False)
    proven(volume, DK, "plain")


def N7():
    launched(own_image, K1, "own")


def N8():
    launched(their_image, DK, "theirs")
    ec2.modify_ebs_default_kms_key_id(KmsKeyId=K3)
    try:
        launched(their_image, K3, "theirs")
    finally:
        ec2.reset_ebs_default_kms_key_id()


def N9():
    members = ec2.meta.service_model.shape_for("EbsBlockDevice").members
    assert {"Encrypted", "KmsKeyId"} == {m for m in members if "ncr" in m or "Kms" in m}
    session = boto3.Session(aws_access_key_id=US, aws_secret_access_key="test", region_name=REGION)
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    import urllib.request
    body = f"Action=RunInstances&Version=2016-11-15&ImageId={plain_image}&MinCount=1&MaxCount=1&BlockDeviceMapping.1.DeviceName=/dev/xvda&BlockDeviceMapping.1.Ebs.DataKey=mine"
    request = AWSRequest("POST", os.environ["COFFER_ENDPOINT"] + "/", data=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    SigV4Auth(session.get_credentials(), "ec2", REGION).add_auth(request)
    try:
        urllib.request.urlopen(urllib.request.Request(request.url, body.encode(), dict(request.headers)))
    except urllib.error.HTTPError as e:
        assert e.code == 400 and b"UnknownParameter" in e.read()
    else:
        raise AssertionError("a third parameter was accepted")


def N10():
    launched(plain_image, DK, "plain", Encrypted=True)


def N11():
    launched(own_image, K1, "own", Encrypted=True)


def N12():
    launched(their_image, DK, "theirs", Encrypted=True)


def N13():
    launched(plain_image, K2, "plain", Encrypted=True, KmsKeyId=K2)


def N14():
    launched(own_image, K2, "own", Encrypted=True, KmsKeyId=K2)
    launched(their_image, K2, "theirs", Encrypted=True, KmsKeyId=K2)


def N15():
    message = "The parameter KmsKeyId requires the parameter Encrypted to be set."
    for on in (False, True):
        by_default(on)
        for flag in ({}, {"Encrypted": False}):
            given = {"KmsKeyId": K2, **flag}
            for image in (plain_image, own_image, their_image):
                refused(ec2.run_instances, "InvalidParameterDependency", message, ImageId=image, MinCount=1, MaxCount=1, BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": given}])
                refused(ec2.copy_image, "InvalidParameterDependency", message, SourceImageId=image, SourceRegion=REGION, Name="n15", **given)
            for snapshot in (plain, own, theirs):
                refused(ec2.create_volume, "InvalidParameterDependency", message, AvailabilityZone=ZONE, SnapshotId=snapshot, **given)
            refused(ec2.create_volume, "InvalidParameterDependency", message, AvailabilityZone=ZONE, Size=1, **given)
            refused(ec2.copy_snapshot, "InvalidParameterDependency", message, SourceRegion=REGION, SourceSnapshotId=plain, KmsKeyId=K2)
    by_default(False)


def N16():
    ec2.modify_ebs_default_kms_key_id(KmsKeyId=K3)
    try:
        launched(plain_image, K3, "plain", Encrypted=True)
        launched(plain_image, K2, "plain", Encrypted=True, KmsKeyId=K2)
    finally:
        ec2.reset_ebs_default_kms_key_id()


def N17():
    image = image_of("several", plain, own, plain)
    volumes = launch(image, {"/dev/xvda": {"Encrypted": True, "KmsKeyId": K2}, "/dev/xvdb": {"Encrypted": True, "KmsKeyId": K3}, "/dev/xvdc": {"Encrypted": True}})
    proven(volumes["/dev/xvda"], K2, "plain")
    proven(volumes["/dev/xvdb"], K3, "own")
    proven(volumes["/dev/xvdc"], DK, "plain")
    launched(own_image, K3, "own", Encrypted=True, KmsKeyId=K3)
    launched(their_image, K3, "theirs", Encrypted=True, KmsKeyId=K3)


def N18():
    root, data = copied(mixed_image)
    snapshot_proven(root, None, "plain")
    snapshot_proven(data, K1, "own")


def N19():
    snapshot_proven(copied(plain_image)[0], None, "plain")
    by_default(True)
    made = copied(plain_image)[0]
    by_default(False)
    snapshot_proven(made, DK, "plain")


def N20():
    snapshot_proven(copied(own_image)[0], K1, "own")


def N21():
    snapshot_proven(copied(their_image)[0], DK, "theirs")


def N22():
    snapshot_proven(copied(plain_image, Encrypted=True)[0], DK, "plain")


def N23():
    snapshot_proven(copied(own_image, Encrypted=True)[0], K1, "own")


def N24():
    snapshot_proven(copied(their_image, Encrypted=True)[0], DK, "theirs")


def N25():
    snapshot_proven(copied(plain_image, Encrypted=True, KmsKeyId=K2)[0], K2, "plain")


def N26():
    snapshot_proven(copied(own_image, Encrypted=True, KmsKeyId=K2)[0], K2, "own")
    snapshot_proven(copied(their_image, Encrypted=True, KmsKeyId=K2)[0], K2, "theirs")


def N27():
    by_default(True)
    implied = copied(mixed_image)
    by_default(False)
    explicit = copied(mixed_image, Encrypted=True)
    for root, data in (implied, explicit):
        snapshot_proven(root, DK, "plain")
        snapshot_proven(data, K1, "own")


def N28():
    made = copied(plain_image, Encrypted=True, KmsKeyId=K2)[0]
    assert made != plain
    ec2.describe_snapshots(SnapshotIds=[made, plain])
    snapshot_proven(made, K2, "plain")
    snapshot_proven(plain, None, "plain")


def N29():
    # One call takes one pair; the state of each snapshot is chosen by copying them.
    one = ec2.copy_snapshot(SourceRegion=REGION, SourceSnapshotId=plain, Encrypted=True, KmsKeyId=K2)["SnapshotId"]
    two = ec2.copy_snapshot(SourceRegion=REGION, SourceSnapshotId=own, Encrypted=True, KmsKeyId=K3)["SnapshotId"]
    wait("snapshot_completed", SnapshotIds=[one, two])
    volumes = launch(image_of("chosen", one, two, plain))
    proven(volumes["/dev/xvda"], K2, "plain")
    proven(volumes["/dev/xvdb"], K3, "own")
    proven(volumes["/dev/xvdc"], None, "plain")


def N30():
    far_ec2, far_kms = client("ec2", region="eu-central-1"), client("kms", region="eu-central-1")
    key = far_kms.create_key()["KeyMetadata"]["Arn"]
    image = copy_image(own_image, by=far_ec2, Encrypted=True, KmsKeyId=key)
    wait("image_available", far_ec2, ImageIds=[image])
    snapshot = snapshots_of(image, far_ec2)[0]
    assert key_of(snapshot, far_ec2) == key
    helper = new_instance(far_ec2)
    volume = far_ec2.create_volume(AvailabilityZone="eu-central-1a", SnapshotId=snapshot)["VolumeId"]
    attach(volume, helper, far_ec2)
    check(volume, "own", far_ec2)
    refused(far_ec2.create_volume, "InvalidSnapshot.NotFound", "The snapshot '%s' does not exist." % own, AvailabilityZone="eu-central-1a", SnapshotId=own)


def N31():
    snapshot_proven(copied(plain_image)[0], None, "plain")
    snapshot_proven(copied(plain_image, Encrypted=True, KmsKeyId=K2)[0], K2, "plain")
    snapshot_proven(copied(own_image, Encrypted=True, KmsKeyId=K2)[0], K2, "own")


def N32():
    user = new_user("n32", "ec2:*", "kms:DescribeKey")
    image = copy_image(plain_image, by=user, Encrypted=True, KmsKeyId=K2)
    until("the copy fails", lambda: ec2.describe_images(ImageIds=[image])["Images"][0]["State"] == "failed")
    found = ec2.describe_images(ImageIds=[image])["Images"][0]
    assert found["StateReason"]["Message"] == "Copy image failed with an internal error", found
    made = user.copy_snapshot(SourceRegion=REGION, SourceSnapshotId=plain, Encrypted=True, KmsKeyId=K2)["SnapshotId"]
    until("the copy fails", lambda: ec2.describe_snapshots(SnapshotIds=[made])["Snapshots"][0]["State"] == "error")
    assert ec2.describe_snapshots(SnapshotIds=[made])["Snapshots"][0]["StateMessage"] == "Given key ID is not accessible"


def N33():
    image = image_of("one key for all", plain, own, plain)
    for snapshot, text in zip(copied(image, Encrypted=True, KmsKeyId=K3), ("plain", "own", "plain")):
        snapshot_proven(snapshot, K3, text)


def N34():
    root, data = copied(mixed_image)
    assert {root, data}.isdisjoint({plain, own})
    snapshot_proven(root, None, "plain")
    snapshot_proven(data, K1, "own")


def N35():
    made = copied(own_image)[0]
    assert made != own
    snapshot_proven(made, K1, "own")


def N36():
    made = copied(plain_image, Encrypted=True, KmsKeyId=K3)[0]
    snapshot_proven(made, K3, "plain")
    # Incremental or not, the owner's snapshot may go.
    gone = new_snapshot("gone")
    image = image_of("gone", gone)
    made = copied(image, Encrypted=True, KmsKeyId=K3)[0]
    ec2.deregister_image(ImageId=image)
    ec2.delete_snapshot(SnapshotId=gone)
    snapshot_proven(made, K3, "gone")


def from_instance(image, name, on=False):
    made = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    wait("instance_running", InstanceIds=[made])
    by_default(on)
    created = ec2.create_image(InstanceId=made, Name=name)["ImageId"]
    by_default(False)
    wait("image_available", ImageIds=[created])
    return snapshots_of(created)


def N37():
    snapshot_proven(from_instance(own_image, "n37 encrypted")[0], K1, "own")
    snapshot_proven(from_instance(plain_image, "n37 plain")[0], None, "plain")
    snapshot_proven(from_instance(plain_image, "n37 on", on=True)[0], None, "plain")


def N38():
    instance = ec2.run_instances(ImageId=own_image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    wait("instance_running", InstanceIds=[instance])
    for device, key in (("/dev/sdf", K2), ("/dev/sdg", K3)):
        volume = new_volume(Size=1, Encrypted=True, KmsKeyId=key)
        attach(volume, instance, device=device)
        fill(volume, device)
    image = ec2.create_image(InstanceId=instance, Name="three keys")["ImageId"]
    wait("image_available", ImageIds=[image])
    assert [key_of(s) for s in snapshots_of(image)] == [K1, K2, K3]
    volumes = launch(image)
    proven(volumes["/dev/xvda"], K1, "own")
    proven(volumes["/dev/sdf"], K2, "/dev/sdf")
    proven(volumes["/dev/sdg"], K3, "/dev/sdg")


for n in range(1, 39):
    name = f"N{n}"
    try:
        globals()[name]()
    except Exception:
        by_default(False)
        print("failed", name, flush=True)
        traceback.print_exc(file=sys.stdout)
        print("end", flush=True)
    else:
        print("passed", name, flush=True)
