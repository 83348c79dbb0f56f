package bench

// AESUnit is what a core's AES instructions can do at most. AES-256 takes 14 rounds for
// 16 bytes, so
//
//	bytes per cycle = 16 × lanes × rate / 14
//
// where rate is how many AES round instructions start per cycle and lanes how many
// blocks one of them holds. GHASH runs on other pipes beside it.
type AESUnit struct {
	Core     string  `json:"core"` // empty: not in the table
	Rate     float64 `json:"rate"` // 128-bit round instructions (on Arm: AESE+AESMC pairs) per cycle
	Widest   float64 `json:"widest"`
	Measured bool    `json:"measured"` // else taken from vendors' and others' tables, not checked here
}

// Narrow returns the limit of code that uses 128-bit instructions, as the standard
// library's does, in bytes per cycle; 0: unknown.
func (u AESUnit) Narrow() float64 { return 16 * u.Rate / 14 }

// Wide returns the limit with the widest vectors of the core; 0: unknown.
func (u AESUnit) Wide() float64 { return 16 * u.Widest / 14 }

// aesCore is a row of the table: Rate counts instructions of one block, Widest blocks
// per cycle with the widest vectors.
type aesCore struct {
	vendor       string // x86 vendor; empty: Arm
	family       int    // x86 family or Arm implementer
	models       [2]int // from, to
	name         string
	rate, widest float64
	measured     bool
}

func aesCores() []aesCore {
	return []aesCore{
		{"AuthenticAMD", 0x17, [2]int{0x00, 0xFF}, "Zen 1/2", 2, 2, false},
		{"AuthenticAMD", 0x19, [2]int{0x00, 0x0F}, "Zen 3", 2, 4, false},
		{"AuthenticAMD", 0x19, [2]int{0x20, 0x5F}, "Zen 3", 2, 4, false},
		{"AuthenticAMD", 0x19, [2]int{0x10, 0x1F}, "Zen 4", 2, 4, false},
		{"AuthenticAMD", 0x19, [2]int{0x60, 0xAF}, "Zen 4", 2, 4, false},
		{"AuthenticAMD", 0x1A, [2]int{0x00, 0xFF}, "Zen 5", 2, 8, true},
		{"GenuineIntel", 6, [2]int{0x6A, 0x6C}, "Ice Lake (server)", 2, 4, false},
		{"GenuineIntel", 6, [2]int{0x8F, 0x8F}, "Sapphire Rapids", 2, 4, false},
		{"GenuineIntel", 6, [2]int{0xCF, 0xCF}, "Emerald Rapids", 2, 4, false},
		{"GenuineIntel", 6, [2]int{0x55, 0x55}, "Skylake/Cascade Lake (server)", 1, 1, false},
		{"", 0x41, [2]int{0xD0C, 0xD0C}, "Neoverse N1", 1, 1, false},
		{"", 0x41, [2]int{0xD40, 0xD40}, "Neoverse V1", 2, 2, false},
		{"", 0x41, [2]int{0xD4F, 0xD4F}, "Neoverse V2", 2, 4, false},
	}
}

// aesUnit looks the machine's core up. An unknown core has no limit, never a guess.
func aesUnit(m Machine) AESUnit {
	if m.Emulated {
		return AESUnit{}
	}
	vendor := m.Vendor
	if m.GOARCH == "arm64" {
		vendor = ""
	}
	for _, c := range aesCores() {
		if c.vendor == vendor && c.family == m.Family && c.models[0] <= m.Model && m.Model <= c.models[1] {
			return AESUnit{Core: c.name, Rate: c.rate, Widest: c.widest, Measured: c.measured}
		}
	}
	return AESUnit{}
}

// armName returns the name of an Arm core of the table.
func armName(implementer, part int) string {
	for _, c := range aesCores() {
		if c.vendor == "" && c.family == implementer && c.models[0] == part {
			return c.name
		}
	}
	return ""
}
