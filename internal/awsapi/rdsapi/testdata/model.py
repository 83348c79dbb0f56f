"""Compares the service with botocore's model (Apache-2.0, Amazon.com): every element of every answer is one of the
model, at its place, and every operation refuses a request without its required parameters."""
import os
import sys
import xml.etree.ElementTree as ET

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

rds = boto3.client("rds", endpoint_url=os.environ["COFFER_ENDPOINT"], config=Config(parameter_validation=False, retries={"total_max_attempts": 1}))
model = rds.meta.service_model
NAMESPACE = "{http://rds.amazonaws.com/doc/2014-10-31/}"
problems, seen = [], set()


def check(node, shape, path):
    if shape.type_name == "structure":
        members = {m.serialization.get("name", name): m for name, m in shape.members.items()}
        for child in node:
            name = child.tag.replace(NAMESPACE, "")
            if name in members:
                check(child, members[name], path + "." + name)
            elif name not in KNOWN_TO_LATER:
                problems.append("%s has no %s" % (path, name))
    elif shape.type_name == "list":
        for child in node:
            name, want = child.tag.replace(NAMESPACE, ""), shape.member.serialization.get("name", "member")
            if name != want:
                problems.append("%s is a list of %s, not %s" % (path, want, name))
            check(child, shape.member, path + "[]")
    elif len(node):
        problems.append("%s is not a structure" % path)


# Elements that botocore learned late; an old one skips them.
KNOWN_TO_LATER = {"StorageEncryptionType", "MajorEngineVersion", "EngineLifecycleSupport", "DatabaseInsightsMode", "SupportsClusters", "SupportsParallelQuery",
                  "SupportsBabelfish", "SupportedCACertificateIdentifiers", "DbClusterResourceId", "DedicatedLogVolume", "StorageThroughput"}


def answered(http_response, model, **_):
    if http_response.status_code != 200 or model.output_shape is None:
        return
    seen.add(model.name)
    root = ET.fromstring(http_response.content)
    result = root.find(NAMESPACE + model.name + "Result")
    check(result if result is not None else ET.Element("x"), model.output_shape, model.name)


rds.meta.events.register("after-call.rds.*", lambda parsed, http_response, **k: answered(http_response, **k))

spec = {"Engine": "aurora-postgresql", "StorageEncrypted": True, "BackupRetentionPeriod": 2, "Port": 1, "Tags": [{"Key": "a", "Value": "b"}],
        "ServerlessV2ScalingConfiguration": {"MinCapacity": 1, "MaxCapacity": 2}, "EnableCloudwatchLogsExports": ["x"], "VpcSecurityGroupIds": ["sg-1"],
        "MonitoringRoleArn": "x", "Iops": 3, "PerformanceInsightsKMSKeyId": "x", "CharacterSetName": "x", "BacktrackWindow": 1}
instance = {"DBInstanceClass": "db.t4g.micro", "Engine": "mysql", "StorageEncrypted": True, "MaxAllocatedStorage": 100, "Timezone": "x", "StorageThroughput": 1,
            "DBName": "x", "MonitoringRoleArn": "x", "Iops": 3, "DatabaseInsightsMode": "standard", "Tags": [{"Key": "a", "Value": "b"}], "VpcSecurityGroupIds": ["sg-1"]}
