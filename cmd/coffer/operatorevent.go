package main

import (
	"context"
	"time"

	"coffer.example/internal/audit"
)

// recordOperator appends what the operator has done to the directory itself: it passed
// no front end, and no service has recorded it.
func (s *stack) recordOperator(ctx context.Context, name string, parameters audit.Fields) error {
	who := s.operator(scope{})
	event := audit.Event{
		EventVersion: audit.EventVersion,
		UserIdentity: audit.UserIdentity{Type: who.Type, PrincipalID: who.UserID, ARN: who.ARN, AccountID: who.Account},
		EventTime:    time.Now().UTC().Truncate(time.Second), EventSource: operatorSource, EventName: name, AWSRegion: who.Region,
		SourceIPAddress: who.SourceIP, UserAgent: who.UserAgent, RequestParameters: parameters,
		RequestID: who.RequestID, EventID: newRequestID(), EventType: "AwsApiCall", ManagementEvent: true,
		RecipientAccountID: who.Account, EventCategory: "Management",
	}
	line, err := event.Encode()
	if err != nil {
		return err
	}
	return s.trail.Record(ctx, line)
}

// operatorSource is the event source of what coffer's own commands do.
const operatorSource = "coffer"
