package nbd

import (
	"testing"
)

func TestFioVerify(t *testing.T) {
	for name, job := range map[string][]string{
		"randwrite": {"--rw=randwrite", "--bs=4k", "--iodepth=32", "--verify=crc32c", "--do_verify=1"},
		"randrw": {"--rw=randrw", "--rwmixread=30", "--bsrange=512-64k", "--blockalign=512", "--iodepth=16",
			"--verify=md5", "--verify_backlog=256"},
		"large":    {"--rw=write", "--bs=1m", "--iodepth=8", "--verify=crc32c", "--do_verify=1"},
		"fsync":    {"--rw=randwrite", "--bs=4k", "--fsync=32", "--iodepth=8", "--verify=crc32c", "--do_verify=1"},
		"trim":     {"--rw=trim", "--bs=64k", "--iodepth=8"},
		"parallel": {"--rw=randread", "--bs=4k", "--numjobs=4", "--iodepth=8", "--group_reporting"},
	} {
		for _, way := range []string{"workers", "inline", "started"} {
			if way != "workers" && (name == "fsync" || name == "trim") {
				continue // flushes and trims leave the reader anyhow
			}
			t.Run(name+"/"+way, func(t *testing.T) {
				vol := dirtyExport(t, 16<<20)
				vol.prompt = way == "inline"
				if way == "started" {
					vol.device = newDevice(t)
				}
				s := start(t, Options{}, nil, map[string]Export{"vol": vol})
				succeed(t, "fio", append([]string{"--name=v", "--ioengine=nbd", "--uri=" + s.uri("vol"), "--size=16M",
					"--verify_fatal=1", "--eta=never"}, job...)...)
			})
		}
	}
}
