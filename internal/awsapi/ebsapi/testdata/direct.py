"""Writes, reads and compares snapshots through the EBS direct API."""
import base64
import concurrent.futures
import hashlib
import os

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

SIZE = 524288
config = Config(parameter_validation=False, retries={"total_max_attempts": 1}, max_pool_connections=64)
endpoint = os.environ["COFFER_ENDPOINT"]
ebs = boto3.client("ebs", endpoint_url=endpoint, config=config)
ec2 = boto3.client("ec2", endpoint_url=endpoint, config=config)
other = boto3.client("ebs", endpoint_url=endpoint, config=config, aws_access_key_id="AKIAOTHER",
                     aws_secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"])


def block(index, text="x"):
    return (text + str(index)).encode().ljust(16, b".") * (SIZE // 16)


def digest(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def put(snapshot, index, data, **change):
    arguments = dict(SnapshotId=snapshot, BlockIndex=index, BlockData=data, DataLength=len(data),
                     Checksum=digest(data), ChecksumAlgorithm="SHA256")
    return ebs.put_snapshot_block(**dict(arguments, **change))


def refused(call, code, status, reason=None, message=None):
    try:
        call()
    except ClientError as e:
        got = (e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"], e.response.get("Reason"))
        assert got == (code, status, reason), (got, e)
        assert message is None or message in str(e), e
        return
    raise AssertionError("not refused with " + code)


started = ebs.start_snapshot(VolumeSize=1, Encrypted=True, KmsKeyArn="k1", Description="direct",
                             Tags=[{"Key": "a", "Value": "b"}], ClientToken="t")
first = started["SnapshotId"]
assert started["Status"] == "pending" and started["BlockSize"] == SIZE and started["VolumeSize"] == 1, started
assert started["KmsKeyArn"].endswith("key/k1") and started.get("SseType", "sse-kms") == "sse-kms", started  # an old botocore does not know the member
again = ebs.start_snapshot(VolumeSize=1, Encrypted=True, KmsKeyArn="k1", Description="direct",
                           Tags=[{"Key": "a", "Value": "b"}], ClientToken="t")
assert again["SnapshotId"] == first
refused(lambda: ebs.start_snapshot(VolumeSize=2, ClientToken="t"), "ConflictException", 409)

# 64 at once
indexes = list(range(0, 640, 10))
with concurrent.futures.ThreadPoolExecutor(64) as pool:
    for answer in pool.map(lambda i: put(first, i, block(i)), indexes):
        assert answer["ChecksumAlgorithm"] == "SHA256"
put(first, 0, block(0))  # again: still one block
refused(lambda: put(first, 2048, block(1)), "ValidationException", 400, "INVALID_BLOCK", "beyond the volume size extent")
refused(lambda: put(first, 1, block(1), Checksum=digest(b"")), "ValidationException", 400, "INVALID_BLOCK")
refused(lambda: put(first, 1, block(1)[:-1]), "ValidationException", 400, "INVALID_BLOCK")
refused(lambda: put(first, 1, block(1), DataLength=SIZE - 1), "ValidationException", 400, "INVALID_BLOCK")
refused(lambda: put("snap-0123456789abcdef0", 1, block(1)), "ResourceNotFoundException", 404, "SNAPSHOT_NOT_FOUND")
refused(lambda: put("snap-XYZ", 1, block(1)), "ValidationException", 400, "INVALID_SNAPSHOT_ID")
refused(lambda: ebs.list_snapshot_blocks(SnapshotId=first), "ValidationException", 400, "INVALID_SNAPSHOT_ID")
refused(lambda: ebs.complete_snapshot(SnapshotId=first, ChangedBlocksCount=63), "ValidationException", 400, "INVALID_PARAMETER_VALUE")
linear = base64.b64encode(hashlib.sha256(b"".join(hashlib.sha256(block(i)).digest() for i in indexes)).digest()).decode()
wrong = dict(SnapshotId=first, ChangedBlocksCount=64, Checksum=digest(b""), ChecksumAlgorithm="SHA256", ChecksumAggregationMethod="LINEAR")
refused(lambda: ebs.complete_snapshot(**wrong), "ValidationException", 400, "INVALID_PARAMETER_VALUE")
assert ebs.complete_snapshot(**dict(wrong, Checksum=linear))["Status"] == "completed"
refused(lambda: put(first, 1, block(1)), "ValidationException", 400, "WRITE_REQUEST_TIMEOUT")
assert ec2.describe_snapshots(SnapshotIds=[first])["Snapshots"][0]["State"] == "completed"
assert ec2.describe_snapshots(SnapshotIds=[first])["Snapshots"][0]["Tags"] == [{"Key": "a", "Value": "b"}]

# reading it back
listed = ebs.list_snapshot_blocks(SnapshotId=first)
assert [b["BlockIndex"] for b in listed["Blocks"]] == indexes and listed["VolumeSize"] == 1 and listed["BlockSize"] == SIZE
tokens = {b["BlockIndex"]: b["BlockToken"] for b in listed["Blocks"]}
assert all(len(token) <= 256 for token in tokens.values())
got = ebs.get_snapshot_block(SnapshotId=first, BlockIndex=10, BlockToken=tokens[10])
data = got["BlockData"].read()
assert data == block(10) and got["DataLength"] == SIZE and got["Checksum"] == digest(data)
refused(lambda: ebs.get_snapshot_block(SnapshotId=first, BlockIndex=20, BlockToken=tokens[10]), "ValidationException", 400, "INVALID_BLOCK_TOKEN")
refused(lambda: ebs.get_snapshot_block(SnapshotId=first, BlockIndex=10, BlockToken="AAAA"), "ValidationException", 400, "INVALID_BLOCK_TOKEN")
refused(lambda: ebs.list_snapshot_blocks(SnapshotId=first, NextToken="AAAA"), "ValidationException", 400, "INVALID_PAGE_TOKEN")
refused(lambda: ebs.list_snapshot_blocks(SnapshotId=first, MaxResults=5), "ValidationException", 400, "INVALID_PARAMETER_VALUE")
assert [b["BlockIndex"] for b in ebs.list_snapshot_blocks(SnapshotId=first, StartingBlockIndex=601)["Blocks"]] == [610, 620, 630]

# another account: nothing, then what is shared; its tokens are its own
refused(lambda: other.list_snapshot_blocks(SnapshotId=first), "ResourceNotFoundException", 404, "SNAPSHOT_NOT_FOUND")
ec2.modify_snapshot_attribute(SnapshotId=first, Attribute="createVolumePermission", OperationType="add", UserIds=["444455556666"])
assert len(other.list_snapshot_blocks(SnapshotId=first)["Blocks"]) == 64
refused(lambda: other.get_snapshot_block(SnapshotId=first, BlockIndex=10, BlockToken=tokens[10]), "ValidationException", 400, "INVALID_BLOCK_TOKEN")
refused(lambda: other.complete_snapshot(SnapshotId=first, ChangedBlocksCount=1), "AccessDeniedException", 403, "UNAUTHORIZED_ACCOUNT")

# a child: what changed
child = ebs.start_snapshot(VolumeSize=1, ParentSnapshotId=first)
assert child["KmsKeyArn"].endswith("key/k1") and child["ParentSnapshotId"] == first
put(child["SnapshotId"], 10, block(10, "y"))
put(child["SnapshotId"], 11, block(11, "y"))
ebs.complete_snapshot(SnapshotId=child["SnapshotId"], ChangedBlocksCount=2)
changes = ebs.list_changed_blocks(FirstSnapshotId=first, SecondSnapshotId=child["SnapshotId"])["ChangedBlocks"]
assert [c["BlockIndex"] for c in changes] == [10, 11], changes
for snapshot, key, text in ((first, "FirstBlockToken", "x"), (child["SnapshotId"], "SecondBlockToken", "y")):
    got = ebs.get_snapshot_block(SnapshotId=snapshot, BlockIndex=10, BlockToken=changes[0][key])
    assert got["BlockData"].read() == block(10, text)
plain = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
for i in range(0, 150):
    put(plain, i, block(i))
ebs.complete_snapshot(SnapshotId=plain, ChangedBlocksCount=150)
refused(lambda: ebs.list_changed_blocks(FirstSnapshotId=plain, SecondSnapshotId=first), "ValidationException", 400, "UNRELATED_SNAPSHOTS",
        plain + " and " + first + " are not related")
page = ebs.list_snapshot_blocks(SnapshotId=plain, MaxResults=100)
assert len(page["Blocks"]) == 100
rest = ebs.list_snapshot_blocks(SnapshotId=plain, MaxResults=100, NextToken=page["NextToken"])
assert [b["BlockIndex"] for b in rest["Blocks"]] == list(range(100, 150)) and "NextToken" not in rest
refused(lambda: ebs.list_snapshot_blocks(SnapshotId=first, MaxResults=100, NextToken=page["NextToken"]), "ValidationException", 400, "INVALID_PAGE_TOKEN")

# the parameters' table and limits
for arguments in (dict(ParentSnapshotId=first, Encrypted=True), dict(ParentSnapshotId=first, KmsKeyArn="k1"), dict(Encrypted=False, KmsKeyArn="k1")):
    refused(lambda: ebs.start_snapshot(VolumeSize=1, **arguments), "ValidationException", 400, "INVALID_PARAMETER_VALUE")
assert ebs.start_snapshot(VolumeSize=1, KmsKeyArn="k2")["KmsKeyArn"].endswith("key/k2")
refused(lambda: ebs.start_snapshot(VolumeSize=1, KmsKeyArn="off"), "ValidationException", 400, "INVALID_CUSTOMER_KEY", "is disabled")
refused(lambda: ebs.start_snapshot(VolumeSize=1, KmsKeyArn="missing"), "ValidationException", 400, "INVALID_CUSTOMER_KEY")
refused(lambda: ebs.start_snapshot(VolumeSize=0), "ValidationException", 400, "INVALID_VOLUME_SIZE")
refused(lambda: ebs.start_snapshot(VolumeSize=1, Timeout=9), "ValidationException", 400, "INVALID_PARAMETER_VALUE")
ec2.enable_ebs_encryption_by_default()
refused(lambda: ebs.start_snapshot(VolumeSize=1, ParentSnapshotId=plain), "ValidationException", 400, "INVALID_PARAMETER_VALUE")
assert ebs.start_snapshot(VolumeSize=1)["KmsKeyArn"].endswith("key/aws")
