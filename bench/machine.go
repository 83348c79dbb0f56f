package bench

import (
	"bufio"
	"io/fs"
	"os"
	"path"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/klauspost/cpuid/v2"
)

// Machine is the facts about a host that its figures depend on. What the system does
// not say is empty.
type Machine struct {
	Host       string   `json:"host"`
	GOOS       string   `json:"goos"`
	GOARCH     string   `json:"goarch"`
	CPU        string   `json:"cpu"`
	Vendor     string   `json:"vendor"`
	Family     int      `json:"family"` // x86 family, or Arm implementer
	Model      int      `json:"model"`  // x86 model, or Arm part
	Stepping   int      `json:"stepping"`
	Microcode  string   `json:"microcode"`
	CPUs       int      `json:"cpus"`
	GOMAXPROCS int      `json:"gomaxprocs"`
	Caches     []string `json:"caches"`
	SMT        string   `json:"smt"`   // on, off, notsupported, …
	Boost      string   `json:"boost"` // 1, 0
	Governor   string   `json:"governor"`
	Hypervisor string   `json:"hypervisor"` // none, or what cpuid and DMI say
	Kernel     string   `json:"kernel"`
	Go         string   `json:"go"`
	Level      string   `json:"level"` // GOAMD64=v1, GOARM64=v8.0
	GODEBUG    string   `json:"godebug"`
	Emulated   bool     `json:"emulated"` // under qemu-user: times mean nothing
	LoadBefore float64  `json:"load_before"`
	LoadAfter  float64  `json:"load_after"`
	StealShare float64  `json:"steal_share"` // of all CPU time while the run lasted
	AES        AESUnit  `json:"aes_unit"`
}

// readMachine collects the facts; root is the root of the file system.
func readMachine(root fs.FS) Machine {
	m := Machine{
		GOOS: runtime.GOOS, GOARCH: runtime.GOARCH, Go: runtime.Version(),
		CPUs: runtime.NumCPU(), GOMAXPROCS: runtime.GOMAXPROCS(0), GODEBUG: os.Getenv("GODEBUG"),
		CPU: cpuid.CPU.BrandName, Vendor: cpuid.CPU.VendorString,
		Family: cpuid.CPU.Family, Model: cpuid.CPU.Model, Stepping: cpuid.CPU.Stepping,
	}
	m.Host, _ = os.Hostname() // an unnamed host has no name in the report
	info := readFields(root, "proc/cpuinfo")
	if m.GOARCH == "arm64" {
		m.Family, m.Model = hexNumber(info["CPU implementer"]), hexNumber(info["CPU part"])
		m.CPU = first(m.CPU, info["model name"], armName(m.Family, m.Model))
	}
	m.CPU = first(strings.TrimSpace(m.CPU), info["model name"])
	m.Microcode = info["microcode"]
	m.Kernel = first(readLine(root, "proc/sys/kernel/osrelease"), readLine(root, "proc/version"))
	const cpu = "sys/devices/system/cpu/"
	m.SMT = readLine(root, cpu+"smt/control")
	m.Boost = first(readLine(root, cpu+"cpufreq/boost"), inverted(readLine(root, cpu+"intel_pstate/no_turbo")))
	m.Governor = readLine(root, cpu+"cpu0/cpufreq/scaling_governor")
	m.Hypervisor = hypervisor(root)
	m.Caches = caches(root)
	m.Level = buildLevel()
	m.Emulated = emulated(m.GOARCH, root)
	m.LoadBefore = load(root)
	m.AES = aesUnit(m)
	return m
}

// emulated recognises qemu-user: an arm64 program on a host whose kernel describes an
// x86 processor.
func emulated(goarch string, root fs.FS) bool {
	if goarch != "arm64" {
		return false
	}
	_, x86 := readFields(root, "proc/cpuinfo")["vendor_id"]
	return x86 || exists(root, "sys/devices/system/cpu/cpu0/microcode") || exists(root, "proc/sys/fs/binfmt_misc/qemu-aarch64")
}

func exists(root fs.FS, name string) bool {
	_, err := fs.Stat(root, name)
	return err == nil
}

func hypervisor(root fs.FS) string {
	dmi := strings.TrimSpace(readLine(root, "sys/class/dmi/id/sys_vendor") + " " + readLine(root, "sys/class/dmi/id/product_name"))
	if cpuid.CPU.Has(cpuid.HYPERVISOR) {
		return first(strings.TrimSpace(cpuid.CPU.HypervisorVendorString+" "+dmi), "unknown")
	}
	if runtime.GOARCH == "amd64" {
		return "none"
	}
	return dmi // Arm has no flag for it: the firmware's word
}

func caches(root fs.FS) (list []string) {
	dirs, _ := fs.Glob(root, "sys/devices/system/cpu/cpu0/cache/index[0-9]") // the pattern is well formed
	for _, d := range dirs {
		kind := map[string]string{"Data": "d", "Instruction": "i"}[readLine(root, path.Join(d, "type"))]
		list = append(list, "L"+readLine(root, path.Join(d, "level"))+kind+" "+readLine(root, path.Join(d, "size")))
	}
	return list
}

func buildLevel() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "GOAMD64" || s.Key == "GOARM64" {
			return s.Key + "=" + s.Value
		}
	}
	return ""
}

func load(root fs.FS) float64 {
	one, _, _ := strings.Cut(readLine(root, "proc/loadavg"), " ")
	f, _ := strconv.ParseFloat(one, 64) // 0 where the system keeps no load
	return f
}

// cpuTimes returns the steal time and all time of all CPUs, in ticks since boot.
func cpuTimes(root fs.FS) (steal, total uint64) {
	fields := strings.Fields(readLine(root, "proc/stat"))
	for i, f := range fields[min(1, len(fields)):] {
		if i >= 8 { // guest time is part of user time
			break
		}
		n, _ := strconv.ParseUint(f, 10, 64) // the kernel writes numbers
		total += n
		if i == 7 {
			steal = n
		}
	}
	return steal, total
}

func readLine(root fs.FS, name string) string {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(line)
}

// readFields reads the "name : value" lines of a file; the first of a name counts.
func readFields(root fs.FS, name string) map[string]string {
	f, err := root.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	fields := map[string]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		if k, v, ok := strings.Cut(s.Text(), ":"); ok {
			if k = strings.TrimSpace(k); fields[k] == "" {
				fields[k] = strings.TrimSpace(v)
			}
		}
	}
	return fields
}

func first(options ...string) string {
	for _, o := range options {
		if o != "" {
			return o
		}
	}
	return ""
}

func inverted(flag string) string { return map[string]string{"0": "1", "1": "0"}[flag] }

func hexNumber(s string) int {
	n, _ := strconv.ParseInt(s, 0, 32) // 0 where the line is missing
	return int(n)
}
