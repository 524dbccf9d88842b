package handlers

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"

	qrcode "github.com/skip2/go-qrcode"
)

// qrPixels is how wide the picture of a QR code is.
const qrPixels = 512

// qrPNG returns the QR code of text as PNG, in black and white, with its quiet zone. The library's
// own picture is the same one in eight bits a pixel: it takes four times as long, and more to send.
func qrPNG(text string) ([]byte, error) {
	code, err := qrcode.New(text, qrcode.Medium)
	if err != nil {
		// The library's error may quote what was to be encoded.
		return nil, errors.New("the code does not fit a QR code")
	}
	modules := code.Bitmap() // with the quiet zone
	scale := max(qrPixels/len(modules), 1)
	width := max(scale*len(modules), qrPixels)
	margin := (width - scale*len(modules)) / 2
	picture := image.NewPaletted(image.Rect(0, 0, width, width), color.Palette{color.White, color.Black})
	for y, row := range modules {
		line := picture.Pix[(margin+y*scale)*picture.Stride:]
		for x, black := range row {
			if black {
				for i := range scale {
					line[margin+x*scale+i] = 1
				}
			}
		}
		for i := 1; i < scale; i++ {
			copy(line[i*picture.Stride:(i+1)*picture.Stride], line[:picture.Stride])
		}
	}
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := encoder.Encode(&b, picture); err != nil {
		return nil, errors.New("the QR code can't be written as PNG")
	}
	return b.Bytes(), nil
}
