package esim

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
)

// An ActivationCode is what a phone needs to download a profile (GSMA SGP.22 §4.1):
// "LPA:1$<SM-DP+ address>$<matching id>", with optional later fields. Whoever holds it can install
// the eSIM, so it prints as *** and must be asked for its text.
type ActivationCode struct{ lpa string }

// ErrActivationCode is returned for text that is no activation code. It never quotes the text.
var ErrActivationCode = errors.New("not an activation code")

var (
	smdpAddress = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?)+$`)
	matchingID  = regexp.MustCompile(`^[A-Za-z0-9-]{1,128}$`)
	laterField  = regexp.MustCompile(`^[A-Za-z0-9.-]{0,64}$`)
)

// maxFields bounds a code's fields: SGP.22 has five up to its version 2 and seven in version 3, and
// what a newer one adds is no reason to lose an eSIM that is paid for.
const maxFields = 8

// ParseActivationCode checks s, in which "LPA:" may be written in any case. Later fields (the
// SM-DP+'s object id, the confirmation code flag) are checked for their alphabet and passed through.
func ParseActivationCode(s string) (ActivationCode, error) {
	s = strings.TrimSpace(s)
	if len(s) > 512 || len(s) < 6 || !strings.EqualFold(s[:4], "LPA:") {
		return ActivationCode{}, ErrActivationCode
	}
	fields := strings.Split(s[4:], "$")
	switch {
	case len(fields) < 3 || len(fields) > maxFields || fields[0] != "1":
		return ActivationCode{}, fmt.Errorf("%w: fields", ErrActivationCode)
	case len(fields[1]) > 253 || !smdpAddress.MatchString(fields[1]):
		return ActivationCode{}, fmt.Errorf("%w: SM-DP+ address", ErrActivationCode)
	case !matchingID.MatchString(fields[2]):
		return ActivationCode{}, fmt.Errorf("%w: matching id", ErrActivationCode)
	}
	for _, f := range fields[3:] {
		if !laterField.MatchString(f) {
			return ActivationCode{}, fmt.Errorf("%w: later fields", ErrActivationCode)
		}
	}
	return ActivationCode{lpa: "LPA:" + s[4:]}, nil
}

// Reveal returns the whole "LPA:1$…" text: for the QR code, the buyer's caption and encryption.
func (c ActivationCode) Reveal() string { return c.lpa }

// IsZero says whether there is no code.
func (c ActivationCode) IsZero() bool { return c.lpa == "" }

// Address returns the SM-DP+ address, which iPhones ask for by itself.
func (c ActivationCode) Address() string { return c.field(1) }

// MatchingID returns the code that belongs with the address.
func (c ActivationCode) MatchingID() string { return c.field(2) }

func (c ActivationCode) field(n int) string {
	fields := strings.Split(c.lpa, "$")
	if n >= len(fields) {
		return ""
	}
	return fields[n]
}

// AppleInstallURL is the universal link that installs the profile on an iPhone with iOS 17.4 or later.
func (c ActivationCode) AppleInstallURL() string {
	return "https://esimsetup.apple.com/esim_qrcode_provisioning?carddata=" + url.QueryEscape(c.lpa)
}

// AndroidInstallURL is the link that installs the profile on an Android phone.
func (c ActivationCode) AndroidInstallURL() string {
	return "https://esimsetup.android.com/esim_qrcode_provisioning?carddata=" + url.QueryEscape(c.lpa)
}

// String hides the code.
func (c ActivationCode) String() string { return "***" }

// GoString hides the code from %#v.
func (c ActivationCode) GoString() string { return "***" }

// LogValue hides the code from logs.
func (c ActivationCode) LogValue() slog.Value { return slog.StringValue("***") }

// MarshalJSON refuses: a code is stored sealed, by the store, or not at all.
func (c ActivationCode) MarshalJSON() ([]byte, error) {
	return nil, errors.New("an activation code is never stored in the clear")
}
