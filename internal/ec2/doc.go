// Package ec2 is the catalogue of EC2 resources: volumes, snapshots, images and
// instances, each with an id, an owner, tags and a state, per account and Region. It
// decides nothing about encryption (snapshot.Decide does), holds no data (an Engine
// does) and knows no HTTP (awsapi/ec2api does). An instance is an attachment group: it
// has devices and a state, and no machine behind it.
//
// # Invariants
//
//   - The catalogue is written first and last. A record says creating, attaching,
//     detaching or deleting before the engine, the key store or the exports are
//     called, and its final state afterwards; start-up finishes, fails or undoes what
//     lies between (recover.go). Engine objects bear the ids of their records.
//   - A resource is changed under its lock, and committed only on the revision it was read at.
//   - An attached encrypted volume has exactly one grant, made by whoever attached or
//     started it: its grantee is arn:aws:sts::ACCOUNT:assumed-role/aws:ec2-infrastructure/INSTANCE,
//     it allows Decrypt where aws:ebs:id is the volume, and it is retired when the volume is closed.
//     Only through it does the engine open the volume, again at every start-up.
//   - A key that refuses is asynchronous, as on AWS: what was asked for appears, and
//     then is in the state error (an instance: terminated, with its reason). AttachVolume
//     alone fails at once.
//   - A block of a snapshot that is written block by block is durable when it is
//     acknowledged. A restart does not end an upload: whoever goes on with it opens it under
//     their own permissions. Completion, its timeout or its deletion does.
//   - No request for one account's resources reads another account's records.
//
// # Records
//
// JSON in the metadata store, which seals values; schema.go has the keys, limits.go
// every limit. A record is a few KiB at most: devices, tags and accounts are bounded.
package ec2
