package wholesale

import (
	"encoding/json"
	"net/http"

	"github.com/shopspring/decimal"
)

// Answer writes v as JSON the way a PHP server does: slashes and ampersands as they are.
func Answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // the client may be gone: nobody is left to tell
}

// Number returns d as a JSON number with all its digits, at least two decimals.
func Number(d decimal.Decimal) json.Number {
	if d.Exponent() >= -2 {
		return json.Number(d.StringFixed(2))
	}
	return json.Number(d.String())
}
