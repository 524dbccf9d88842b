package cloudesim

import (
	"context"
	"encoding/json"
	"net/http"

	"esimbot/providers"
)

// An Account is the answer of GET /account/balance.
type Account struct {
	Username providers.Text   `json:"username"`
	Balance  providers.Number `json:"balance"`
	Currency providers.Text   `json:"currency"`
}

// Account asks for the balance.
func (c *Client) Account(ctx context.Context) (Account, error) {
	return providers.Do(ctx, c.http, providers.Call{Op: "balance", Path: "/account/balance"}, decodeAccount)
}

func decodeAccount(body []byte) (Account, error) {
	var a Account
	e, err := open(body)
	if err != nil {
		return a, err
	}
	if len(e.Data) == 0 {
		return a, providers.Malformed("no data")
	}
	if err := providers.Unmarshal(e.Data, &a); err != nil {
		return a, err
	}
	if _, ok := a.Balance.Decimal(); !ok {
		return a, providers.Malformed("balance is no number")
	}
	if a.Currency != "" && a.Currency != "USD" {
		return a, providers.Malformed("balance is not in USD")
	}
	return a, nil
}

// Types of package.
const (
	TypeBase  = "BASE"
	TypeTopUp = "TOPUP"
)

// A PackageFilter narrows the list of packages; empty fields do not.
type PackageFilter struct {
	LocationCode string `json:"locationCode,omitempty"` // "US", "EU"
	Type         string `json:"type,omitempty"`         // TypeBase or TypeTopUp
	PackageCode  string `json:"packageCode,omitempty"`
	ICCID        string `json:"iccid,omitempty"` // packages that fit this eSIM
}

// A Package is one entry of POST /packages.
type Package struct {
	PackageCode  providers.Text   `json:"packageCode"`
	Name         providers.Text   `json:"name"`
	Price        providers.Number `json:"price"`
	CurrencyCode providers.Text   `json:"currencyCode"`
	Duration     providers.Number `json:"duration"`     // days
	Volume       providers.Number `json:"volume"`       // MB
	LocationCode providers.Text   `json:"locationCode"` // "US", "US,CA", "EU-30"
	Type         providers.Text   `json:"type"`
}

// Packages lists what is on sale. Entries that are no objects come as the zero Package.
func (c *Client) Packages(ctx context.Context, f PackageFilter) ([]Package, error) {
	return c.packages(ctx, "packages", f)
}

func (c *Client) packages(ctx context.Context, op string, f PackageFilter) ([]Package, error) {
	return providers.Do(ctx, c.http, providers.Call{
		Op: op, Method: http.MethodPost, Path: "/packages", JSON: f, Limit: providers.LimitCatalogue,
	}, decodePackages)
}

func decodePackages(body []byte) ([]Package, error) {
	obj, err := inObj[struct {
		PackageList []json.RawMessage `json:"packageList"`
	}](body)
	switch {
	case err != nil:
		return nil, err
	case obj.PackageList == nil:
		return nil, providers.Malformed("no packageList")
	case len(obj.PackageList) > providers.MaxPlans:
		return nil, providers.Malformed("too many packages")
	}
	list := make([]Package, len(obj.PackageList))
	for i, raw := range obj.PackageList {
		if json.Unmarshal(raw, &list[i]) != nil {
			list[i] = Package{}
		}
	}
	return list, nil
}

// An Item is one entry of an esimList. An order's has ICCID, AC and QRCodeURL; a query's has the
// rest too. Any of them may be missing while the profile is being made.
type Item struct {
	ICCID           providers.Text   `json:"iccid"`
	AC              providers.Text   `json:"ac"` // an LPA string, or something shorter
	QRCodeURL       providers.Text   `json:"qrCodeUrl"`
	Status          providers.Text   `json:"status"`
	RemainingVolume providers.Number `json:"remainingVolume"` // MB
	ExpireTime      providers.Text   `json:"expireTime"`      // a date or a timestamp
}

// An Order is the answer of POST /esim/order.
type Order struct {
	OrderNo  providers.Text `json:"orderNo"`
	ESIMList []Item         `json:"esimList"` // may be empty at first
}

// OrderESIM buys one eSIM. It is sent once.
func (c *Client) OrderESIM(ctx context.Context, packageCode string) (Order, error) {
	type request struct {
		PackageCode string `json:"packageCode"`
		Quantity    int    `json:"quantity"`
	}
	return providers.Do(ctx, c.http, providers.Call{
		Op: "buy", Method: http.MethodPost, Path: "/esim/order", JSON: request{packageCode, 1}, Once: true,
	}, decodeOrder)
}

func decodeOrder(body []byte) (Order, error) {
	o, err := inObj[Order](body)
	if err == nil && o.OrderNo == "" && len(o.ESIMList) == 0 {
		err = providers.Malformed("neither order number nor eSIM")
	}
	return o, err
}

// A QueryRequest names an eSIM, or the order that bought it.
type QueryRequest struct {
	ICCID   string `json:"iccid,omitempty"`
	OrderNo string `json:"orderNo,omitempty"`
}

// QueryESIM asks for the state of the eSIMs that r names; none while they are being made.
func (c *Client) QueryESIM(ctx context.Context, r QueryRequest) ([]Item, error) {
	return providers.Do(ctx, c.http, providers.Call{Op: "query", Method: http.MethodPost, Path: "/esim/query", JSON: r}, decodeQuery)
}

func decodeQuery(body []byte) ([]Item, error) {
	obj, err := inObj[struct {
		ESIMList []Item `json:"esimList"`
	}](body)
	return obj.ESIMList, err
}

// orderNo is the answer of a top-up and of a cancellation.
type orderNo struct {
	OrderNo providers.Text `json:"orderNo"`
}

// TopUpESIM adds a package of TypeTopUp to an eSIM and returns the order number. It is sent once.
func (c *Client) TopUpESIM(ctx context.Context, iccid, packageCode string) (string, error) {
	type request struct {
		ICCID       string `json:"iccid"`
		PackageCode string `json:"packageCode"`
		Quantity    int    `json:"quantity"`
	}
	return providers.Do(ctx, c.http, providers.Call{
		Op: "top-up", Method: http.MethodPost, Path: "/esim/topup", JSON: request{iccid, packageCode, 1}, Once: true,
	}, decodeOrderNo)
}

// A CancelRequest names the eSIM to give back. ESIMTranNo takes the order number.
type CancelRequest struct {
	ICCID      string `json:"iccid,omitempty"`
	ESIMTranNo string `json:"esimTranNo,omitempty"`
}

// CancelESIM gives an eSIM back for its whole price and returns the order number. It is sent once.
func (c *Client) CancelESIM(ctx context.Context, r CancelRequest) (string, error) {
	return providers.Do(ctx, c.http, providers.Call{Op: "cancel", Method: http.MethodPost, Path: "/esim/cancel", JSON: r, Once: true}, decodeOrderNo)
}

// decodeOrderNo takes a success without the number for one: what was asked is done.
func decodeOrderNo(body []byte) (string, error) {
	obj, err := inObj[orderNo](body)
	return obj.OrderNo.Clean(maxNumber), err
}
