package catalog

import (
	"bytes"
	"compress/gzip"
	"encoding/gob"
	"errors"
	"fmt"
	"io"

	"esimbot/esim"
	"esimbot/providers"
)

// schema is the version of the kept catalogue that this code writes and reads.
const schema = 2

// maxKept bounds a kept catalogue, unpacked.
const maxKept = 64 << 20

// A document is a kept catalogue: gob, packed with gzip. It is what a shop that starts waits for, and
// JSON takes seven times as long to read.
type document struct {
	Schema   int
	Listings []providers.Listing
}

func encode(listings []providers.Listing) ([]byte, error) {
	var b bytes.Buffer
	packed := gzip.NewWriter(&b)
	if err := errors.Join(gob.NewEncoder(packed).Encode(document{Schema: schema, Listings: listings}), packed.Close()); err != nil {
		return nil, fmt.Errorf("pack a catalogue: %w", err)
	}
	return b.Bytes(), nil
}

// decode reads what encode wrote. Plans of another provider, or with a price that makes no sense,
// spoil the whole: our own copy has none.
func decode(data []byte, p esim.Provider) ([]providers.Listing, error) {
	unpacked, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("unpack a catalogue: %w", err)
	}
	var d document
	if err := gob.NewDecoder(io.LimitReader(unpacked, maxKept)).Decode(&d); err != nil {
		return nil, fmt.Errorf("read a kept catalogue: %w", err)
	}
	if d.Schema != schema {
		return nil, fmt.Errorf("read a kept catalogue: schema %d, not %d", d.Schema, schema)
	}
	if len(d.Listings) == 0 {
		return nil, errEmpty
	}
	for _, l := range d.Listings {
		if l.Plan.Provider != p || l.Plan.ID == "" || !plausible(l.Plan.Wholesale) {
			return nil, fmt.Errorf("read a kept catalogue: plan %q makes no sense", l.Plan.ID)
		}
	}
	return d.Listings, nil
}