rds.create_db_cluster(DBClusterIdentifier="c", **spec)
rds.create_db_instance(DBInstanceIdentifier="c-1", DBInstanceClass="db.r6g.large", Engine="aurora-postgresql", DBClusterIdentifier="c")
rds.create_db_instance(DBInstanceIdentifier="i", **instance)
rds.describe_db_clusters()
rds.describe_db_instances()
rds.modify_db_cluster(DBClusterIdentifier="c", Port=2)
rds.modify_db_instance(DBInstanceIdentifier="i", DBPortNumber=2)
rds.stop_db_cluster(DBClusterIdentifier="c")
assert "AutomaticRestartTime" in rds.describe_db_clusters()["DBClusters"][0]
rds.start_db_cluster(DBClusterIdentifier="c")
rds.reboot_db_cluster(DBClusterIdentifier="c")
rds.stop_db_instance(DBInstanceIdentifier="i", DBSnapshotIdentifier="stopped")
assert ["AutomaticRestartTime" in i for i in rds.describe_db_instances()["DBInstances"]] == [False, True]
rds.start_db_instance(DBInstanceIdentifier="i")
rds.reboot_db_instance(DBInstanceIdentifier="i")
rds.create_db_cluster_snapshot(DBClusterIdentifier="c", DBClusterSnapshotIdentifier="s")
rds.create_db_snapshot(DBInstanceIdentifier="i", DBSnapshotIdentifier="s")
rds.copy_db_cluster_snapshot(SourceDBClusterSnapshotIdentifier="s", TargetDBClusterSnapshotIdentifier="t")
rds.copy_db_snapshot(SourceDBSnapshotIdentifier="s", TargetDBSnapshotIdentifier="t")
rds.describe_db_cluster_snapshots()
rds.describe_db_snapshots()
rds.describe_db_cluster_snapshot_attributes(DBClusterSnapshotIdentifier="s")
rds.describe_db_snapshot_attributes(DBSnapshotIdentifier="s")
rds.modify_db_cluster_snapshot_attribute(DBClusterSnapshotIdentifier="s", AttributeName="restore", ValuesToRemove=["111122223333"])
rds.modify_db_snapshot_attribute(DBSnapshotIdentifier="s", AttributeName="restore", ValuesToRemove=["111122223333"])
rds.restore_db_cluster_from_snapshot(DBClusterIdentifier="r", SnapshotIdentifier="s", Engine="aurora-postgresql")
rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="r", DBSnapshotIdentifier="s")
rds.restore_db_cluster_to_point_in_time(DBClusterIdentifier="p", SourceDBClusterIdentifier="c", UseLatestRestorableTime=True)
rds.restore_db_instance_to_point_in_time(TargetDBInstanceIdentifier="p", SourceDBInstanceIdentifier="i", UseLatestRestorableTime=True)
clusters = rds.describe_db_cluster_automated_backups()["DBClusterAutomatedBackups"]
instances = rds.describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"]
rds.describe_db_cluster_parameters(DBClusterParameterGroupName="default.aurora-mysql8.0")
rds.describe_db_parameters(DBParameterGroupName="default.mysql8.0")
rds.describe_orderable_db_instance_options(Engine="mysql")
rds.list_tags_for_resource(ResourceName="arn:aws:rds:us-east-1:111122223333:db:i")
rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="s")
rds.delete_db_snapshot(DBSnapshotIdentifier="s")
rds.delete_db_instance(DBInstanceIdentifier="c-1")
rds.delete_db_cluster(DBClusterIdentifier="c", SkipFinalSnapshot=True, DeleteAutomatedBackups=False)
rds.delete_db_instance(DBInstanceIdentifier="i", SkipFinalSnapshot=True, DeleteAutomatedBackups=False)
rds.delete_db_cluster_automated_backup(DbClusterResourceId=next(b for b in clusters if b["DBClusterIdentifier"] == "c")["DbClusterResourceId"])
rds.delete_db_instance_automated_backup(DbiResourceId=next(b for b in instances if b["DBInstanceIdentifier"] == "i")["DbiResourceId"])

operations = os.environ["OPERATIONS"].split()
for name in operations:
    method = next(m for m, n in rds.meta.method_to_api_mapping.items() if n == name)
    shape = model.operation_model(name).input_shape
    required = list(shape.required_members) if shape else []
    try:
        getattr(rds, method)()
        if required:
            problems.append("%s works without %s" % (name, required))
    except ClientError as e:
        if required and e.response["Error"]["Code"] != "MissingParameter" and "is required" not in e.response["Error"]["Message"]:
            problems.append("%s without %s: %s" % (name, required, e))
unseen = [n for n in operations if n not in seen and model.operation_model(n).output_shape is not None]
if unseen:
    problems.append("no answer was checked of %s" % unseen)
print("\n".join(problems))
sys.exit(1 if problems else 0)
