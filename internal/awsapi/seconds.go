package awsapi

import (
	"fmt"
	"time"
)

// Seconds is a time as the JSON protocols send it: a number of seconds since the epoch, with milliseconds.
type Seconds time.Time

// MarshalJSON implements json.Marshaler.
func (s Seconds) MarshalJSON() ([]byte, error) {
	t := time.Time(s)
	return fmt.Appendf(nil, "%d.%03d", t.Unix(), t.Nanosecond()/int(time.Millisecond)), nil
}
