package ec2_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"coffer.example/aead"
	"coffer.example/internal/ec2"
	"coffer.example/internal/ec2/ec2test"
	"coffer.example/internal/meta"
	"coffer.example/internal/meta/pebblemeta"
	"github.com/stretchr/testify/require"
)

var fullScale = flag.Bool("scale.full", false, "TestDescribeAtScale with 10,000 volumes, 100,000 snapshots and 10,000 images")

// sizes are how many records of each kind an account has.
type sizes struct{ volumes, snapshots, images int }

// filled opens a service over a sealed store on disk that holds records of the account,
// and a tenth as many of another one.
func filled(t testing.TB, n sizes) at {
	store, err := pebblemeta.Open(pebblemeta.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { store.Close() })
	key, err := aead.NewRecordKey(aead.NewSecret(make([]byte, 32)))
	require.NoError(t, err)
	sealed := meta.Sealed(store, key, rand.Reader)
	ctx := context.Background()
	put := map[string][]byte{}
	flush := func() {
		require.NoError(t, sealed.Commit(ctx, nil, put))
		clear(put)
	}
	fill := func(kind, prefix string, n int, record func(i int, id, owner string) any) {
		for i := range n {
			for _, owner := range []string{ec2test.Account, ec2test.OtherAccount} {
				if id := fmt.Sprintf("%s%017x", prefix, i); owner == ec2test.Account || i%10 == 0 {
					raw, err := json.Marshal(record(i, id, owner))
					require.NoError(t, err)
					put["ec2/"+kind+"/"+ec2test.Region+"/"+owner+"/"+id] = raw
				}
			}
			if len(put) > 90 {
				flush()
			}
		}
	}
	fill("volume", "vol-", n.volumes, func(i int, id, owner string) any {
		return ec2.Volume{ID: id, Owner: owner, Region: ec2test.Region, Zone: ec2test.Region + "a", SizeGiB: 1 + i%100, Type: "gp3",
			State: ec2.VolumeAvailable, Created: time.Unix(int64(i), 0), Tags: ec2.Tags{"Name": "volume", "n": fmt.Sprint(i)}}
	})
	fill("snapshot", "snap-", n.snapshots, func(i int, id, owner string) any {
		return ec2.Snapshot{ID: id, Owner: owner, Region: ec2test.Region, VolumeID: "vol-0", SizeGiB: 1 + i%100,
			State: ec2.SnapshotCompleted, Started: time.Unix(int64(i), 0), Tags: ec2.Tags{"Name": "snapshot", "n": fmt.Sprint(i)}}
	})
	fill("image", "ami-", n.images, func(i int, id, owner string) any {
		return ec2.Image{ID: id, Owner: owner, Region: ec2test.Region, Name: "image " + id, RootDevice: "/dev/xvda", State: ec2.ImageAvailable,
			Mappings: []ec2.ImageDevice{{Device: "/dev/xvda", SnapshotID: "snap-0", SizeGiB: 1, Type: "gp2"}}, Tags: ec2.Tags{"Name": "image", "n": fmt.Sprint(i)}}
	})
	flush()
	o := ec2test.New(t).Options()
	o.Store = sealed
	s, err := ec2.Open(ctx, o)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return at{Service: s, ctx: ctx, caller: ec2test.Root(ec2test.Account)}
}

// describer pages through a kind with a filter, and calls each after every page.
type describer func(a at, filter ec2.Filter, each func(items int)) error

func describers() map[string]describer {
	own := ec2.Visible{Owners: []string{"self"}}
	return map[string]describer{
		"volumes": func(a at, f ec2.Filter, each func(int)) error {
			return pages(f, each, func(q ec2.Query) (ec2.Page[ec2.Volume], error) { return a.DescribeVolumes(a.ctx, a.caller, q) })
		},
		"snapshots": func(a at, f ec2.Filter, each func(int)) error {
			return pages(f, each, func(q ec2.Query) (ec2.Page[ec2.Snapshot], error) {
				return a.DescribeSnapshots(a.ctx, a.caller, own, q)
			})
		},
		"images": func(a at, f ec2.Filter, each func(int)) error {
			return pages(f, each, func(q ec2.Query) (ec2.Page[ec2.Image], error) { return a.DescribeImages(a.ctx, a.caller, own, q) })
		},
	}
}

func pages[T any](f ec2.Filter, each func(int), describe func(ec2.Query) (ec2.Page[T], error)) error {
	for q := (ec2.Query{Limit: 500, Filters: []ec2.Filter{f}}); ; {
		page, err := describe(q)
		if err != nil {
			return err
		}
		each(len(page.Items))
		if q.Cursor = page.Next; page.Next == "" {
			return nil
		}
	}
}

// An item of a Describe costs about the same in a large store as in a small one: its
// CPU time is at most twice as much, its memory no more, and nothing is kept.
func TestDescribeAtScale(t *testing.T) {
	many := sizes{1000, 4000, 1000}
	if *fullScale {
		many = sizes{10_000, 100_000, 10_000}
	}
	few := sizes{400, 400, 400}
	small, large := filled(t, few), filled(t, many)
	counts := map[string][2]int{"volumes": {few.volumes, many.volumes}, "snapshots": {few.snapshots, many.snapshots}, "images": {few.images, many.images}}
	for name, describe := range describers() {
		for _, filter := range []ec2.Filter{{Name: "tag:Name", Values: []string{"*e"}}, {Name: "tag:n", Values: []string{"7"}}} {
			matching := [2]int{1, 1}
			if filter.Name == "tag:Name" && name != "snapshots" {
				matching = counts[name]
			} else if filter.Name == "tag:Name" {
				matching = [2]int{}
			}
			best, bytes := [2]float64{}, [2]float64{}
			for range 3 { // in turns, so that what else the machine does hits both
				for i, a := range []at{small, large} {
					took, allocated := walkAll(t, a, describe, filter, matching[i])
					items := float64(counts[name][i])
					bytes[i] = allocated / items
					if best[i] == 0 || took/items < best[i] {
						best[i] = took / items
					}
				}
			}
			t.Logf("%s by %s: %.2f µs an item in the small store, %.2f in the large: ratio %.2f; %.0f and %.0f bytes", name, filter.Name, best[0]/1e3, best[1]/1e3, best[0]/best[1], bytes[0], bytes[1])
			if *fullScale { // a machine that runs other tests as well is no place to judge times
				require.Greater(t, best[0]/best[1], 0.5, "%s by %s", name, filter.Name)
			}
			require.Less(t, bytes[1], 1.2*bytes[0], "bytes allocated for an item")
		}
	}
}

// cpuTime is what the process has used of the processors: what else the machine does
// matters less to it than to the time.
func cpuTime(t testing.TB) time.Duration {
	var used syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// walkAll pages through everything once. The heap holds little more than a page at any time.
func walkAll(t *testing.T, a at, describe describer, filter ec2.Filter, want int) (nanoseconds, bytes float64) {
	const most = 64 << 20
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	found, start, measuring := 0, cpuTime(t), time.Duration(0)
	require.NoError(t, describe(a, filter, func(items int) {
		found += items
		begun := cpuTime(t)
		runtime.ReadMemStats(&now)
		if now.HeapAlloc > before.HeapAlloc+most {
			runtime.GC()
			runtime.ReadMemStats(&now)
			require.Less(t, now.HeapAlloc, before.HeapAlloc+most)
		}
		measuring += cpuTime(t) - begun
	}))
	took := cpuTime(t) - start - measuring
	require.Equal(t, want, found)
	return float64(took.Nanoseconds()), float64(now.TotalAlloc - before.TotalAlloc)
}
