"""Uploads of 64 blocks at once, in three parts: begin, go on after the daemon was killed,
and complete. The state between them is in a file."""
import base64
import concurrent.futures
import hashlib
import json
import sys

from botocore.config import Config

part, state_file = sys.argv[2], sys.argv[3]
ebs = boto3.client("ebs", endpoint_url=os.environ["COFFER_ENDPOINT"], region_name=REGION, aws_access_key_id=US, aws_secret_access_key="test",
                   config=Config(max_pool_connections=64, retries={"total_max_attempts": 1}))
SIZE = 512 << 10


def block(index, text):
    return f"{text} {index}".ljust(16).encode() * (SIZE // 16)


def put(snapshot, index, text):
    data = block(index, text)
    ebs.put_snapshot_block(SnapshotId=snapshot, BlockIndex=index, BlockData=data, DataLength=SIZE,
                           Checksum=base64.b64encode(hashlib.sha256(data).digest()).decode(), ChecksumAlgorithm="SHA256")


def put_all(snapshot, indexes, text):
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        list(pool.map(lambda i: put(snapshot, i, text), indexes))


def complete(snapshot, written):
    linear = hashlib.sha256(b"".join(hashlib.sha256(block(i, written[i])).digest() for i in sorted(written))).digest()
    call = dict(SnapshotId=snapshot, ChangedBlocksCount=len(written), Checksum=base64.b64encode(linear).decode(), ChecksumAlgorithm="SHA256", ChecksumAggregationMethod="LINEAR")
    refused(ebs.complete_snapshot, "ValidationException", **dict(call, ChangedBlocksCount=len(written) - 1))
    refused(ebs.complete_snapshot, "ValidationException", **dict(call, Checksum=base64.b64encode(bytes(32)).decode()))
    ebs.complete_snapshot(**call)
    wait("snapshot_completed", SnapshotIds=[snapshot])


def stored(snapshot):
    found = ebs.list_snapshot_blocks(SnapshotId=snapshot)["Blocks"]
    return {b["BlockIndex"]: ebs.get_snapshot_block(SnapshotId=snapshot, **b)["BlockData"].read() for b in found}


def put_truncated(snapshot, index):
    """Sends a signed request, and then only half of its body."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    data = block(index, "truncated")
    url = urllib.parse.urlparse(os.environ["COFFER_ENDPOINT"])
    headers = {"x-amz-Data-Length": str(SIZE), "x-amz-Checksum": base64.b64encode(hashlib.sha256(data).digest()).decode(),
               "x-amz-Checksum-Algorithm": "SHA256", "X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}
    request = AWSRequest("PUT", f"{url.geturl()}/snapshots/{snapshot}/blocks/{index}", headers=headers)
    SigV4Auth(boto3.Session(aws_access_key_id=US, aws_secret_access_key="test").get_credentials(), "ebs", REGION).add_auth(request)
    with socket.create_connection((url.hostname, url.port)) as s:
        lines = [f"PUT /snapshots/{snapshot}/blocks/{index} HTTP/1.1", f"Host: {url.netloc}", f"Content-Length: {SIZE}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in request.headers.items() if name.lower() != "host"]
        s.sendall(("\r\n".join(lines) + "\r\n\r\n").encode() + data[:SIZE // 2])
        s.shutdown(socket.SHUT_WR)
        answer = s.recv(64)
        assert not answer.startswith(b"HTTP/1.1 2"), answer


FIRST, SECOND = range(0, 640, 10), range(5, 2000, 31)
if part == "begin":
    key = new_key()
    parent = ebs.start_snapshot(VolumeSize=1, Encrypted=True, KmsKeyArn=key)["SnapshotId"]
    put_all(parent, FIRST, "parent")
    complete(parent, {i: "parent" for i in FIRST})
    child = ebs.start_snapshot(VolumeSize=1, ParentSnapshotId=parent)["SnapshotId"]
    put_all(child, SECOND, "child")
    whole = ebs.start_snapshot(VolumeSize=1, KmsKeyArn=key)["SnapshotId"]
    put_all(whole, FIRST, "whole")
    json.dump({"key": key, "parent": parent, "child": child, "whole": whole}, open(state_file, "w"))
elif part == "go on":
    s = json.load(open(state_file))
    for snapshot in (s["child"], s["whole"]):
        assert ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]["State"] == "pending"
    kms.disable_key(KeyId=s["key"])
    refused(lambda: put(s["whole"], 1, "whole"), "ValidationException")  # whoever resumes it needs the key
    kms.enable_key(KeyId=s["key"])
    put_truncated(s["whole"], 2)  # changes nothing: the count and the digest at the end say so
    put_truncated(s["whole"], 10)
    put(s["whole"], 1, "whole")
    put(s["child"], 0, "again")
else:
    s = json.load(open(state_file))
    complete(s["whole"], {**{i: "whole" for i in FIRST}, 1: "whole"})
    complete(s["child"], {**{i: "child" for i in SECOND}, 0: "again"})
    assert stored(s["whole"]) == {**{i: block(i, "whole") for i in FIRST}, 1: block(1, "whole")}
    changed = {**{i: block(i, "child") for i in SECOND}, 0: block(0, "again")}
    assert stored(s["child"]) == {**{i: block(i, "parent") for i in FIRST}, **changed}
    found = ebs.list_changed_blocks(FirstSnapshotId=s["parent"], SecondSnapshotId=s["child"])["ChangedBlocks"]
    assert [b["BlockIndex"] for b in found] == sorted(changed)
    # Nothing is listed of what cannot be checked without the key.
    kms.disable_key(KeyId=s["key"])
    refused(ebs.list_changed_blocks, "ValidationException", FirstSnapshotId=s["parent"], SecondSnapshotId=s["child"])
    kms.enable_key(KeyId=s["key"])
