package rdsapi

import (
	"errors"
	"net/http"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/meta"
	"coffer.example/internal/rds"
)

// wire is how a refusal is sent: its code for clusters and for instances, and its status (0: 400).
type wire struct {
	cluster, instance string
	status            int
}

// codes is the one place that says how a refusal of the catalogue is sent, by the codes of the service's model.
var codes = map[rds.Reason]wire{
	rds.InvalidParameter:     {"InvalidParameterValue", "InvalidParameterValue", 0},
	rds.ParameterCombination: {"InvalidParameterCombination", "InvalidParameterCombination", 0},
	rds.DatabaseNotFound:     {"DBClusterNotFoundFault", "DBInstanceNotFound", http.StatusNotFound},
	rds.DatabaseExists:       {"DBClusterAlreadyExistsFault", "DBInstanceAlreadyExists", 0},
	rds.DatabaseState:        {"InvalidDBClusterStateFault", "InvalidDBInstanceState", 0},
	rds.DatabaseQuota:        {"DBClusterQuotaExceededFault", "InstanceQuotaExceeded", 0},
	rds.SnapshotNotFound:     {"DBClusterSnapshotNotFoundFault", "DBSnapshotNotFound", http.StatusNotFound},
	rds.SnapshotExists:       {"DBClusterSnapshotAlreadyExistsFault", "DBSnapshotAlreadyExists", 0},
	rds.SnapshotState:        {"InvalidDBClusterSnapshotStateFault", "InvalidDBSnapshotState", 0},
	rds.SnapshotQuota:        {"SnapshotQuotaExceeded", "SnapshotQuotaExceeded", 0},
	rds.SharedSnapshotQuota:  {"SharedSnapshotQuotaExceeded", "SharedSnapshotQuotaExceeded", 0},
	rds.KeyNotAccessible:     {"KMSKeyNotAccessibleFault", "KMSKeyNotAccessibleFault", 0},
	rds.BackupNotFound:       {"DBClusterAutomatedBackupNotFoundFault", "DBInstanceAutomatedBackupNotFound", http.StatusNotFound},
	rds.RestoreNotPossible:   {"InvalidRestoreFault", "InvalidRestoreFault", 0},
	rds.InvalidARN:           {"InvalidParameterValue", "InvalidParameterValue", 0},
	rds.Busy:                 {"ServiceUnavailable", "ServiceUnavailable", http.StatusServiceUnavailable},
}

func wireError(err error) *awsapi.Error {
	var refusal *rds.Error
	if errors.As(err, &refusal) {
		if w, ok := codes[refusal.Reason]; ok {
			out := &awsapi.Error{Code: w.instance, Message: refusal.Message, Status: w.status}
			if refusal.Kind == rds.Cluster {
				out.Code = w.cluster
			}
			if out.Code == "DBClusterQuotaExceededFault" {
				out.Status = http.StatusForbidden
			}
			return out
		}
	}
	switch {
	case errors.Is(err, awsapi.ErrPage):
		return awsapi.Errorf("InvalidParameterValue", "The parameter Marker is invalid.")
	case errors.Is(err, meta.ErrConflict):
		return &awsapi.Error{Code: "ServiceUnavailable", Message: "The resource was changed by another request; try again.", Status: http.StatusServiceUnavailable}
	}
	return nil
}
