package ebsapi

import (
	"errors"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
	"coffer.example/kms"
)

// wire is how a refusal is sent.
type wire struct {
	code   string
	reason string
	status int
}

// table is the one place that says how a refusal of the catalogue is sent here.
var table = map[ec2.Reason]wire{
	ec2.InvalidParameter:     {"ValidationException", "INVALID_PARAMETER_VALUE", 400},
	ec2.ParameterCombination: {"ValidationException", "INVALID_PARAMETER_VALUE", 400},
	ec2.TagLimit:             {"ValidationException", "INVALID_TAG", 400},
	ec2.SnapshotIDMalformed:  {"ValidationException", "INVALID_SNAPSHOT_ID", 400},
	ec2.InvalidVolumeSize:    {"ValidationException", "INVALID_VOLUME_SIZE", 400},
	ec2.InvalidBlock:         {"ValidationException", "INVALID_BLOCK", 400},
	ec2.UnrelatedSnapshots:   {"ValidationException", "UNRELATED_SNAPSHOTS", 400},
	ec2.UploadEnded:          {"ValidationException", "WRITE_REQUEST_TIMEOUT", 400},
	ec2.ChecksumMismatch:     {"ValidationException", "INVALID_PARAMETER_VALUE", 400},
	ec2.IncorrectState:       {"ValidationException", "INVALID_SNAPSHOT_ID", 400},
	ec2.IdempotentMismatch:   {"ConflictException", "", 409},
	ec2.Busy:                 {"ConflictException", "", 409},
	ec2.SnapshotNotFound:     {"ResourceNotFoundException", "SNAPSHOT_NOT_FOUND", 404},
	ec2.AuthFailure:          {"AccessDeniedException", "UNAUTHORIZED_ACCOUNT", 403},
	ec2.ConcurrentUploads:    {"ConcurrentLimitExceededException", "", 400},
}

func wireError(err error) *awsapi.Error {
	var refusal *ec2.Error
	if !errors.As(err, &refusal) {
		return nil
	}
	w, ok := table[refusal.Reason]
	if refusal.Reason == ec2.KeyUnavailable {
		w, ok = wire{"ValidationException", "INVALID_CUSTOMER_KEY", 400}, true
		if errors.Is(err, kms.ErrAccessDenied) {
			w = wire{"AccessDeniedException", "DEPENDENCY_ACCESS_DENIED", 403}
		}
	}
	if !ok {
		return nil
	}
	out := &awsapi.Error{Code: w.code, Message: refusal.Message, Status: w.status}
	if w.reason != "" {
		out.Members = map[string]string{"Reason": w.reason}
	}
	return out
}
