package main

import (
	"coffer.example/blockstore"
	"coffer.example/internal/metrics"
)

func storeMetrics(m blockstore.Metrics) []metrics.Family {
	return []metrics.Family{
		single(metrics.Counter, "coffer_store_reads_total", "Reads of volumes.", float64(m.Reads)),
		single(metrics.Counter, "coffer_store_read_bytes_total", "Bytes read from volumes.", float64(m.ReadBytes)),
		single(metrics.Counter, "coffer_store_read_errors_total", "Reads that failed.", float64(m.ReadErrors)),
		single(metrics.Counter, "coffer_store_writes_total", "Writes to volumes.", float64(m.Writes)),
		single(metrics.Counter, "coffer_store_written_bytes_total", "Bytes written to volumes.", float64(m.WrittenBytes)),
		single(metrics.Counter, "coffer_store_flushes_total", "Flushes asked for.", float64(m.Flushes)),
		single(metrics.Counter, "coffer_store_rounds_total", "Flush rounds done; concurrent flushes share one.", float64(m.Rounds)),
		single(metrics.Counter, "coffer_store_zone_syncs_total", "Syncs of zone files.", float64(m.ZoneSyncs)),
		single(metrics.Counter, "coffer_store_index_commits_total", "Commits of the index, each one sync of its log.", float64(m.IndexCommits)),
		single(metrics.Counter, "coffer_store_journaled_rounds_total", "Flush rounds that one write to the journal made durable.", float64(m.Journaled)),
		single(metrics.Gauge, "coffer_store_landing_blocks", "Blocks that have been flushed to the journal and are yet to be written to their slots.", float64(m.Landing)),
		single(metrics.Counter, "coffer_store_journal_failures_total", "1 if the journal has failed and flushes go without it.", float64(m.JournalFailures)),
		single(metrics.Counter, "coffer_store_trims_total", "Trims.", float64(m.Trims)),
		single(metrics.Counter, "coffer_store_reencrypted_bytes_total", "Bytes re-encrypted in the background.", float64(m.WalkedBytes)),
		single(metrics.Counter, "coffer_store_authentication_failures_total", "Blocks or records that did not authenticate.", float64(m.AuthFailures)),
		single(metrics.Counter, "coffer_store_volume_failures_total", "Volumes that have failed.", float64(m.VolumeFailures)),
		single(metrics.Counter, "coffer_store_zone_failures_total", "Zones that have failed.", float64(m.ZoneFailures)),
		single(metrics.Counter, "coffer_store_sweep_errors_total", "Deletions that will be tried again.", float64(m.SweepErrors)),
		single(metrics.Gauge, "coffer_store_dirty_bytes", "Acknowledged bytes that no flush covers yet.", float64(m.DirtyBytes)),
		single(metrics.Gauge, "coffer_store_used_bytes", "Bytes of slots in use.", float64(m.UsedSlots)*blockstore.BlockSize),
		single(metrics.Gauge, "coffer_store_free_bytes", "Bytes of slots that are free in the zones that there are.", float64(m.FreeSlots)*blockstore.BlockSize),
		single(metrics.Gauge, "coffer_store_dead_bytes", "Bytes of slots that are given up and wait for readers or a backup.", float64(m.DeadSlots)*blockstore.BlockSize),
		single(metrics.Gauge, "coffer_store_zone_bytes", "Bytes of slots in zones.", float64(m.TotalSlots)*blockstore.BlockSize),
		single(metrics.Gauge, "coffer_store_volumes", "Volumes.", float64(m.Volumes)),
		single(metrics.Gauge, "coffer_store_snapshots", "Snapshots.", float64(m.Snapshots)),
		single(metrics.Gauge, "coffer_store_attached_volumes", "Attached volumes.", float64(m.Attached)),
		single(metrics.Counter, "coffer_store_punched_bytes_total", "Bytes given back to the file system.", float64(m.PunchedBytes)),
		single(metrics.Counter, "coffer_store_punch_errors_total", "Bytes could not be given back.", float64(m.PunchErrors)),
		single(metrics.Counter, "coffer_store_scrubbed_bytes_total", "Bytes that the scrub has read.", float64(m.ScrubbedBytes)),
		single(metrics.Counter, "coffer_store_scrub_passes_total", "Passes of the scrub that have ended.", float64(m.ScrubPasses)),
		single(metrics.Counter, "coffer_store_scrub_problems_total", "Places where the scrub found damage.", float64(m.ScrubProblems)),
		single(metrics.Gauge, "coffer_store_scrub_progress", "How much of its pass the scrub has read, 0 to 1.", m.ScrubProgress),
		single(metrics.Gauge, "coffer_store_scrub_paused_volumes", "Volumes that the scrub passed over because their key refuses.", float64(m.ScrubPaused)),
		single(metrics.Gauge, "coffer_store_space_low", "1 if the disk's reserve is reached: writes get ENOSPC.", truth(m.SpaceLow)),
		single(metrics.Gauge, "coffer_store_failed", "1 if the index has failed: every volume answers EIO.", truth(m.Failed)),
	}
}

// storeLatencies are how long the engine's operations take, flush rounds among them.
func storeLatencies(m blockstore.Metrics) (out []metrics.Histogram) {
	for _, one := range []struct {
		name, help string
		latency    blockstore.Latency
	}{
		{"read", "Time of reads of volumes.", m.ReadTime},
		{"write", "Time of writes to volumes, until they are acknowledged.", m.WriteTime},
		{"flush", "Time of flushes, with the wait for a round.", m.FlushTime},
		{"round", "Time of flush rounds.", m.RoundTime},
	} {
		h := metrics.Histogram{Name: "coffer_store_" + one.name + "_seconds", Help: one.help,
			Count: one.latency.Count(), Sum: one.latency.Sum.Seconds(), Buckets: map[float64]uint64{}}
		seen := uint64(0)
		for i, count := range one.latency.Buckets {
			seen += count
			if bound := one.latency.Bound(i); bound > 0 {
				h.Buckets[bound.Seconds()] = seen
			}
		}
		out = append(out, h)
	}
	return out
}
