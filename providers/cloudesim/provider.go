package cloudesim

import (
	"context"
	"fmt"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/providers"
)

// maxNumber cuts order numbers, in runes.
const maxNumber = 64

// ID returns esim.CloudESIM.
func (c *Client) ID() esim.Provider { return esim.CloudESIM }

// Abilities says that eSIMs can be given back and asked for by order number, one a call. The page
// tells no delay of the numbers.
func (c *Client) Abilities() providers.Abilities {
	return providers.Abilities{Cancel: true, QueryByNo: true, BatchSize: 1}
}

// Balance returns what is left on the account, in USD.
func (c *Client) Balance(ctx context.Context) (decimal.Decimal, error) {
	a, err := c.Account(ctx)
	if err != nil {
		return decimal.Decimal{}, err
	}
	balance, _ := a.Balance.Decimal() // decodeAccount saw to it that it is told
	return balance, nil
}

// Catalogue returns every base package, in one call.
func (c *Client) Catalogue(ctx context.Context) (providers.Catalogue, error) {
	list, err := c.packages(ctx, "catalogue", PackageFilter{Type: TypeBase})
	if err != nil {
		return providers.Catalogue{}, err
	}
	return listings(list, TypeBase), nil
}

// Fresh asks for the package itself.
func (c *Client) Fresh(ctx context.Context, plan esim.Plan) (providers.Listing, error) {
	list, err := c.packages(ctx, "fresh", PackageFilter{PackageCode: plan.ID})
	if err != nil {
		return providers.Listing{}, err
	}
	for _, p := range list {
		if string(p.PackageCode) != plan.ID {
			continue
		}
		if l, ok := p.listing(); ok {
			return l, nil
		}
	}
	return providers.Listing{}, refused("fresh", providers.ErrPlanGone)
}

// Buy orders one eSIM. It returns as soon as CloudeSIM has answered: where the activation code is
// only in a picture the profile is not ready, and Query gets it.
func (c *Client) Buy(ctx context.Context, plan esim.Plan) (esim.Profile, error) {
	o, err := c.OrderESIM(ctx, plan.ID)
	if err != nil {
		return esim.Profile{}, err
	}
	p := esim.Profile{Provider: esim.CloudESIM}
	if len(o.ESIMList) > 0 {
		p = o.ESIMList[0].profile()
	}
	p.OrderNo = o.OrderNo.Clean(maxNumber)
	return p, nil
}

// Query asks by ICCID, else by order number. A profile whose code is only in a picture has the
// picture fetched; if that fails the profile is not ready, and asking again tries again.
func (c *Client) Query(ctx context.Context, ref providers.Ref) (esim.Usage, error) {
	u, item, err := c.look(ctx, ref)
	if err != nil {
		return esim.Usage{}, err
	}
	p := item.profile()
	p.ICCID, p.OrderNo = u.ICCID, u.OrderNo
	if !p.Ready() && item.QRCodeURL != "" {
		// The picture is a second try: without it everything else still stands.
		if code, image, err := c.qr.Fetch(ctx, string(item.QRCodeURL)); err == nil {
			p.Code, p.Image = code, image
		}
	}
	if p.Ready() {
		u.Profile = &p
	}
	return u, nil
}

// Usage asks for one eSIM after the other, without their profiles.
func (c *Client) Usage(ctx context.Context, refs []providers.Ref) ([]esim.Usage, error) {
	return providers.EachUsage(refs, func(ref providers.Ref) (esim.Usage, error) {
		u, _, err := c.look(ctx, ref)
		return u, err
	})
}

// look asks for one eSIM. An order whose eSIM is still being made is StatusPending.
func (c *Client) look(ctx context.Context, ref providers.Ref) (esim.Usage, Item, error) {
	request := QueryRequest{ICCID: ref.ICCID.Digits()}
	if ref.ICCID == "" {
		request.OrderNo = ref.OrderNo
	}
	if request == (QueryRequest{}) {
		return esim.Usage{}, Item{}, refused("query", fmt.Errorf("%w: neither ICCID nor order number", providers.ErrUnsupported))
	}
	items, err := c.QueryESIM(ctx, request)
	if err != nil {
		return esim.Usage{}, Item{}, err
	}
	item, ok := choose(items, ref.ICCID)
	if !ok && ref.ICCID != "" {
		return esim.Usage{}, Item{}, refused("query", providers.ErrNotFound)
	}
	return item.usage(ref, c.now()), item, nil
}

// TopUps lists what fits the eSIM, which must be known by its ICCID.
func (c *Client) TopUps(ctx context.Context, ref providers.Ref, _ esim.Plan) ([]providers.Listing, error) {
	if ref.ICCID == "" {
		return nil, refused("top-ups", fmt.Errorf("%w without an ICCID", providers.ErrUnsupported))
	}
	list, err := c.packages(ctx, "top-ups", PackageFilter{ICCID: ref.ICCID.Digits(), Type: TypeTopUp})
	if err != nil {
		return nil, err
	}
	return listings(list, TypeTopUp).Listings, nil
}

// TopUp adds plan to the eSIM, which must be known by its ICCID. CloudeSIM tells the order number
// and nothing of the new volume.
func (c *Client) TopUp(ctx context.Context, ref providers.Ref, plan esim.Plan) (providers.TopUp, error) {
	if ref.ICCID == "" {
		return providers.TopUp{}, refused("top-up", fmt.Errorf("%w without an ICCID", providers.ErrUnsupported))
	}
	no, err := c.TopUpESIM(ctx, ref.ICCID.Digits(), plan.ID)
	if err != nil {
		return providers.TopUp{}, err
	}
	return providers.TopUp{OrderNo: no, TotalBytes: -1, UsedBytes: -1}, nil
}

// Cancel gives the eSIM back, by ICCID, else by order number.
func (c *Client) Cancel(ctx context.Context, ref providers.Ref) error {
	request := CancelRequest{ICCID: ref.ICCID.Digits()}
	if ref.ICCID == "" {
		request.ESIMTranNo = ref.OrderNo
	}
	if request == (CancelRequest{}) {
		return refused("cancel", fmt.Errorf("%w: neither ICCID nor order number", providers.ErrUnsupported))
	}
	_, err := c.CancelESIM(ctx, request)
	return err
}

// refused is the error of something that this client itself knows can't be.
func refused(op string, err error) error {
	return &providers.Error{Provider: esim.CloudESIM, Op: op, Class: providers.Rejected, Err: err}
}
