package bench

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// chromiumLimit bounds one screenshot.
const chromiumLimit = time.Minute

// screenshot renders a page in headless Chromium, in the light or the dark scheme.
func screenshot(t *testing.T, page string, dark bool) image.Image {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), chromiumLimit)
	defer cancel()
	shot := filepath.Join(t.TempDir(), "shot.png")
	args := []string{
		"--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
		"--user-data-dir=" + t.TempDir(), "--window-size=1200,2400", "--virtual-time-budget=2000", "--screenshot=" + shot,
	}
	if dark {
		args = append(args, "--blink-settings=preferredColorScheme=0")
	} else {
		args = append(args, "--blink-settings=preferredColorScheme=1")
	}
	run := exec.CommandContext(ctx, "chromium", append(args, "file://"+page)...)
	run.WaitDelay = time.Second
	out, err := run.CombinedOutput()
	require.NoError(t, err, "%s\n`sh internal/testkit/install-tools.sh test` installs chromium", out)
	b, err := os.ReadFile(shot)
	require.NoError(t, err)
	img, err := png.Decode(bytes.NewReader(b))
	require.NoError(t, err)
	return img
}

// shown counts the pixels of a color, give or take what antialiasing does.
func shown(img image.Image, want color.RGBA) (n int) {
	near := func(a uint32, b uint8) bool { d := int(a>>8) - int(b); return d > -10 && d < 10 }
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x++ {
			if r, g, b, _ := img.At(x, y).RGBA(); near(r, want.R) && near(g, want.G) && near(b, want.B) {
				n++
			}
		}
	}
	return n
}

func rgb(hex uint32) color.RGBA {
	return color.RGBA{uint8(hex >> 16), uint8(hex >> 8), uint8(hex), 255}
}

// TestScreenshot looks at the page as a browser shows it: on the scheme's background there is text, and every plot has its lines in
// the scheme's colors. The colors are those of page.css.
func TestScreenshot(t *testing.T) {
	if raceEnabled {
		return // the browser is what is tested, and the page is the same
	}
	rep := screenshotReport()
	page := filepath.Join(t.TempDir(), "page.html")
	var b bytes.Buffer
	require.NoError(t, WriteHTML(&b, []*Report{rep}, false))
	require.NoError(t, os.WriteFile(page, b.Bytes(), 0o600))
	for _, scheme := range []struct {
		dark                             bool
		back, text, panel, first, second uint32
	}{
		{false, 0xffffff, 0x1b1f24, 0xf6f7f9, 0x0b62c4, 0xc2410c},
		{true, 0x14171b, 0xe6e9ed, 0x1c2127, 0x6cb0ff, 0xfd9a5b},
	} {
		img := screenshot(t, page, scheme.dark)
		name := fmt.Sprintf("dark: %v", scheme.dark)
		pixels := img.Bounds().Dx() * img.Bounds().Dy()
		require.Greater(t, shown(img, rgb(scheme.back)), pixels/4, name)
		require.Greater(t, shown(img, rgb(scheme.text)), 2000, "%s: text", name)
		require.Greater(t, shown(img, rgb(scheme.panel)), pixels/50, "%s: the background of plots", name)
		require.Greater(t, shown(img, rgb(scheme.first)), 200, "%s: the first line", name)
		require.Greater(t, shown(img, rgb(scheme.second)), 200, "%s: the second line", name)
	}
}

// screenshotReport is a report with lines by size.
func screenshotReport() *Report {
	rep := &Report{Format: reportFormat, Kind: "aead", Started: time.Unix(1_700_000_000, 0).UTC(), Settings: Settings{MinRounds, DefaultSlot, 1}, Machine: Machine{Host: "lab", CPU: "a CPU", CPUs: 2, GOARCH: "amd64"}}
	for size := 512; size <= 1<<20; size *= 2 {
		for k, path := range []string{pathDefault, "generic"} {
			row := Row{
				Group: fmt.Sprintf("AES-256-GCM/seal/out/%d", size), Variant: path, Path: path, Bytes: int64(size), Cores: 1, Ops: 100,
				Labels: map[string]string{LabelSuite: "AES-256-GCM", LabelOp: opSeal, LabelPlace: placeOut, LabelSize: fmt.Sprint(size), LabelCores: "1", LabelEngine: engineOurs},
			}
			for round := range MinRounds {
				ns := float64(size) / 4 * float64(1+9*k) * (1 + float64(round)/1000)
				row.Wall, row.CPU, row.Cycles, row.GHz = append(row.Wall, ns), append(row.CPU, ns), append(row.Cycles, ns*3), append(row.GHz, 3)
			}
			rep.Rows = append(rep.Rows, row)
		}
	}
	return rep
}
