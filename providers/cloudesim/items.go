package cloudesim

import (
	"strings"
	"time"

	"esimbot/esim"
	"esimbot/providers"
)

// profile returns what the item says of the profile, without its order number.
func (i Item) profile() esim.Profile {
	p := esim.Profile{
		Provider:     esim.CloudESIM,
		ICCID:        providers.ICCID(i.ICCID),
		ExpiresAbout: providers.ParseTime(i.ExpireTime),
	}
	if code, err := esim.ParseActivationCode(string(i.AC)); err == nil {
		p.Code = code
	}
	return p
}

// choose returns the item of an ICCID, or, where that isn't known, the first. A single item whose
// ICCID can't be read is what was asked for.
func choose(items []Item, id esim.ICCID) (Item, bool) {
	for _, i := range items {
		told := providers.ICCID(i.ICCID)
		if id == "" || told == id || told == "" && len(items) == 1 {
			return i, true
		}
	}
	return Item{}, false
}

// usage returns the item's numbers. CloudeSIM tells what is left and not of how much.
func (i Item) usage(ref providers.Ref, now time.Time) esim.Usage {
	u := esim.Usage{
		ICCID: ref.ICCID, OrderNo: ref.OrderNo,
		Upstream:  i.Status.Clean(maxNumber),
		UsedBytes: -1, TotalBytes: -1, RemainingBytes: -1,
		ExpiresAt: providers.ParseTime(i.ExpireTime),
		At:        now.UTC(),
	}
	if u.ICCID == "" {
		u.ICCID = providers.ICCID(i.ICCID)
	}
	if left, ok := i.RemainingVolume.Decimal(); ok {
		if mb := left.Floor(); !mb.IsNegative() && mb.BigInt().IsInt64() && mb.IntPart() <= providers.MaxBytes/esim.MB {
			u.RemainingBytes = mb.IntPart() * esim.MB
		}
	}
	u.Status = status(u.Upstream)
	if i == (Item{}) {
		u.Status = esim.StatusPending
	}
	return u
}

// status puts CloudeSIM's words into ours. ACTIVE is the page's own word for an eSIM in use.
func status(word string) esim.Status {
	switch strings.ToUpper(word) {
	case "CREATE", "PAYING", "PAID", "GETTING_RESOURCE":
		return esim.StatusPending
	case "GOT_RESOURCE":
		return esim.StatusReady
	case "IN_USE", "ACTIVE":
		return esim.StatusInUse
	case "USED_UP":
		return esim.StatusUsedUp
	case "UNUSED_EXPIRED", "USED_EXPIRED":
		return esim.StatusExpired
	case "CANCEL", "REVOKE", "REVOKED":
		return esim.StatusCancelled
	case "SUSPENDED":
		return esim.StatusSuspended
	default:
		return esim.StatusUnknown
	}
}
