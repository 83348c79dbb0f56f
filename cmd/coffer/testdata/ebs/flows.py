"""What happens when things are shared, keys are lost, and volumes grow; and what
Terraform does. Each function is a test of its name."""
import sys
import traceback

from botocore.exceptions import WaiterError

KEY, OTHER = new_key(), new_key()
plain = new_snapshot("plain")
own = new_snapshot("own", Encrypted=True, KmsKeyId=KEY)
own_image = image_of("own image", own)


def fails(waiter, state, **arguments):
    """The waiter ends with a terminal failure, not by its time."""
    try:
        wait(waiter, **arguments)
    except WaiterError as e:
        assert "terminal failure" in str(e) and state in str(e), e
        return
    raise AssertionError(f"{waiter} did not fail")


def lost_key(how):
    key = new_key()
    if how == "disabled":
        kms.disable_key(KeyId=key)
        return key, re.escape(key) + " is disabled."
    if how == "pending deletion":
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        del KEYS[key]
        return key, re.escape(key) + " is pending deletion."
    del KEYS[key]
    return key[:-12] + "000000000000", "Given key ID is not accessible"


def KeysFailLater():
    """Whatever is made under a key that cannot be used appears, and then fails."""
    for how in ("disabled", "pending deletion", "missing"):
        key, message = lost_key(how)
        given = {"Encrypted": True, "KmsKeyId": key}
        for source in ({"Size": 1}, {"SnapshotId": plain}, {"SnapshotId": own}):
            made = ec2.create_volume(AvailabilityZone=ZONE, **source, **given)
            assert made["State"] == "creating", made
            found = volume_of(made["VolumeId"])
            assert found["State"] == "error", found
            ec2.delete_volume(VolumeId=made["VolumeId"])
        made = ec2.copy_snapshot(SourceRegion=REGION, SourceSnapshotId=plain, **given)["SnapshotId"]
        fails("snapshot_completed", "error", SnapshotIds=[made])
        found = ec2.describe_snapshots(SnapshotIds=[made])["Snapshots"][0]
        assert re.fullmatch(message, found["StateMessage"]), found
        refused(ec2.create_volume, "IncorrectState", AvailabilityZone=ZONE, SnapshotId=made)
        ec2.delete_snapshot(SnapshotId=made)
        image = ec2.copy_image(SourceImageId=own_image, SourceRegion=REGION, Name="lost " + how, **given)["ImageId"]
        fails("image_available", "failed", ImageIds=[image])
        assert ec2.describe_images(ImageIds=[image])["Images"][0]["StateReason"]["Message"] == "Copy image failed with an internal error"
        refused(ec2.run_instances, "InvalidAMIID.Unavailable", ImageId=image, MinCount=1, MaxCount=1)
        launched = ec2.run_instances(ImageId=own_image, MinCount=1, MaxCount=1, BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": given}])["Instances"][0]
        assert launched["State"]["Name"] == "pending"
        fails("instance_running", "terminated", InstanceIds=[launched["InstanceId"]])
        reason = ec2.describe_instances(InstanceIds=[launched["InstanceId"]])["Reservations"][0]["Instances"][0]["StateReason"]
        if how == "missing":
            assert reason["Code"] == "Client.InternalError", reason
        else:
            assert reason == {"Code": "Client.InvalidKMSKey.InvalidState", "Message": "The KMS key provided is in an incorrect state"}, reason


def KeyLossAndRecovery():
    key = new_key()
    volume = new_volume(Size=1, Encrypted=True, KmsKeyId=key)
    attach(volume, HELPER)
    fill(volume, "before")
    kms.disable_key(KeyId=key)
    nbd = export(volume)
    nbd.write(4096, content("after", 4096))
    nbd.close()
    nbd = export(volume)
    assert nbd.read(4096) == content("after", 4096), "an attached volume goes on"
    nbd.write(4096, content("before", 4096))
    nbd.close()
    detach(volume)
    refused(ec2.attach_volume, "CustomerKeyHasBeenRevoked", re.escape(key) + " is disabled.", VolumeId=volume, InstanceId=HELPER, Device="/dev/sdf")
    assert volume_of(volume)["State"] == "available", "nothing has changed"
    kms.enable_key(KeyId=key)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    refused(ec2.attach_volume, "CustomerKeyHasBeenRevoked", re.escape(key) + " is pending deletion.", VolumeId=volume, InstanceId=HELPER, Device="/dev/sdf")
    kms.cancel_key_deletion(KeyId=key)
    kms.enable_key(KeyId=key)
    proven(volume, key, "before")


def Sharing():
    key = new_key(their_kms)
    theirs = new_snapshot("shared", their_ec2, THEIR_HELPER, Encrypted=True, KmsKeyId=key)
    image = image_of("shared", theirs, by=their_ec2)
    refused(ec2.create_volume, "InvalidSnapshot.NotFound", AvailabilityZone=ZONE, SnapshotId=theirs)
    # The permission on the snapshot without the key.
    their_ec2.modify_snapshot_attribute(SnapshotId=theirs, Attribute="createVolumePermission", OperationType="add", UserIds=[US])
    failed = ec2.create_volume(AvailabilityZone=ZONE, SnapshotId=theirs)["VolumeId"]
    assert volume_of(failed)["State"] == "error"
    failed = ec2.copy_snapshot(SourceRegion=REGION, SourceSnapshotId=theirs)["SnapshotId"]
    assert ec2.describe_snapshots(SnapshotIds=[failed])["Snapshots"][0]["StateMessage"] == "Given key ID is not accessible"
    # A grant on the key is enough; launch permission without the snapshot's does not copy.
    grant = their_kms.create_grant(KeyId=key, GranteePrincipal=f"arn:aws:iam::{US}:root", Operations=["Decrypt", "DescribeKey", "ReEncryptFrom", "GenerateDataKeyWithoutPlaintext", "CreateGrant"])
    copy = ec2.copy_snapshot(SourceRegion=REGION, SourceSnapshotId=theirs, Encrypted=True, KmsKeyId=KEY)["SnapshotId"]
    wait("snapshot_completed", SnapshotIds=[copy])
    refused(ec2.run_instances, "InvalidAMIID.NotFound", ImageId=image, MinCount=1, MaxCount=1)
    their_ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": US}]})
    proven(launch(image)["/dev/xvda"], kms.describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]["Arn"], "shared")
    their_ec2.modify_snapshot_attribute(SnapshotId=theirs, Attribute="createVolumePermission", OperationType="remove", UserIds=[US])
    refused(ec2.copy_image, "InvalidParameterValue", "You do not have permission to access the storage of this ami", SourceImageId=image, SourceRegion=REGION, Name="not mine")
    # Everything of theirs goes; the copy stays.
    their_kms.revoke_grant(KeyId=key, GrantId=grant["GrantId"])
    their_ec2.deregister_image(ImageId=image)
    their_ec2.delete_snapshot(SnapshotId=theirs)
    their_kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    del KEYS[key]
    snapshot_proven(copy, KEY, "shared")
    their_kms.cancel_key_deletion(KeyId=key)  # for what verifies everything at the end
    their_kms.enable_key(KeyId=key)


