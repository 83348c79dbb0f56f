package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

func (rep *Report) writeMachine(w io.Writer) {
	for _, f := range rep.Machine.facts() {
		fmt.Fprintf(w, "%-11s %s\n", f[0], f[1])
	}
	for _, p := range rep.Paths {
		fmt.Fprintf(w, "path %-13s %s\n", p.Name, p.describe())
	}
}

// describe says what a path's process found in effect.
func (p PathReport) describe() string {
	var on, off []string
	for _, f := range p.Features {
		switch {
		case f.Effective:
			on = append(on, f.Name)
		case f.Hardware:
			off = append(off, f.Name)
		}
	}
	constant := "constant-time"
	if !p.ConstantTimeAES {
		constant = "not constant-time"
	}
	s := fmt.Sprintf("AES-GCM %s (%s), ChaCha20-Poly1305 %s; %d known answers; in effect: %s", p.GCM, constant, p.ChaCha, p.KnownAnswers, strings.Join(on, " "))
	if len(off) > 0 {
		s += "; in the hardware but off: " + strings.Join(off, " ")
	}
	return s
}

// facts are the machine's facts for people.
func (m *Machine) facts() [][2]string {
	cores := fmt.Sprintf("%d CPUs, GOMAXPROCS %d, SMT %s, governor %s, boost %s", m.CPUs, m.GOMAXPROCS, orUnknown(m.SMT), orUnknown(m.Governor), orUnknown(m.Boost))
	facts := [][2]string{
		{"host", fmt.Sprintf("%s, %s, hypervisor %s", m.Host, m.Kernel, orUnknown(m.Hypervisor))},
		{"cpu", fmt.Sprintf("%s (%s family %#x model %#x stepping %d, microcode %s)", m.CPU, m.Vendor, m.Family, m.Model, m.Stepping, orUnknown(m.Microcode))},
		{"cores", cores},
		{"caches", orUnknown(strings.Join(m.Caches, ", "))},
		{"go", fmt.Sprintf("%s %s/%s %s GODEBUG=%q", m.Go, m.GOOS, m.GOARCH, m.Level, m.GODEBUG)},
		{"load", fmt.Sprintf("%.2f before, %.2f after; steal %.1f %%", m.LoadBefore, m.LoadAfter, 100*m.StealShare)},
		{"aes limit", m.AES.describe()},
	}
	if m.Emulated {
		facts = append(facts, [2]string{"EMULATED", "the times below mean nothing"})
	}
	return facts
}

func orUnknown(s string) string { return first(s, "unknown") }

func (u AESUnit) describe() string {
	if u.Core == "" {
		return "unknown: this core is not in the table"
	}
	source := "from published tables, not checked here"
	if u.Measured {
		source = "measured"
	}
	return fmt.Sprintf("%s: 16 B × %g per cycle / 14 rounds = %.2f B/cycle with 128-bit instructions, %.2f with the widest (rates %s)",
		u.Core, u.Rate, u.Narrow(), u.Wide(), source)
}

// notes explain the columns.
func (rep *Report) notes() []string {
	cycles := "estimated from a dependent chain timed before every slot"
	if len(rep.Rows) > 0 && rep.Rows[0].Counted {
		cycles = "counted by the CPU"
	}
	list := []string{
		fmt.Sprintf("%d interleaved rounds, slots of %v, order seed %d, %v in all.", rep.Settings.Rounds, rep.Settings.Slot, rep.Settings.Seed, rep.Elapsed.Round(1e9)),
		"ns/op and GB/s (1e9 B/s): median over rounds, all cores together; best: fastest round; ±: the longer side of the median's 95 % interval; ratio: speed against the group's first row, paired by round.",
		"Core cycles: " + cycles + ".",
	}
	if slices.Contains(rep.labelValues(LabelEngine), engineBare) {
		list = append(list, "bare: the cipher called directly, with 16 bytes of associated data; the other rows seal blocks as a volume does, with 49.")
	}
	if len(rep.labelValues(LabelStage)) > 0 {
		list = append(list, "Each stage includes those before it. A plain volume is sealed like an encrypted one, under the store's key instead of a KMS key: what sealing costs is the row aead. CPU time is that of the caller alone.")
	}
	return list
}
