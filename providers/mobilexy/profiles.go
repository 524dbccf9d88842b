package mobilexy

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"esimbot/esim"
	"esimbot/providers"
)

var phoneNumber = regexp.MustCompile(`^\+?[0-9]{4,15}$`)

// Buy buys one eSIM. Its ICCID and esimTranNo are not known yet; a phone number is kept only where
// the plan has calls or messages.
func (c *Client) Buy(ctx context.Context, plan esim.Plan) (esim.Profile, error) {
	bought, err := c.PurchasePlan(ctx, plan.ID)
	if err != nil {
		return esim.Profile{}, err
	}
	p := esim.Profile{
		Provider:     esim.Mobilexy,
		OrderNo:      bought.Order.OrderNumber.Clean(maxNumber),
		ICCID:        providers.ICCID(bought.ESIM.ICCID),
		ExpiresAbout: providers.ParseTime(bought.ESIM.ExpiryDate),
	}
	if code, err := esim.ParseActivationCode(string(bought.ESIM.QRCode)); err == nil {
		p.Code = code
	}
	if number := string(bought.ESIM.PhoneNumber); plan.HasVoice() && phoneNumber.MatchString(number) {
		p.PhoneNumber = number
	}
	return p, nil
}

// TopUp adds plan, by its package code, to the eSIM, which must be known by its esimTranNo.
func (c *Client) TopUp(ctx context.Context, ref providers.Ref, plan esim.Plan) (providers.TopUp, error) {
	if ref.TranNo == "" || plan.PackageCode == "" {
		return providers.TopUp{}, refused("top-up", fmt.Errorf("%w without esimTranNo and package code", providers.ErrUnsupported))
	}
	t, err := c.TopUpProfile(ctx, ref.TranNo, plan.PackageCode)
	if err != nil {
		return providers.TopUp{}, err
	}
	return providers.TopUp{
		OrderNo:    t.TransactionID.Clean(maxNumber),
		TotalBytes: volume(t.TotalVolume),
		UsedBytes:  volume(t.OrderUsage),
		ExpiresAt:  providers.ParseTime(t.ExpiredTime),
	}, nil
}

// Cancel is not to be had.
func (c *Client) Cancel(context.Context, providers.Ref) error {
	return refused("cancel", providers.ErrUnsupported)
}

// Query asks for one eSIM, by esimTranNo, else by ICCID. An order number leads nowhere.
func (c *Client) Query(ctx context.Context, ref providers.Ref) (esim.Usage, error) {
	var entries []UsageEntry
	var err error
	switch {
	case ref.TranNo != "":
		entries, err = c.UsageByTranNo(ctx, ref.TranNo)
	case ref.ICCID != "":
		entries, err = c.UsageByICCID(ctx, ref.ICCID)
	default:
		return esim.Usage{}, refused("query", fmt.Errorf("%w by order number", providers.ErrUnsupported))
	}
	if err != nil {
		return esim.Usage{}, err
	}
	i := slices.IndexFunc(entries, func(e UsageEntry) bool {
		return e.ESIMTranNo != "" && (ref.TranNo == "" || string(e.ESIMTranNo) == ref.TranNo)
	})
	if i < 0 {
		return esim.Usage{}, refused("query", providers.ErrNotFound)
	}
	return entries[i].usage(ref), nil
}

// Usage asks for up to ten eSIMs a call. Those known by ICCID alone are asked for one by one, as
// are those of a batch that failed: one bad number may have spoilt it for the rest.
func (c *Client) Usage(ctx context.Context, refs []providers.Ref) ([]esim.Usage, error) {
	var batched, single []providers.Ref
	for _, ref := range refs {
		if ref.TranNo != "" {
			batched = append(batched, ref)
		} else {
			single = append(single, ref)
		}
	}
	var all []esim.Usage
	for batch := range slices.Chunk(batched, MaxBatch) {
		if len(batch) == 1 {
			single = append(single, batch...)
			continue
		}
		found, err := c.batch(ctx, batch)
		switch {
		case err == nil:
			all = append(all, found...)
		case ctx.Err() != nil || providers.ClassOf(err) == providers.NotSent || errors.Is(err, providers.ErrUnauthorized):
			return nil, err
		default:
			single = append(single, batch...)
		}
	}
	found, err := providers.EachUsage(single, func(ref providers.Ref) (esim.Usage, error) { return c.Query(ctx, ref) })
	if all = append(all, found...); len(all) > 0 {
		return all, nil
	}
	return nil, err
}

func (c *Client) batch(ctx context.Context, refs []providers.Ref) ([]esim.Usage, error) {
	byNo := make(map[string]providers.Ref, len(refs))
	nos := make([]string, len(refs))
	for i, ref := range refs {
		nos[i], byNo[ref.TranNo] = ref.TranNo, ref
	}
	entries, err := c.UsageByTranNos(ctx, nos)
	if err != nil {
		return nil, err
	}
	var all []esim.Usage
	for _, e := range entries {
		if ref, ok := byNo[string(e.ESIMTranNo)]; ok {
			all = append(all, e.usage(ref))
			delete(byNo, ref.TranNo) // an entry that comes twice counts once
		}
	}
	return all, nil
}

// usage returns the entry's numbers, with their time as it was told: none, or one to come, is for
// whoever judges them. There is no word for the state: it is read off the data used,
// which alone tells that an eSIM is installed.
func (e UsageEntry) usage(ref providers.Ref) esim.Usage {
	u := esim.Usage{
		ICCID: ref.ICCID, OrderNo: ref.OrderNo, TranNo: e.ESIMTranNo.Clean(maxNumber),
		UsedBytes:      volume(e.DataUsage),
		TotalBytes:     volume(e.TotalData),
		RemainingBytes: -1,
		At:             providers.ParseTime(e.LastUpdateTime),
		Status:         esim.StatusReady,
	}
	if u.UsedBytes >= 0 && u.TotalBytes > 0 {
		u.RemainingBytes = max(0, u.TotalBytes-u.UsedBytes)
	}
	switch {
	case u.RemainingBytes == 0:
		u.Status = esim.StatusUsedUp
	case u.UsedBytes > 0:
		u.Status = esim.StatusInUse
	case u.UsedBytes < 0:
		u.Status = esim.StatusUnknown
	}
	return u
}

// volume returns n bytes, or -1 where it isn't told or makes no sense.
func volume(n providers.Number) int64 {
	if v, ok := n.Between(0, providers.MaxBytes); ok {
		return v
	}
	return -1
}
