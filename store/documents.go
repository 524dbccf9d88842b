package store

import (
	"encoding/json"
	"fmt"
	"time"

	"esimbot/esim"
	"esimbot/orders"
)

// An orderDocument is an order as Redis keeps it: what was bought stands beside the order's own
// fields, with what must stay secret sealed.
type orderDocument struct {
	*orders.Order
	Write  string          `json:"write"` // tells this write from every other
	Bought *boughtDocument `json:"bought,omitempty"`
}

type boughtDocument struct {
	Provider     esim.Provider   `json:"provider"`
	OrderNo      string          `json:"order_no,omitempty"`
	TranNo       string          `json:"tran_no,omitempty"`
	ICCID        esim.ICCID      `json:"iccid,omitempty"`
	ExpiresAbout time.Time       `json:"expires_about"`
	Plan         esim.Plan       `json:"plan"`
	At           time.Time       `json:"at"`
	After        *orders.Numbers `json:"after,omitempty"`
	Sealed       string          `json:"sealed,omitempty"` // a boughtSecrets
}

// boughtSecrets is what only the buyer may see.
type boughtSecrets struct {
	Code  string `json:"code,omitempty"`
	Image []byte `json:"image,omitempty"`
	Phone string `json:"phone,omitempty"`
}

func orderOwner(id orders.ID) string { return "order:" + string(id) }

func (s *Store) encodeOrder(o *orders.Order) ([]byte, error) {
	write, err := token()
	if err != nil {
		return nil, err
	}
	d := orderDocument{Order: o, Write: write}
	if b := o.Bought; b != nil {
		d.Bought = &boughtDocument{
			Provider: b.Profile.Provider, OrderNo: b.Profile.OrderNo, TranNo: b.Profile.TranNo, ICCID: b.Profile.ICCID,
			ExpiresAbout: b.Profile.ExpiresAbout, Plan: b.Plan, At: b.At, After: b.After,
		}
		secrets := boughtSecrets{Code: b.Profile.Code.Reveal(), Image: b.Profile.Image, Phone: b.Profile.PhoneNumber}
		if d.Bought.Sealed, err = s.seal(secrets, orderOwner(o.ID)); err != nil {
			return nil, fmt.Errorf("order %s: %w", o.ID, err)
		}
	}
	b, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("encode order %s: %w", o.ID, err)
	}
	return b, nil
}

func (s *Store) seal(secrets boughtSecrets, owner string) (string, error) {
	if secrets.Code == "" && len(secrets.Image) == 0 && secrets.Phone == "" {
		return "", nil
	}
	plain, err := json.Marshal(secrets)
	if err != nil {
		return "", fmt.Errorf("encode secrets: %w", err)
	}
	return s.sealer.Seal(plain, owner)
}

// newer reads no more of a document than its schema, for the rest may not be what this program
// takes it for.
func newer(b []byte, schema int) (bool, error) {
	var head struct {
		Schema int `json:"schema"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return false, fmt.Errorf("decode document: %w", err)
	}
	return head.Schema > schema, nil
}

func (s *Store) decodeOrder(b []byte) (*orders.Order, error) {
	switch n, err := newer(b, orders.Schema); {
	case err != nil:
		return nil, err
	case n:
		return nil, orders.ErrNewer
	}
	d := orderDocument{Order: new(orders.Order)}
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, fmt.Errorf("decode order: %w", err)
	}
	if d.Bought == nil {
		return d.Order, nil
	}
	profile := esim.Profile{
		Provider: d.Bought.Provider, OrderNo: d.Bought.OrderNo, TranNo: d.Bought.TranNo, ICCID: d.Bought.ICCID, ExpiresAbout: d.Bought.ExpiresAbout,
	}
	if err := s.unseal(d.Bought.Sealed, orderOwner(d.ID), &profile); err != nil {
		return nil, fmt.Errorf("order %s: %w", d.ID, err)
	}
	d.Order.Bought = &orders.Bought{Profile: profile, Plan: d.Bought.Plan, At: d.Bought.At, After: d.Bought.After}
	return d.Order, nil
}

func (s *Store) unseal(sealed, owner string, p *esim.Profile) error {
	if sealed == "" {
		return nil
	}
	plain, err := s.sealer.Open(sealed, owner)
	if err != nil {
		return err
	}
	var secrets boughtSecrets
	if err := json.Unmarshal(plain, &secrets); err != nil {
		return ErrSeal
	}
	if secrets.Code != "" {
		if p.Code, err = esim.ParseActivationCode(secrets.Code); err != nil {
			return err
		}
	}
	p.Image, p.PhoneNumber = secrets.Image, secrets.Phone
	return nil
}
