package handlers

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"math"
	"strconv"
	"time"

	"github.com/shopspring/decimal"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"esimbot/flows"
)

const (
	chartWidth  = 800 // pixels
	chartHeight = 420
	// chartMargin is about what the numbers beside the bars take of the width.
	chartMargin = 110
	// chartDates is how many dates have room below the bars, in letters that a phone's owner can read.
	chartDates   = 4
	chartLetters = 15  // points
	maxChart     = 400 // days
)

var errChart = errors.New("draw chart: figures and days don't match")

// chartPNG draws c as a PNG: bars up and down from zero, with nothing but digits and ISO dates
// beside them.
func chartPNG(c *flows.Chart) ([]byte, error) {
	n := len(c.Days)
	if n == 0 || n > maxChart || len(c.Up) != n || len(c.Down) != n {
		return nil, errChart
	}
	p := plot.New()
	p.BackgroundColor = color.White
	p.X.Tick.Marker = plot.ConstantTicks(dateTicks(c.Days))
	p.X.Padding, p.Y.Padding = 0, 0
	p.Y.Tick.Marker = digitTicks{}
	for _, letters := range []*font.Font{&p.X.Tick.Label.Font, &p.Y.Tick.Label.Font} {
		letters.Size, letters.Variant = chartLetters, "Sans"
	}
	p.Add(horizontalGrid())
	low, high := 0.0, 0.0
	for _, bars := range []struct {
		of    []decimal.Decimal
		sign  float64
		paint color.Color
	}{{c.Up, 1, color.RGBA{R: 0x2a, G: 0x7d, B: 0xe1, A: 0xff}}, {c.Down, -1, color.RGBA{R: 0xd6, G: 0x45, B: 0x41, A: 0xff}}} {
		values := make(plotter.Values, n)
		for i, d := range bars.of {
			values[i] = bars.sign * d.InexactFloat64() // for the eye: nothing is reckoned with it
			low, high = min(low, values[i]), max(high, values[i])
		}
		chart, err := plotter.NewBarChart(values, vg.Length(float64(chartWidth-chartMargin)/float64(n)*0.7)*vg.Inch/96)
		if err != nil {
			return nil, fmt.Errorf("draw chart: %w", err)
		}
		chart.Color, chart.LineStyle.Width = bars.paint, 0
		p.Add(chart)
	}
	if low == high {
		high = 1
	}
	room := (high - low) * 0.05
	p.X.Min, p.X.Max, p.Y.Max, p.Y.Min = -0.6, float64(n)-0.4, high+room, low
	if low < 0 {
		p.Y.Min = low - room
	}
	canvas := vgimg.NewWith(vgimg.UseWH(chartWidth*vg.Inch/96, chartHeight*vg.Inch/96), vgimg.UseDPI(96))
	p.Draw(draw.Crop(draw.New(canvas), vg.Points(10), -vg.Points(30), vg.Points(6), -vg.Points(8)))
	var png bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(&png); err != nil {
		return nil, fmt.Errorf("draw chart: %w", err)
	}
	return png.Bytes(), nil
}

func horizontalGrid() *plotter.Grid {
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	grid.Vertical.Color = nil
	grid.Horizontal.Color = color.Gray{Y: 0xdd}
	return grid
}

// dateTicks writes as many dates as there is room for, the last day's among them.
func dateTicks(days []time.Time) []plot.Tick {
	step := (len(days) + chartDates - 1) / chartDates
	var ticks []plot.Tick
	for i := len(days) - 1; i >= 0; i -= step {
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: days[i].UTC().Format(time.DateOnly)})
	}
	return ticks
}

// digitTicks marks round numbers and writes them in digits, never as "1e+06".
type digitTicks struct{}

// Ticks returns about five marks between low and high; zero is one of them where it lies between.
func (digitTicks) Ticks(low, high float64) []plot.Tick {
	span := high - low
	if !(span > 0) || math.IsInf(span, 0) {
		return nil
	}
	step := math.Pow(10, math.Floor(math.Log10(span/4)))
	for _, by := range []float64{5, 2} {
		if span/(step*by) >= 4 {
			step *= by
			break
		}
	}
	var ticks []plot.Tick
	places := max(0, int(-math.Floor(math.Log10(step))))
	for i := int(math.Ceil(low / step)); float64(i)*step <= high; i++ {
		at := float64(i) * step
		ticks = append(ticks, plot.Tick{Value: at, Label: strconv.FormatFloat(at, 'f', places, 64)})
	}
	return ticks
}
