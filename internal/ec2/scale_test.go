package ec2_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"coffer.example/aead"
	"coffer.example/internal/ec2"
	"coffer.example/internal/ec2/ec2test"
	"coffer.example/internal/meta"
	"coffer.example/internal/meta/pebblemeta"
	"github.com/stretchr/testify/require"
)

// filled opens a service over a sealed store on disk that holds n volumes and n
// snapshots of the account, and as many of another one.
func filled(b *testing.B, n int) at {
	store, err := pebblemeta.Open(pebblemeta.Options{Dir: b.TempDir()})
	require.NoError(b, err)
	b.Cleanup(func() { store.Close() })
	key, err := aead.NewRecordKey(aead.NewSecret(make([]byte, 32)))
	require.NoError(b, err)
	sealed := meta.Sealed(store, key, rand.Reader)
	ctx := context.Background()
	put := map[string][]byte{}
	flush := func() {
		require.NoError(b, sealed.Commit(ctx, nil, put))
		clear(put)
	}
	for i := range n {
		for _, owner := range []string{ec2test.Account, ec2test.OtherAccount} {
			id := fmt.Sprintf("%017x", i)
			v, _ := json.Marshal(ec2.Volume{ID: "vol-" + id, Owner: owner, Region: ec2test.Region, Zone: ec2test.Region + "a", SizeGiB: 1 + i%100, Type: "gp3",
				State: ec2.VolumeAvailable, Created: time.Unix(int64(i), 0), Tags: ec2.Tags{"Name": "volume", "n": fmt.Sprint(i)}})
			s, _ := json.Marshal(ec2.Snapshot{ID: "snap-" + id, Owner: owner, Region: ec2test.Region, VolumeID: "vol-" + id, SizeGiB: 1 + i%100,
				State: ec2.SnapshotCompleted, Started: time.Unix(int64(i), 0), Tags: ec2.Tags{"n": fmt.Sprint(i)}})
			put["ec2/volume/"+ec2test.Region+"/"+owner+"/vol-"+id] = v
			put["ec2/snapshot/"+ec2test.Region+"/"+owner+"/snap-"+id] = s
		}
		if len(put) > 90 {
			flush()
		}
	}
	flush()
	w := ec2test.New(b)
	o := w.Options()
	o.Store = sealed
	s, err := ec2.Open(ctx, o)
	require.NoError(b, err)
	b.Cleanup(func() { s.Close() })
	return at{Service: s, ctx: ctx, caller: ec2test.Root(ec2test.Account)}
}

// BenchmarkDescribe pages through everything with a filter; what counts is that an
// item costs about the same in a large store as in a small one.
func BenchmarkDescribe(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		a := filled(b, n)
		b.Run(fmt.Sprintf("volumes=%d", n), func(b *testing.B) {
			for b.Loop() {
				for q := (ec2.Query{Limit: 500, Filters: []ec2.Filter{{Name: "tag:Name", Values: []string{"vol*"}}}}); ; {
					page, err := a.DescribeVolumes(a.ctx, a.caller, q)
					if err != nil {
						b.Fatal(err)
					}
					if q.Cursor = page.Next; page.Next == "" {
						break
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/item")
		})
		b.Run(fmt.Sprintf("snapshots=%d/byID", n), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				id := fmt.Sprintf("snap-%017x", i%n)
				if _, err := a.DescribeSnapshots(a.ctx, a.caller, ec2.Visible{}, ec2.Query{IDs: []string{id}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
