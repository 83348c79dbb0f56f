package testkit

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEachFaultReachesEveryOperation(t *testing.T) {
	var failed []int
	operations := EachFault(t, FailAt, func(faults *Faults) {
		for i := 1; i <= 3; i++ {
			if faults.Point() != nil {
				failed = append(failed, i)
			}
		}
	})
	require.Equal(t, 3, operations)
	require.Equal(t, []int{1, 2, 3}, failed)
}

func TestFailFromStaysFailed(t *testing.T) {
	faults := FailFrom(2)
	require.NoError(t, faults.Point())
	require.ErrorIs(t, faults.Point(), ErrInjected)
	require.ErrorIs(t, faults.Point(), ErrInjected)
	require.True(t, faults.Hit())
}

func TestCommandReportsStatusAndOutput(t *testing.T) {
	result := Command{Name: "sh", Args: []string{"-c", "cat; echo bad >&2; exit 3"}, Stdin: "good"}.Do(t)
	require.Equal(t, Result{Stdout: "good", Stderr: "bad\n", Status: 3}, result)
}
