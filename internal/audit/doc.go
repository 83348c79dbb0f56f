// Package audit is the trail: CloudTrail-shaped events in a chained, append-only log.
package audit
