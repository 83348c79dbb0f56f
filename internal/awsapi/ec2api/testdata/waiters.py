"""What Terraform does, in its order, with the SDK's waiters."""
import os

import boto3

ec2 = boto3.client("ec2", endpoint_url=os.environ["COFFER_ENDPOINT"])
soon = {"Delay": 0.02, "MaxAttempts": 500}


def wait(name, **arguments):
    ec2.get_waiter(name).wait(WaiterConfig=soon, **arguments)


vpc = ec2.describe_vpcs(Filters=[{"Name": "isDefault", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
subnet = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"][0]
image = ec2.describe_images(Owners=["amazon"], Filters=[{"Name": "name", "Values": ["coffer-*"]}])["Images"][0]["ImageId"]
instance = ec2.run_instances(
    ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.micro", SubnetId=subnet["SubnetId"],
    MetadataOptions={"HttpTokens": "required"}, CreditSpecification={"CpuCredits": "unlimited"},
    TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "tf"}]}],
)["Instances"][0]["InstanceId"]
wait("instance_exists", InstanceIds=[instance])
wait("instance_running", InstanceIds=[instance])
wait("instance_status_ok", InstanceIds=[instance])
for attribute in ("instanceType", "disableApiTermination", "disableApiStop", "instanceInitiatedShutdownBehavior", "userData"):
    ec2.describe_instance_attribute(InstanceId=instance, Attribute=attribute)
assert ec2.describe_instance_credit_specifications(InstanceIds=[instance])["InstanceCreditSpecifications"][0]["CpuCredits"] == "unlimited"
assert ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [instance]}])["Tags"][0]["Value"] == "tf"

volume = ec2.create_volume(AvailabilityZone=subnet["AvailabilityZone"], Size=1, Encrypted=True, KmsKeyId="k1")["VolumeId"]
wait("volume_available", VolumeIds=[volume])
ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdh")
wait("volume_in_use", VolumeIds=[volume])
snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
wait("snapshot_completed", SnapshotIds=[snapshot])
made = ec2.create_image(InstanceId=instance, Name="tf-image")["ImageId"]
wait("image_available", ImageIds=[made])
ec2.stop_instances(InstanceIds=[instance])
wait("instance_stopped", InstanceIds=[instance])
ec2.start_instances(InstanceIds=[instance])
wait("instance_running", InstanceIds=[instance])
ec2.detach_volume(VolumeId=volume)
wait("volume_available", VolumeIds=[volume])
ec2.delete_volume(VolumeId=volume)
wait("volume_deleted", VolumeIds=[volume])
ec2.terminate_instances(InstanceIds=[instance])
wait("instance_terminated", InstanceIds=[instance])
ec2.deregister_image(ImageId=made)

# Paginators, without and with a page size.
for n in range(7):
    ec2.create_volume(AvailabilityZone=subnet["AvailabilityZone"], Size=1)
for arguments in ({}, {"PaginationConfig": {"PageSize": 5}}):
    pages = list(ec2.get_paginator("describe_volumes").paginate(**arguments))
    assert sum(len(page["Volumes"]) for page in pages) == 7, pages
    assert len(pages) == (2 if arguments else 1), pages
