package ec2

import (
	"coffer.example/blockstore"
	"coffer.example/kms"
)

// infrastructureRole is the role that opens volumes for instances; the session is the instance's id.
const infrastructureRole = "aws:ec2-infrastructure"

// viaService is the service name that keys' policies see in kms:ViaService.
func viaService(region string) string { return "ec2." + region + ".amazonaws.com" }

// forService is the caller as the key store sees it when this service calls for them.
func forService(caller kms.Caller) kms.Caller {
	caller.ViaService = viaService(caller.Region)
	return caller
}

// infrastructure is the caller that opens volumes of an instance: it has no policy,
// so that only the grant lets it in.
func infrastructure(region, owner, instanceID string) kms.Caller {
	return kms.Caller{
		Account: owner, Region: region,
		ARN:      infrastructureARN(owner, instanceID),
		UserID:   owner + ":" + infrastructureRole + ":" + instanceID,
		UserName: infrastructureRole, Type: "AssumedRole",
		ViaService: viaService(region), SourceIP: viaService(region), UserAgent: viaService(region),
	}
}

func infrastructureARN(owner, instanceID string) string {
	return "arn:aws:sts::" + owner + ":assumed-role/" + infrastructureRole + "/" + instanceID
}

// keyring acts as the caller, for the engine.
func (s *Service) keyring(caller kms.Caller) blockstore.Keyring {
	return s.kms.Keyring(forService(caller))
}

// asOwner is the account itself: it looks up what it owns, and lends its keys to what
// needs no permission of a caller.
func asOwner(at ref) kms.Caller {
	return kms.Caller{
		Account: at.Owner, Region: at.Region, ARN: "arn:aws:iam::" + at.Owner + ":root", Type: "Root", UserID: at.Owner,
		SourceIP: viaService(at.Region), UserAgent: viaService(at.Region),
	}
}
