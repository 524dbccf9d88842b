package orders

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
)

// An ID names an order: ten characters of Crockford base32, random, stored without a dash and
// shown as "7KQ2M-9X4TB".
type ID string

const (
	idLength = 10
	alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)

// ErrID is returned for text that is no order id.
var ErrID = errors.New("not an order id")

// NewID draws an id from random; nil means crypto/rand.
func NewID(random io.Reader) (ID, error) {
	if random == nil {
		random = rand.Reader
	}
	var b [idLength]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("draw order id: %w", err)
	}
	for i := range b {
		b[i] = alphabet[b[i]&31]
	}
	return ID(b[:]), nil
}

// ParseID reads an id in any case, with or without dash or spaces; the letters I and L are read as
// 1 and O as 0, as Crockford's alphabet has it.
func ParseID(s string) (ID, error) {
	if len(s) > 32 {
		return "", ErrID
	}
	var id [idLength]byte
	n := 0
	for _, c := range []byte(strings.TrimSpace(s)) {
		if c == '-' || c == ' ' {
			continue
		}
		if c = canonical(c); c == 0 || n == idLength {
			return "", ErrID
		}
		id[n] = c
		n++
	}
	if n < idLength {
		return "", ErrID
	}
	return ID(id[:]), nil
}

// canonical is the character of the alphabet that c stands for; zero for none.
func canonical(c byte) byte {
	if 'a' <= c && c <= 'z' {
		c -= 'a' - 'A'
	}
	switch c {
	case 'I', 'L':
		return '1'
	case 'O':
		return '0'
	case 'U':
		return 0
	}
	if '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' {
		return c
	}
	return 0
}

// String shows the id as people read it.
func (id ID) String() string {
	if len(id) != idLength {
		return string(id)
	}
	return string(id[:5] + "-" + id[5:])
}
