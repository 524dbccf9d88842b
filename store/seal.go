package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// sealVersion opens every sealed text and says how the rest is to be read.
const sealVersion = "v1"

// Errors of a Sealer. They never quote what is sealed.
var (
	// ErrSealKey says that the text was sealed with a key that this program wasn't given.
	ErrSealKey = errors.New("sealed with an unknown key")
	// ErrSeal says that the text was changed, or belongs to another document.
	ErrSeal = errors.New("sealed text can't be opened")
)

// A Sealer encrypts what must not be readable in Redis: activation codes, the providers' QR
// images, phone numbers. It uses AES-256-GCM and binds each text to the document that holds it,
// so that one customer's code can't be moved into another's order.
//
// A sealed text reads "v1.<key id>.<base64 of nonce and ciphertext>".
type Sealer struct {
	first string
	keys  map[string]cipher.AEAD
}

// NewSealer takes keys of 32 bytes each: the first seals, all open.
func NewSealer(keys [][]byte) (*Sealer, error) {
	if len(keys) == 0 {
		return nil, errors.New("no key to seal with")
	}
	s := &Sealer{keys: map[string]cipher.AEAD{}}
	for i, key := range keys {
		if len(key) != 32 {
			return nil, fmt.Errorf("key %d has %d bytes, not 32", i+1, len(key))
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		id := keyID(key)
		if i == 0 {
			s.first = id
		}
		s.keys[id] = aead
	}
	return s, nil
}

// keyID tells keys apart without telling anything of them.
func keyID(key []byte) string {
	sum := sha256.Sum256(append([]byte("esimbot key id\x00"), key...))
	return hex.EncodeToString(sum[:4])
}

// Seal encrypts plain for the document named by owner, such as "order:7KQ2M9X4TB".
func (s *Sealer) Seal(plain []byte, owner string) (string, error) {
	aead := s.keys[s.first]
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	if _, err := rand.Read(nonce); err != nil {
		return "", fmt.Errorf("draw nonce: %w", err)
	}
	box := aead.Seal(nonce, nonce, plain, []byte(owner))
	return sealVersion + "." + s.first + "." + base64.RawStdEncoding.EncodeToString(box), nil
}

// Open decrypts what Seal made for the same owner; ErrSealKey, ErrSeal.
func (s *Sealer) Open(sealed, owner string) ([]byte, error) {
	version, rest, _ := strings.Cut(sealed, ".")
	id, text, ok := strings.Cut(rest, ".")
	if !ok || version != sealVersion {
		return nil, ErrSeal
	}
	aead := s.keys[id]
	if aead == nil {
		return nil, fmt.Errorf("%w %s", ErrSealKey, strings.ToValidUTF8(id[:min(len(id), 8)], "?"))
	}
	box, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(box) < aead.NonceSize() {
		return nil, ErrSeal
	}
	plain, err := aead.Open(nil, box[:aead.NonceSize()], box[aead.NonceSize():], []byte(owner))
	if err != nil {
		return nil, ErrSeal
	}
	return plain, nil
}
