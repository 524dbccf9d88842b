package handlers

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"hash/crc32"

	qrcode "github.com/skip2/go-qrcode"
)

// qrPixels is how wide the picture of a QR code is at least.
const qrPixels = 512

// qrPNG returns the QR code of text as PNG, in black and white, with its quiet zone. The library's
// own picture has eight bits a pixel, and image/png asks for each pixel's colour: four times the work.
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

	const white = 0xFF                                                      // eight pixels
	blank := append([]byte{0}, bytes.Repeat([]byte{white}, (width+7)/8)...) // 0: the row is not filtered
	rows := bytes.Repeat(blank, margin)
	for _, line := range modules {
		row := bytes.Clone(blank)
		for x, black := range line {
			for at := margin + x*scale; black && at < margin+(x+1)*scale; at++ {
				row[1+at/8] &^= 0x80 >> (at % 8)
			}
		}
		rows = append(rows, bytes.Repeat(row, scale)...)
	}
	rows = append(rows, bytes.Repeat(blank, width-margin-scale*len(modules))...)
	return grayPNG(width, rows)
}

// grayPNG packs rows of one bit a pixel, each behind the byte that names its filter.
// https://www.w3.org/TR/png-3/
func grayPNG(width int, rows []byte) ([]byte, error) {
	var packed bytes.Buffer
	z, err := zlib.NewWriterLevel(&packed, zlib.BestSpeed)
	if err == nil {
		_, err = z.Write(rows)
		err = errors.Join(err, z.Close())
	}
	if err != nil {
		return nil, errors.New("the QR code can't be packed")
	}
	size := uint32(width)
	header := binary.BigEndian.AppendUint32(nil, size)   // width
	header = binary.BigEndian.AppendUint32(header, size) // height
	header = append(header, 1, 0, 0, 0, 0)               // one bit a pixel, gray, as all PNG packs and filters, not interlaced
	picture := append(make([]byte, 0, packed.Len()+64), "\x89PNG\r\n\x1a\n"...)
	picture = appendChunk(picture, "IHDR", header)
	picture = appendChunk(picture, "IDAT", packed.Bytes())
	return appendChunk(picture, "IEND", nil), nil
}

func appendChunk(picture []byte, kind string, data []byte) []byte {
	picture = binary.BigEndian.AppendUint32(picture, uint32(len(data)))
	from := len(picture)
	picture = append(append(picture, kind...), data...)
	return binary.BigEndian.AppendUint32(picture, crc32.ChecksumIEEE(picture[from:]))
}
