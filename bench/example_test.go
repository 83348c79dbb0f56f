package bench_test

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"time"

	"coffer.example/bench"
)

// An embedder's own workload: two hashes of a block, compared within every round.
func ExampleRun() {
	block := make([]byte, 4096)
	hash := func(name string, sum func()) bench.Case {
		return bench.Case{Group: "hash a block", Variant: name, Bytes: int64(len(block)), New: func() (bench.Worker, error) {
			return bench.Worker{Run: func() error { sum(); return nil }}, nil
		}}
	}
	rep, err := bench.Run(context.Background(), bench.Options{Kind: "hash", Rounds: 20, Slot: 100 * time.Microsecond}, []bench.Case{
		hash("sha256", func() { sha256.Sum256(block) }),
		hash("sha512", func() { sha512.Sum512(block) }),
	})
	if err != nil {
		panic(err)
	}
	for i := range rep.Rows {
		row := &rep.Rows[i]
		fmt.Println(row.Name(), len(row.Wall), row.Summary().Median > 0, rep.Ratio(row).CI.Bounded())
	}
	// rep.WriteTable(os.Stdout) prints it, rep.WriteJSON keeps it for bench.Compare.

	// Output:
	// hash a block/sha256 20 true true
	// hash a block/sha512 20 true true
}
