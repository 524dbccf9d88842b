package cloudesim

import (
	"net/http"
	"strings"

	"github.com/skip2/go-qrcode"
)

// qrKey names an eSIM's QR image. It can't be guessed from the ICCID or the order number.
func qrKey(e *ESIM) string { return strings.ToLower(e.Issuer.Text("qr", 24)) }

func (s *Server) qrURL(r *http.Request, e ESIM) string {
	base := s.baseURL
	if base == "" {
		base = "http://" + r.Host
		if r.TLS != nil {
			base = "https://" + r.Host
		}
	}
	return strings.TrimSuffix(base, "/") + "/qr/" + qrKey(&e) + ".png"
}

// serveQR serves a PNG of the activation code: whoever has the address may see it, as with the
// real server, whose images are opened by customers.
func (s *Server) serveQR(w http.ResponseWriter, r *http.Request) {
	key, isPNG := strings.CutSuffix(r.PathValue("name"), ".png")
	found := s.Find(func(e *ESIM) bool { return isPNG && qrKey(e) == key })
	if len(found) == 0 {
		http.NotFound(w, r)
		return
	}
	png, err := qrcode.Encode(found[0].ActivationCode, qrcode.Medium, 320)
	if err != nil {
		http.Error(w, "no image", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	_, _ = w.Write(png) // the client may be gone: nobody is left to tell
}
