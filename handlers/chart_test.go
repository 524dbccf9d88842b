package handlers

import (
	"bytes"
	"errors"
	"image/color"
	"image/png"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/flows"
)

func someChart(n int, up, down int64) *flows.Chart {
	c := &flows.Chart{}
	for i := range n {
		c.Days = append(c.Days, time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i-n+1))
		c.Up = append(c.Up, decimal.New(up*int64(i%7), -2))
		c.Down = append(c.Down, decimal.New(down*int64(i%3), -2))
	}
	return c
}

// near says whether two colours are alike to the eye.
func near(a color.Color, r, g, b uint32) bool {
	x, y, z, _ := a.RGBA()
	far := func(p, q uint32) bool { return max(p>>8, q)-min(p>>8, q) > 24 }
	return !far(x, r) && !far(y, g) && !far(z, b)
}

// TestChart draws charts of every length and looks for their bars: blue above, red below.
func TestChart(t *testing.T) {
	for _, n := range []int{1, 7, 30, 90} {
		drawn, err := chartPNG(someChart(n+6, 123456, 4000)) // so that each has bars
		if err != nil {
			t.Fatal(err)
		}
		if path := os.Getenv("CHART_OUT"); path != "" {
			if err := os.WriteFile(path+time.Duration(n).String()+".png", drawn, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		img, err := png.Decode(bytes.NewReader(drawn))
		if err != nil {
			t.Fatal(err)
		}
		if len(drawn) > 200<<10 || img.Bounds().Dx() != chartWidth || img.Bounds().Dy() != chartHeight {
			t.Errorf("%d days: %d bytes, %v", n, len(drawn), img.Bounds())
		}
		blue, red := 0, 0
		for y := range chartHeight {
			for x := range chartWidth {
				switch at := img.At(x, y); {
				case near(at, 0x2a, 0x7d, 0xe1):
					blue++
				case near(at, 0xd6, 0x45, 0x41):
					red++
				}
			}
		}
		if blue < 1000 || red < 20 {
			t.Errorf("%d days: %d blue pixels, %d red", n, blue, red)
		}
	}
}

func TestChartOfNothing(t *testing.T) {
	if _, err := chartPNG(someChart(7, 0, 0)); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]*flows.Chart{"empty": {}, "uneven": {Days: make([]time.Time, 2), Up: make([]decimal.Decimal, 2)}, "endless": someChart(401, 1, 1)} {
		if _, err := chartPNG(c); !errors.Is(err, errChart) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestChartTicks: digits only, zero among them, and not more than fit.
func TestChartTicks(t *testing.T) {
	for _, c := range [][2]float64{{0, 1}, {-3, 12}, {0, 1.5e9}, {-0.004, 0.03}, {0, 7777}, {5, 5}} {
		ticks := digitTicks{}.Ticks(c[0], c[1])
		zero := false
		for _, tick := range ticks {
			zero = zero || tick.Value == 0
			if strings.Trim(tick.Label, "-.0123456789") != "" || tick.Label == "-0" {
				t.Errorf("%v: %q", c, tick.Label)
			}
		}
		if c[0] < c[1] && (!zero || len(ticks) < 4 || len(ticks) > 12) {
			t.Errorf("%v: %v", c, ticks)
		}
	}
	labels := dateTicks(someChart(90, 1, 1).Days)
	if len(labels) > chartDates || labels[0].Label != "2026-11-22" {
		t.Errorf("%v", labels)
	}
}

// TestPictureOfChart: a chart is sent as a picture.
func TestPictureOfChart(t *testing.T) {
	image, err := picture(&flows.Photo{Chart: someChart(7, 100, 10)})
	if err != nil || !bytes.HasPrefix(image, []byte("\x89PNG")) {
		t.Errorf("%d bytes, %v", len(image), err)
	}
}

func BenchmarkChart(b *testing.B) {
	c := someChart(90, 123456, 4000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := chartPNG(c); err != nil {
			b.Fatal(err)
		}
	}
}
