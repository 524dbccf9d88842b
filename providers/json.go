package providers

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// The types here read single values of a provider's JSON. A value of the wrong kind is taken as
// not told rather than failing the whole answer: a purchase that succeeded is not in doubt because
// its expiry date is a number. Who needs a value checks that it was told.

// Unmarshal reads exactly one JSON value. Its error is ErrMalformed and quotes no values.
func Unmarshal(body []byte, into any) error {
	err := json.Unmarshal(body, into)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax):
		return Malformed("JSON broken off or mistyped")
	case errors.As(err, &kind):
		return Malformed("field " + Clean(kind.Field, 60) + " is of another kind")
	default:
		return malformed(err)
	}
}

// Malformed returns an ErrMalformed that says what is wrong. The text must not quote the answer.
func Malformed(what string) error { return malformed(errors.New(what)) }

// A Number is a JSON number, or a string that holds one ("8.12000000"), read exactly.
type Number struct {
	value decimal.Decimal
	told  bool
}

// plainNumber bounds what is taken for a number: an exponent could ask for gigabytes of digits.
var plainNumber = regexp.MustCompile(`^-?[0-9]{1,19}(\.[0-9]{1,20})?$`)

// UnmarshalJSON reads a number; anything else is not told.
func (n *Number) UnmarshalJSON(b []byte) error {
	*n = Number{}
	s := string(bytes.Trim(b, `"`))
	if !plainNumber.MatchString(s) {
		return nil
	}
	d, err := decimal.NewFromString(s)
	if err != nil {
		return nil //nolint:nilerr // not told: see above
	}
	*n = Number{value: d, told: true}
	return nil
}

// Decimal returns the number and whether it was told.
func (n Number) Decimal() (decimal.Decimal, bool) { return n.value, n.told }

// Int returns a whole number that fits 64 bits, and whether it was told as one.
func (n Number) Int() (int64, bool) {
	if !n.told || !n.value.IsInteger() || !n.value.BigInt().IsInt64() {
		return 0, false
	}
	return n.value.IntPart(), true
}

// Between returns a whole number, and whether it was told and is within low and high.
func (n Number) Between(low, high int64) (int64, bool) {
	i, ok := n.Int()
	if !ok || i < low || i > high {
		return 0, false
	}
	return i, true
}

// Text is a JSON string, or a number as it is written. Anything else is "".
type Text string

// UnmarshalJSON reads a string or number; anything else is not told.
func (t *Text) UnmarshalJSON(b []byte) error {
	*t = ""
	if len(b) > 0 && (b[0] == '-' || b[0] >= '0' && b[0] <= '9') {
		*t = Text(b)
		return nil
	}
	var s string
	if json.Unmarshal(b, &s) == nil {
		*t = Text(s)
	}
	return nil
}

// Clean returns the text on one line, without invisible characters, cut at limit runes.
func (t Text) Clean(limit int) string { return Clean(string(t), limit) }

// Clean puts s on one line, drops invisible and broken characters, and cuts it at limit runes.
func Clean(s string, limit int) string {
	if most := 8 * limit; len(s) > most { // enough for limit runes and some to drop
		s = s[:most]
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError || !unicode.IsPrint(r):
			return -1
		default:
			return r
		}
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	runes := []rune(s)
	if len(runes) > limit {
		return string(runes[:limit])
	}
	return s
}

// A Flag is a JSON boolean, or a string or number that says one.
type Flag struct{ Yes, No bool }

// UnmarshalJSON reads a flag; anything else is neither yes nor no.
func (f *Flag) UnmarshalJSON(b []byte) error {
	switch strings.ToLower(string(bytes.Trim(b, `"`))) {
	case "true", "1":
		*f = Flag{Yes: true}
	case "false", "0":
		*f = Flag{No: true}
	default:
		*f = Flag{}
	}
	return nil
}

// Messages is what a provider tells people: a string, a list of strings, or an object of lists of
// strings, joined with "; ".
type Messages string

// UnmarshalJSON reads messages of any of the forms; anything else is "".
func (m *Messages) UnmarshalJSON(b []byte) error {
	var one Text
	var list []Text
	var object map[string]json.RawMessage
	*m = ""
	switch {
	case json.Unmarshal(b, &list) == nil && list != nil:
		*m = join(list)
	case json.Unmarshal(b, &object) == nil && object != nil:
		*m = joinObject(object)
	case json.Unmarshal(b, &one) == nil:
		*m = Messages(one)
	}
	return nil
}

func join(list []Text) Messages {
	parts := make([]string, 0, len(list))
	for _, t := range list {
		if t != "" {
			parts = append(parts, string(t))
		}
	}
	return Messages(strings.Join(parts, "; "))
}

func joinObject(object map[string]json.RawMessage) Messages {
	var all []Text
	for _, key := range slices.Sorted(maps.Keys(object)) {
		var list []Text
		if json.Unmarshal(object[key], &list) != nil {
			var one Text
			_ = one.UnmarshalJSON(object[key]) // never fails: what is no text is ""
			list = []Text{one}
		}
		all = append(all, list...)
	}
	return join(all)
}

// ParseTime reads a provider's timestamp, or a date, which means the end of that day, UTC. It
// returns the zero time when s is neither, or outside the years 2000 to 2199.
func ParseTime(t Text) time.Time {
	s := t.Clean(40)
	if day, err := time.Parse(time.DateOnly, s); err == nil {
		return sensible(day.AddDate(0, 0, 1).Add(-time.Second))
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", "2006-01-02 15:04:05Z0700", time.DateTime} {
		if at, err := time.Parse(layout, s); err == nil {
			return sensible(at.UTC())
		}
	}
	return time.Time{}
}

func sensible(t time.Time) time.Time {
	if t.Year() < 2000 || t.Year() > 2199 {
		return time.Time{}
	}
	return t
}
