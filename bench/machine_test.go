package bench

import (
	"runtime"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func tree(files map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

func TestMachineReadsTheSystem(t *testing.T) {
	m := readMachine(tree(map[string]string{
		"proc/cpuinfo":                                         "processor\t: 0\nmicrocode\t: 0xa101148\n\nprocessor\t: 1\nmicrocode\t: 0xffff\n",
		"proc/sys/kernel/osrelease":                            "6.18.0-test\n",
		"proc/loadavg":                                         "1.50 0.40 0.10 1/200 4242\n",
		"sys/class/dmi/id/sys_vendor":                          "QEMU\n",
		"sys/devices/system/cpu/smt/control":                   "on\n",
		"sys/devices/system/cpu/intel_pstate/no_turbo":         "1\n",
		"sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave\n",
		"sys/devices/system/cpu/cpu0/cache/index0/level":       "1\n",
		"sys/devices/system/cpu/cpu0/cache/index0/type":        "Data\n",
		"sys/devices/system/cpu/cpu0/cache/index0/size":        "32K\n",
	}))
	require.Equal(t, "0xa101148", m.Microcode)
	require.Equal(t, "6.18.0-test", m.Kernel)
	require.Equal(t, 1.5, m.LoadBefore)
	require.Equal(t, "on", m.SMT)
	require.Equal(t, "0", m.Boost)
	require.Equal(t, "powersave", m.Governor)
	require.Equal(t, []string{"L1d 32K"}, m.Caches)
	require.Equal(t, runtime.Version(), m.Go)

	empty := readMachine(tree(nil)) // a system that says nothing
	require.Zero(t, empty.LoadBefore)
	require.Empty(t, empty.Governor)
}

func TestEmulationIsRecognised(t *testing.T) {
	x86 := tree(map[string]string{"proc/cpuinfo": "processor\t: 0\nvendor_id\t: AuthenticAMD\n"})
	arm := tree(map[string]string{"proc/cpuinfo": "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\n"})
	binfmt := tree(map[string]string{"proc/cpuinfo": "CPU implementer\t: 0x41\n", "sys/devices/system/cpu/cpu0/microcode/version": "0x1"})
	require.True(t, emulated("arm64", x86))
	require.True(t, emulated("arm64", binfmt))
	require.False(t, emulated("arm64", arm))
	require.False(t, emulated("amd64", x86))
}

func TestAESUnitTable(t *testing.T) {
	zen5 := aesUnit(Machine{GOARCH: "amd64", Vendor: "AuthenticAMD", Family: 0x1A, Model: 2})
	require.Equal(t, "Zen 5", zen5.Core)
	require.InDelta(t, 2.286, zen5.Narrow(), 0.001)
	require.InDelta(t, 9.143, zen5.Wide(), 0.001)
	require.True(t, zen5.Measured)
	zen4 := aesUnit(Machine{GOARCH: "amd64", Vendor: "AuthenticAMD", Family: 0x19, Model: 0x11})
	require.Equal(t, "Zen 4", zen4.Core)
	require.InDelta(t, 4.571, zen4.Wide(), 0.001)
	require.False(t, zen4.Measured)
	require.Equal(t, "Neoverse V1", aesUnit(Machine{GOARCH: "arm64", Family: 0x41, Model: 0xD40}).Core)
	require.Equal(t, "Neoverse V1", armName(0x41, 0xD40))

	unknown := aesUnit(Machine{GOARCH: "amd64", Vendor: "GenuineIntel", Family: 6, Model: 0x3F})
	require.Zero(t, unknown.Narrow())
	require.Contains(t, unknown.describe(), "unknown")
	require.Zero(t, aesUnit(Machine{GOARCH: "amd64", Vendor: "AuthenticAMD", Family: 0x1A, Emulated: true}).Narrow())
	cores := aesCores()
	for i, a := range cores { // no core is described twice
		for _, b := range cores[i+1:] {
			require.False(t, a.vendor == b.vendor && a.family == b.family && a.models[0] <= b.models[1] && b.models[0] <= a.models[1], "%s, %s", a.name, b.name)
		}
	}
}

func TestStealIsAShareOfAllTime(t *testing.T) {
	steal, total := cpuTimes(tree(map[string]string{"proc/stat": "cpu  100 0 50 800 10 0 5 35 7 7\ncpu0 1 2 3\n"}))
	require.Equal(t, uint64(35), steal)
	require.Equal(t, uint64(1000), total)
	steal, total = cpuTimes(tree(nil))
	require.Zero(t, steal+total)
}

func TestEstimateGHzIsPlausible(t *testing.T) {
	ghz := estimateGHz()
	require.Greater(t, ghz, 0.05)
	require.Less(t, ghz, 10.0)
}

func TestWarnings(t *testing.T) {
	rows := func(ghz ...float64) []Row {
		wall := make([]float64, len(ghz))
		for i := range wall {
			wall[i] = 100
		}
		return []Row{{Group: "g", Variant: "v", Wall: wall, GHz: ghz, Cores: 1}}
	}
	steady := make([]float64, 40)
	drift := make([]float64, 40)
	for i := range steady {
		steady[i], drift[i] = 3.5, 2.5+float64(i)/40
	}
	quiet := Machine{CPUs: 2, LoadBefore: 0.3, Governor: "performance"}
	for _, v := range []struct {
		change func(*Report)
		want   string
	}{
		{func(*Report) {}, ""},
		{func(r *Report) { r.Machine.LoadBefore = 1.5 }, "load 1.50"},
		{func(r *Report) { r.Machine.StealShare = 0.02 }, "2.0 %"},
		{func(r *Report) { r.Machine.Governor = "powersave" }, "powersave"},
		{func(r *Report) { r.Machine.Emulated = true }, "emulated"},
		{func(r *Report) { r.Rows = rows(drift...) }, "drifted"},
		{func(r *Report) {
			for i := range r.Rows[0].Wall {
				r.Rows[0].Wall[i] += float64(i%2) * 50
			}
		}, "two modes"},
		{func(r *Report) {
			r.Paths = []PathReport{{Name: "default", ConstantTimeAES: true}}
			r.Rows[0].Path, r.Rows[0].Bytes, r.Rows[0].Labels = "default", 65536, map[string]string{LabelSuite: "AES-256-GCM"}
			for i := range r.Rows[0].Wall {
				r.Rows[0].Wall[i] = 500_000
			}
		}, "predicted code path"},
	} {
		rep := &Report{Machine: quiet, Rows: rows(steady...)}
		v.change(rep)
		list := (&session{report: rep}).warnings()
		if v.want == "" {
			require.Empty(t, list)
		} else {
			require.Len(t, list, 1)
			require.Contains(t, list[0], v.want)
		}
	}
}
