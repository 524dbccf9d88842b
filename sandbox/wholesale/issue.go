package wholesale

import (
	"crypto/sha256"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// An Issuer makes the numbers and codes of one order or eSIM. They look random, are the same in
// every run with the same seed, and differ from those of any other N.
type Issuer struct {
	Seed  uint64
	House string
	N     int // 1 and up
}

// letters has no I, O, 0 or 1; its 32 characters take five bits each.
const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"

// Text returns length (at most 32) capital letters and digits for the purpose kind.
func (i Issuer) Text(kind string, length int) string {
	var b strings.Builder
	for _, c := range i.sum(kind)[:length] {
		b.WriteByte(letters[c&31])
	}
	return b.String()
}

// Digits returns length (at most 32) decimal digits for the purpose kind.
func (i Issuer) Digits(kind string, length int) string {
	var b strings.Builder
	for _, c := range i.sum(kind)[:length] {
		b.WriteByte('0' + c%10)
	}
	return b.String()
}

func (i Issuer) sum(kind string) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d|%s|%d|%s", i.Seed, i.House, i.N, kind))
	return sum[:]
}

// iccid returns an ICCID of that many digits, its last one the Luhn check digit. The middle is
// N scattered by a multiplier that has no factor in common with ten: no two N share one.
func (i Issuer) iccid(prefix string, digits int) string {
	width := digits - len(prefix) - 1
	space := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(width)), nil)
	start := new(big.Int).SetBytes(Issuer{Seed: i.Seed, House: i.House}.sum("iccid"))
	serial := big.NewInt(int64(i.N))
	serial.Mul(serial, big.NewInt(61_803_398_874_989))
	serial.Add(serial, start).Mod(serial, space)
	body := fmt.Sprintf("%s%0*s", prefix, width, serial)
	return body + strconv.Itoa(checkDigit(body))
}

// checkDigit returns the digit that makes body followed by it pass the Luhn check.
func checkDigit(body string) int {
	sum := 0
	for i := range len(body) {
		d := int(body[len(body)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return (10 - sum%10) % 10
}
