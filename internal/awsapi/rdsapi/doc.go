// Package rdsapi is the Amazon RDS API (AWS Query, version 2014-10-31) over rds.Service: each
// operation reads its parameters, asks the caller's own policies, makes one call and encodes the answer.
//
// It has what makes, changes, restores and deletes databases, snapshots and automated backups, and the lists that
// the AWS CLI, SDK waiters and Terraform read on the way. Parameters of the engine and its surroundings (ports, instance
// classes, maintenance windows, monitoring, …) are kept and shown (settings.go); passwords are not kept. There
// is one subnet group, default, and one parameter group per engine family. A parameter that would
// change what a request means and is not there is refused.
package rdsapi
