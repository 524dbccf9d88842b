package esim

import (
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"unicode"
)

// An ICCID is the serial number of an eSIM profile: 18 to 20 digits starting with 89, the last a
// Luhn check digit (ITU-T E.118). Printed, it keeps its last four digits only.
type ICCID string

// Why text is no ICCID.
var (
	ErrICCIDLength = errors.New("an ICCID has 18 to 20 digits")
	ErrICCIDDigits = errors.New("an ICCID is digits only")
	ErrICCIDPrefix = errors.New("an ICCID starts with 89")
	ErrICCIDLuhn   = errors.New("the check digit of the ICCID is wrong")
)

// ParseICCID reads an ICCID in any spacing, dashes included, with digits of any script, also as it is
// copied from a phone or a card: behind its name, or with the F that fills 19 digits up to ten bytes.
// The error is one of ErrICCIDLength, ErrICCIDDigits, ErrICCIDPrefix, ErrICCIDLuhn.
func ParseICCID(s string) (ICCID, error) {
	digits, err := squeezeDigits(s)
	switch {
	case err != nil:
		return "", err
	case len(digits) < 18 || len(digits) > 20:
		return "", ErrICCIDLength
	case !strings.HasPrefix(digits, "89"):
		return "", ErrICCIDPrefix
	case !Luhn(digits):
		return "", ErrICCIDLuhn
	}
	return ICCID(digits), nil
}

// LooksLikeICCID says whether s is 18 to 20 digits in any spacing, right or wrong: what a person
// meant as an ICCID.
func LooksLikeICCID(s string) bool {
	digits, err := squeezeDigits(s)
	return err == nil && len(digits) >= 18 && len(digits) <= 20
}

// Digits returns the whole number: for providers and the customer it belongs to, never for a log.
func (i ICCID) Digits() string { return string(i) }

// String shows the last four digits only.
func (i ICCID) String() string {
	if len(i) < 4 {
		return strings.Repeat("*", len(i))
	}
	return "…" + string(i[len(i)-4:])
}

// GoString shows no more in %#v.
func (i ICCID) GoString() string { return i.String() }

// LogValue keeps the number out of logs but for its last four digits.
func (i ICCID) LogValue() slog.Value { return slog.StringValue(i.String()) }

// named is an ICCID's name before it: "ICCID: 89…".
var named = regexp.MustCompile(`^\s*(?i:ICC-?ID)\s*[:#=]?`)

func squeezeDigits(s string) (string, error) {
	s = s[len(named.FindString(s)):]
	var b strings.Builder
	for i, r := range s {
		switch {
		case (r == 'F' || r == 'f') && b.Len() == 19 && strings.TrimSpace(s[i+1:]) == "":
		case unicode.IsSpace(r) || r == '-' || unicode.Is(unicode.Cf, r):
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case unicode.IsDigit(r):
			b.WriteByte('0' + byte(digitValue(r)))
		default:
			return "", ErrICCIDDigits
		}
		if b.Len() > 20 {
			return "", ErrICCIDLength
		}
	}
	return b.String(), nil
}

// digitValue uses that Unicode lays the digits of every script out in runs of ten from zero up.
func digitValue(r rune) int {
	n := 0
	for unicode.IsDigit(r-1) && n < 9 {
		r--
		n++
	}
	return n
}

// Luhn checks the last digit of a number as ISO/IEC 7812-1 has it, for ICCIDs and payment cards: most
// other numbers fail. digits are 0–9 only.
func Luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
