package providers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"esimbot/esim"
)

// Bounds of a provider's QR image.
const (
	qrTimeout = 5 * time.Second
	qrBytes   = 1 << 20
	qrSide    = 2048 // pixels: a small file can unfold to gigabytes
)

// ErrImage is returned for an image that was not fetched or is none.
var ErrImage = errors.New("QR image")

// A QRFetcher fetches the QR images that a provider keeps at addresses of its choosing. Such an
// address comes from outside and must not lead into the shop's own network, so the fetch goes to
// public addresses only. They are checked when dialling, after the name was resolved, so a name
// that resolves differently the second time gains nothing.
type QRFetcher struct {
	client       *http.Client
	allowPrivate bool
}

// NewQRFetcher returns a fetcher. With allowPrivate it goes to any address, over plain HTTP too:
// for the sandbox, which is on this machine.
func NewQRFetcher(allowPrivate bool) *QRFetcher {
	dialer := &net.Dialer{Timeout: qrTimeout}
	if !allowPrivate {
		dialer.Control = dialPublic
	}
	return &QRFetcher{
		allowPrivate: allowPrivate,
		client: &http.Client{
			Timeout:       qrTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{ // no proxy: it would be the one to resolve the name
				DialContext:            dialer.DialContext,
				TLSHandshakeTimeout:    qrTimeout,
				DisableKeepAlives:      true,
				MaxResponseHeaderBytes: 64 << 10,
			},
		},
	}
}

// Fetch returns the activation code in the image at address, or, where the image says something
// else, the image itself (PNG or JPEG, at most 1 MiB). Its error is ErrImage and never holds the
// address, which may be as secret as the code.
func (q *QRFetcher) Fetch(ctx context.Context, address string) (esim.ActivationCode, []byte, error) {
	picture, err := q.download(ctx, address)
	if err != nil {
		return esim.ActivationCode{}, nil, err
	}
	img, err := decodeImage(picture)
	if err != nil {
		return esim.ActivationCode{}, nil, err
	}
	if code, err := esim.ParseActivationCode(readQR(img)); err == nil {
		return code, nil, nil
	}
	return esim.ActivationCode{}, picture, nil
}

func (q *QRFetcher) download(ctx context.Context, address string) ([]byte, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil || len(address) > 2048:
		return nil, fmt.Errorf("%w: no usable address", ErrImage)
	case u.Scheme != "https" && (u.Scheme != "http" || !q.allowPrivate):
		return nil, fmt.Errorf("%w: address is not https", ErrImage)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: no usable address", ErrImage)
	}
	req.Header.Set("Accept", "image/png, image/jpeg")
	resp, err := q.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: not fetched: %w", ErrImage, withoutAddress(err))
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: HTTP %d", ErrImage, resp.StatusCode)
	}
	picture, err := readBody(resp.Body, qrBytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrImage, err)
	}
	return picture, nil
}

// withoutAddress keeps what kind of failure it was and drops names and addresses.
func withoutAddress(err error) error {
	for _, known := range []error{errNotPublic, context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, known) {
			return known
		}
	}
	return errors.New("no connection or no answer")
}

// decodeImage reads a PNG or JPEG, told apart by its first bytes.
func decodeImage(picture []byte) (image.Image, error) {
	read, measure := jpeg.Decode, jpeg.DecodeConfig
	switch {
	case bytes.HasPrefix(picture, []byte("\x89PNG\r\n\x1a\n")):
		read, measure = png.Decode, png.DecodeConfig
	case !bytes.HasPrefix(picture, []byte("\xff\xd8\xff")):
		return nil, fmt.Errorf("%w: neither PNG nor JPEG", ErrImage)
	}
	size, err := measure(bytes.NewReader(picture))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrImage, err)
	}
	if size.Width > qrSide || size.Height > qrSide || size.Width < 1 || size.Height < 1 {
		return nil, fmt.Errorf("%w: %d×%d pixels", ErrImage, size.Width, size.Height)
	}
	img, err := read(bytes.NewReader(picture))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrImage, err)
	}
	return img, nil
}

// readQR returns the text of the QR code in img, "" if there is none. A panic of the reader, which
// is fed by strangers here, counts as none.
func readQR(img image.Image) (text string) {
	defer func() {
		if recover() != nil {
			text = ""
		}
	}()
	// The detector misses a few clean pictures in a thousand, which the reader of pure codes takes.
	for _, hint := range []gozxing.DecodeHintType{gozxing.DecodeHintType_TRY_HARDER, gozxing.DecodeHintType_PURE_BARCODE} {
		bitmap, err := gozxing.NewBinaryBitmapFromImage(img)
		if err != nil {
			return ""
		}
		if result, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{hint: true}); err == nil {
			return result.GetText()
		}
	}
	return ""
}

var errNotPublic = errors.New("address is not public")

// dialPublic is a net.Dialer's Control: it sees the address that is about to be dialled.
func dialPublic(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !isPublic(ap.Addr()) {
		return errNotPublic
	}
	return nil
}

// isPublic says whether a is a host on the public internet, by IANA's special-purpose registries.
// Addresses that carry an IPv4 address inside (6to4, Teredo, NAT64) are refused whole.
func isPublic(a netip.Addr) bool {
	a = a.Unmap()
	if a.Zone() != "" || !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	if a.Is6() && !netip.MustParsePrefix("2000::/3").Contains(a) {
		return false
	}
	for _, special := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
		"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
	} {
		if netip.MustParsePrefix(special).Contains(a) {
			return false
		}
	}
	return true
}
