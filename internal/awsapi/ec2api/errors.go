package ec2api

import (
	"errors"
	"net/http"

	"coffer.example/internal/awsapi"
	"coffer.example/internal/ec2"
	"coffer.example/internal/meta"
)

// codes is the one place that says how a refusal of the catalogue is sent: by the
// codes of EC2's error reference.
var codes = map[ec2.Reason]string{
	ec2.DryRunSucceeded:        "DryRunOperation",
	ec2.MissingParameter:       "MissingParameter",
	ec2.InvalidParameter:       "InvalidParameterValue",
	ec2.ParameterCombination:   "InvalidParameterCombination",
	ec2.ParameterDependency:    "InvalidParameterDependency",
	ec2.Busy:                   "Unavailable",
	ec2.IdempotentMismatch:     "IdempotentParameterMismatch",
	ec2.InvalidNextToken:       "InvalidNextToken",
	ec2.InvalidID:              "InvalidID",
	ec2.VolumeNotFound:         "InvalidVolume.NotFound",
	ec2.VolumeIDMalformed:      "InvalidVolumeID.Malformed",
	ec2.VolumeInUse:            "VolumeInUse",
	ec2.VolumeZoneMismatch:     "InvalidVolume.ZoneMismatch",
	ec2.UnknownVolumeType:      "UnknownVolumeType",
	ec2.AttachmentNotFound:     "InvalidAttachment.NotFound",
	ec2.AttachmentLimit:        "AttachmentLimitExceeded",
	ec2.SnapshotNotFound:       "InvalidSnapshot.NotFound",
	ec2.SnapshotIDMalformed:    "InvalidSnapshotID.Malformed",
	ec2.SnapshotInUse:          "InvalidSnapshot.InUse",
	ec2.ConcurrentCopies:       "ResourceLimitExceeded",
	ec2.FastRestoreLimit:       "ResourceLimitExceeded",
	ec2.InstanceNotFound:       "InvalidInstanceID.NotFound",
	ec2.InstanceIDMalformed:    "InvalidInstanceID.Malformed",
	ec2.InstanceLimit:          "InstanceLimitExceeded",
	ec2.IncorrectInstanceState: "IncorrectInstanceState",
	ec2.ImageNotFound:          "InvalidAMIID.NotFound",
	ec2.ImageIDMalformed:       "InvalidAMIID.Malformed",
	ec2.ImageUnavailable:       "InvalidAMIID.Unavailable",
	ec2.ImageNameDuplicate:     "InvalidAMIName.Duplicate",
	ec2.ImageNameMalformed:     "InvalidAMIName.Malformed",
	ec2.BlockDeviceMapping:     "InvalidBlockDeviceMapping",
	ec2.IncorrectState:         "IncorrectState",
	ec2.NotPermitted:           "OperationNotPermitted",
	ec2.Unsupported:            "UnsupportedOperation",
	ec2.TagLimit:               "TagLimitExceeded",
	ec2.AuthFailure:            "AuthFailure",
	ec2.KeyUnavailable:         "CustomerKeyHasBeenRevoked",
	ec2.InvalidZone:            "InvalidZone.NotFound",
	ec2.InvalidAttribute:       "InvalidAttributeValue",
	ec2.NotShareable:           "InvalidParameter",
	ec2.ResourceNotFound:       "InvalidSubnetID.NotFound",
}

// statuses are the statuses other than 400.
var statuses = map[ec2.Reason]int{
	ec2.DryRunSucceeded: http.StatusPreconditionFailed,
	ec2.AuthFailure:     http.StatusForbidden,
	ec2.Busy:            http.StatusServiceUnavailable,
}

func wireError(err error) *awsapi.Error {
	var refusal *ec2.Error
	if errors.As(err, &refusal) {
		if code, ok := codes[refusal.Reason]; ok {
			return &awsapi.Error{Code: code, Message: refusal.Message, Status: statuses[refusal.Reason]}
		}
	}
	if errors.Is(err, meta.ErrConflict) {
		return &awsapi.Error{Code: "Unavailable", Message: "The resource was changed by another request; try again.", Status: http.StatusServiceUnavailable}
	}
	return nil
}
