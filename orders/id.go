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
	clean := strings.NewReplacer("-", "", " ", "", "I", "1", "L", "1", "O", "0").Replace(strings.ToUpper(strings.TrimSpace(s)))
	if len(clean) != idLength {
		return "", ErrID
	}
	for _, r := range clean {
		if !strings.ContainsRune(alphabet, r) {
			return "", ErrID
		}
	}
	return ID(clean), nil
}

// String shows the id as people read it.
func (id ID) String() string {
	if len(id) != idLength {
		return string(id)
	}
	return string(id[:5] + "-" + id[5:])
}
