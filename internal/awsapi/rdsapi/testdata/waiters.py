"""What Terraform does with a cluster and an instance, in its order, with the SDK's waiters and paginators."""
import os

import boto3

rds = boto3.client("rds", endpoint_url=os.environ["COFFER_ENDPOINT"])
kms = boto3.client("kms", endpoint_url=os.environ["COFFER_ENDPOINT"])
soon = {"Delay": 0.02, "MaxAttempts": 500}


def wait(name, **arguments):
    rds.get_waiter(name).wait(WaiterConfig=soon, **arguments)


key = kms.create_key()["KeyMetadata"]["Arn"]
version = rds.describe_db_engine_versions(Engine="aurora-postgresql", DefaultOnly=True)["DBEngineVersions"][0]["EngineVersion"]
cluster = rds.create_db_cluster(
    DBClusterIdentifier="tf", Engine="aurora-postgresql", EngineVersion=version, EngineMode="provisioned", MasterUsername="tf", MasterUserPassword="secret-of-tf",
    StorageEncrypted=True, KmsKeyId=key, CopyTagsToSnapshot=True, DeletionProtection=False, BackupRetentionPeriod=1, Tags=[{"Key": "Name", "Value": "tf"}],
)["DBCluster"]
wait("db_cluster_available", DBClusterIdentifier="tf")
rds.describe_global_clusters(Filters=[{"Name": "db-cluster-id", "Values": [cluster["DBClusterArn"]]}])
user_tags = [t for t in rds.describe_db_clusters(DBClusterIdentifier="tf")["DBClusters"][0]["TagList"] if not t["Key"].startswith("aws:")]
assert user_tags == [{"Key": "Name", "Value": "tf"}], user_tags
rds.create_db_instance(DBInstanceIdentifier="tf-1", DBClusterIdentifier="tf", DBInstanceClass="db.serverless", Engine="aurora-postgresql", PromotionTier=0)
wait("db_instance_available", DBInstanceIdentifier="tf-1")
rds.create_db_cluster_snapshot(DBClusterIdentifier="tf", DBClusterSnapshotIdentifier="tf-snap")
wait("db_cluster_snapshot_available", DBClusterSnapshotIdentifier="tf-snap")
rds.copy_db_cluster_snapshot(SourceDBClusterSnapshotIdentifier="tf-snap", TargetDBClusterSnapshotIdentifier="tf-copy", KmsKeyId=kms.create_key()["KeyMetadata"]["Arn"])
wait("db_cluster_snapshot_available", DBClusterSnapshotIdentifier="tf-copy")
for name in ("tf-snap", "tf-copy"):
    rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=name)
    wait("db_cluster_snapshot_deleted", DBClusterSnapshotIdentifier=name)
rds.delete_db_instance(DBInstanceIdentifier="tf-1", SkipFinalSnapshot=True)
wait("db_instance_deleted", DBInstanceIdentifier="tf-1")
rds.delete_db_cluster(DBClusterIdentifier="tf", SkipFinalSnapshot=True)
wait("db_cluster_deleted", DBClusterIdentifier="tf")

for i in range(25):
    rds.create_db_instance(DBInstanceIdentifier="i%02d" % i, DBInstanceClass="db.t4g.micro", Engine="mysql", AllocatedStorage=1)
    rds.create_db_snapshot(DBInstanceIdentifier="i%02d" % i, DBSnapshotIdentifier="s%02d" % i)
wait("db_snapshot_available", DBSnapshotIdentifier="s00")
wait("db_snapshot_completed", DBSnapshotIdentifier="s00")
for operation, result, name in (("describe_db_instances", "DBInstances", "DBInstanceIdentifier"), ("describe_db_snapshots", "DBSnapshots", "DBSnapshotIdentifier")):
    pages = list(rds.get_paginator(operation).paginate(PaginationConfig={"PageSize": 20}))
    assert [len(page[result]) for page in pages] == [20, 5], pages
    names = [item[name] for page in pages for item in page[result]]
    assert names == sorted(set(names)) and len(names) == 25
rds.delete_db_snapshot(DBSnapshotIdentifier="s00")
wait("db_snapshot_deleted", DBSnapshotIdentifier="s00")