def WhatCannotBeShared():
    managed = new_snapshot("managed", Encrypted=True)
    refused(ec2.modify_snapshot_attribute, "OperationNotPermitted", "Encrypted snapshots with EBS default key cannot be shared",
            SnapshotId=managed, Attribute="createVolumePermission", OperationType="add", UserIds=[THEM])
    image = image_of("managed", managed)
    refused(ec2.modify_image_attribute, "InvalidParameter", "Snapshots encrypted with the AWS Managed CMK can't be shared. Specify another snapshot.",
            ImageId=image, LaunchPermission={"Add": [{"UserId": THEM}]})
    refused(ec2.modify_snapshot_attribute, "OperationNotPermitted", "Encrypted snapshots cannot be shared publicly",
            SnapshotId=own, Attribute="createVolumePermission", OperationType="add", GroupNames=["all"])
    refused(ec2.modify_image_attribute, "UnsupportedOperation", "Encrypted snapshots can't be shared publicly. Specify another snapshot.",
            ImageId=own_image, LaunchPermission={"Add": [{"Group": "all"}]})
    refused(ec2.delete_snapshot, "InvalidSnapshot.InUse", f"The snapshot {own} is currently in use by {own_image}", SnapshotId=own)


def OnlineGrowth():
    volume = new_volume(Size=1, Encrypted=True, KmsKeyId=KEY)
    attach(volume, HELPER)
    fill(volume, "small")
    before = export(volume)
    ec2.modify_volume(VolumeId=volume, Size=2)
    found = ec2.describe_volumes_modifications(VolumeIds=[volume])["VolumesModifications"][0]
    assert (found["ModificationState"], found["TargetSize"]) == ("completed", 2), found
    assert before.size == 1 << 30, "a connection keeps the size that it was told"
    after = export(volume)
    assert after.size == 2 << 30, "a new connection has the new one, without a detach"
    after.write((2 << 30) - 4096, content("grown", 0))
    assert before.read(0) == content("small", 0)
    before.close()
    after.close()
    snapshot = ec2.create_snapshot(VolumeId=volume)
    assert snapshot["VolumeSize"] == 2
    refused(ec2.modify_volume, "InvalidParameterValue", "New size cannot be smaller than existing size", VolumeId=volume, Size=1)
    detach(volume)
    refused(ec2.create_volume, "InvalidBlockDeviceMapping", f"Volume of size 1GB is smaller than snapshot '{snapshot['SnapshotId']}', expect size >= 2GB", AvailabilityZone=ZONE, SnapshotId=snapshot["SnapshotId"], Size=1)
    attach(volume, HELPER)
    nbd = export(volume)
    assert nbd.read((2 << 30) - 4096) == content("grown", 0)
    nbd.close()
    detach(volume)
    proven(volume, KEY, "small")


def Busy():
    volume = new_volume(Size=1, Encrypted=True, KmsKeyId=KEY)
    attach(volume, HELPER)
    refused(ec2.attach_volume, "VolumeInUse", VolumeId=volume, InstanceId=HELPER, Device="/dev/sdg")
    refused(ec2.delete_volume, "VolumeInUse", f"Volume {volume} is currently attached to {HELPER}", VolumeId=volume)
    client_of_it = export(volume)
    ec2.detach_volume(VolumeId=volume)
    assert volume_of(volume)["Attachments"][0]["State"] == "detaching", "a client is connected"
    refused(ec2.detach_volume, "IncorrectState", VolumeId=volume)
    client_of_it.write(0, content("busy", 0))
    client_of_it.close()
    wait("volume_available", VolumeIds=[volume])
    attach(volume, HELPER)
    cut = export(volume)
    ec2.detach_volume(VolumeId=volume, Force=True)
    wait("volume_available", VolumeIds=[volume])
    try:
        cut.read(0)
    except (AssertionError, OSError):
        pass
    else:
        raise AssertionError("the client was not cut")
    ec2.delete_volume(VolumeId=volume)
    wait("volume_deleted", VolumeIds=[volume])


def Terraform():
    """aws_instance with an encrypted root and a data volume, aws_ebs_volume, its
    attachment, a snapshot, an image, a copy; refreshed, changed and destroyed."""
    client("sts").get_caller_identity()
    ec2.describe_account_attributes(AttributeNames=["supported-platforms"])
    vpc = ec2.describe_vpcs(Filters=[{"Name": "isDefault", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    subnet = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "availability-zone", "Values": [ZONE]}])["Subnets"][0]["SubnetId"]
    instance = ec2.run_instances(ImageId=own_image, MinCount=1, MaxCount=1, InstanceType="t3.micro", SubnetId=subnet, ClientToken="terraform-1",
                                 BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "KmsKeyId": OTHER, "DeleteOnTermination": True}},
                                                      {"DeviceName": "/dev/sdf", "Ebs": {"Encrypted": True, "VolumeSize": 1, "VolumeType": "gp3", "DeleteOnTermination": True}}],
                                 TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "tf"}]}])["Instances"][0]["InstanceId"]
    wait("instance_running", InstanceIds=[instance])
    for attribute in ("disableApiStop", "disableApiTermination", "instanceInitiatedShutdownBehavior", "userData"):
        ec2.describe_instance_attribute(InstanceId=instance, Attribute=attribute)
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    devices = {d["DeviceName"]: d["Ebs"]["VolumeId"] for d in found["BlockDeviceMappings"]}
    check(devices["/dev/xvda"], "own")
    check(devices["/dev/sdf"], "")
    assert volume_of(devices["/dev/xvda"])["KmsKeyId"] == OTHER
    volume = ec2.create_volume(AvailabilityZone=ZONE, Size=1, Encrypted=True, KmsKeyId=KEY, ClientToken="terraform-2",
                               TagSpecifications=[{"ResourceType": "volume", "Tags": [{"Key": "Name", "Value": "tf"}]}])["VolumeId"]
    wait("volume_available", VolumeIds=[volume])
    ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdg")
    wait("volume_in_use", VolumeIds=[volume], Filters=[{"Name": "attachment.status", "Values": ["attached"]}])
    fill(volume, "tf")
    ec2.modify_volume(VolumeId=volume, Size=2, VolumeType="gp3")
    ec2.create_tags(Resources=[volume], Tags=[{"Key": "Name", "Value": "grown"}])
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    wait("snapshot_completed", SnapshotIds=[snapshot])
    copy = ec2.copy_snapshot(SourceRegion=REGION, SourceSnapshotId=snapshot, Encrypted=True, KmsKeyId=OTHER)["SnapshotId"]
    wait("snapshot_completed", SnapshotIds=[copy])
    image = ec2.create_image(InstanceId=instance, Name="terraform")["ImageId"]
    wait("image_available", ImageIds=[image])
    ec2.stop_instances(InstanceIds=[instance])
    wait("instance_stopped", InstanceIds=[instance])
    ec2.start_instances(InstanceIds=[instance])
    wait("instance_running", InstanceIds=[instance])
    check(volume, "tf")
    ec2.detach_volume(VolumeId=volume, InstanceId=instance)
    wait("volume_available", VolumeIds=[volume])
    proven(volume, KEY, "tf")
    wait("volume_deleted", VolumeIds=[volume])
    ec2.deregister_image(ImageId=image)
    for made in (snapshot, copy):
        ec2.delete_snapshot(SnapshotId=made)
    ec2.terminate_instances(InstanceIds=[instance])
    wait("instance_terminated", InstanceIds=[instance])
    for gone in devices.values():
        refused(ec2.describe_volumes, "InvalidVolume.NotFound", f"The volume '{gone}' does not exist.", VolumeIds=[gone])


for name in ("KeysFailLater", "KeyLossAndRecovery", "Sharing", "WhatCannotBeShared", "OnlineGrowth", "Busy", "Terraform"):
    try:
        globals()[name]()
    except Exception:
        print("failed", name, flush=True)
        traceback.print_exc(file=sys.stdout)
        print("end", flush=True)
    else:
        print("passed", name, flush=True)
