package mobilexy

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/providers"
)

// Balance returns what is left on the account, in USD (POST /balance).
func (c *Client) Balance(ctx context.Context) (decimal.Decimal, error) {
	return providers.Do(ctx, c.http, c.post("balance", "/balance", url.Values{}), decodeBalance)
}

func decodeBalance(body []byte) (decimal.Decimal, error) {
	data, err := inData[struct {
		Balance providers.Number `json:"balance"`
	}](body)
	if err != nil {
		return decimal.Decimal{}, err
	}
	balance, ok := data.Balance.Decimal()
	if !ok {
		return decimal.Decimal{}, providers.Malformed("balance is no number")
	}
	return balance, nil
}

// A Purchase is the answer of POST /plan/purchase. ICCID is null there as a rule.
type Purchase struct {
	Order struct {
		OrderNumber providers.Text   `json:"order_number"`
		TotalAmount providers.Number `json:"total_amount"` // USD
	} `json:"order"`
	ESIM struct {
		SerialNumber providers.Text `json:"serial_number"` // may not fit 32 bits
		ICCID        providers.Text `json:"iccid"`
		PhoneNumber  providers.Text `json:"phone_number"`
		QRCode       providers.Text `json:"qr_code"` // the LPA string
		ExpiryDate   providers.Text `json:"expiry_date"`
	} `json:"esim"`
}

// PurchasePlan buys one eSIM. It is sent once.
func (c *Client) PurchasePlan(ctx context.Context, planID string) (Purchase, error) {
	call := c.post("buy", "/plan/purchase", url.Values{"plan_id": {planID}})
	call.Once = true
	return providers.Do(ctx, c.http, call, decodePurchase)
}

func decodePurchase(body []byte) (Purchase, error) {
	p, err := inData[Purchase](body)
	if err == nil && p.Order.OrderNumber == "" && p.ESIM.QRCode == "" {
		err = providers.Malformed("neither order number nor activation code")
	}
	return p, err
}

// A ToppedUp is the answer of POST /profile/topup.
type ToppedUp struct {
	TransactionID providers.Text   `json:"transactionId"`
	ICCID         providers.Text   `json:"iccid"`
	ExpiredTime   providers.Text   `json:"expiredTime"`   // a timestamp
	TotalVolume   providers.Number `json:"totalVolume"`   // bytes
	TotalDuration providers.Number `json:"totalDuration"` // days
	OrderUsage    providers.Number `json:"orderUsage"`    // bytes
	TranNo        providers.Text   `json:"topUpEsimTranNo"`
}

// TopUpProfile adds the plan with that package code to an eSIM. It is sent once.
func (c *Client) TopUpProfile(ctx context.Context, tranNo, packageCode string) (ToppedUp, error) {
	call := c.post("top-up", "/profile/topup", url.Values{"esimTranNo": {tranNo}, "packageCode": {packageCode}})
	call.Once = true
	return providers.Do(ctx, c.http, call, decodeTopUp)
}

// decodeTopUp opens one envelope inside the other; both must say yes.
func decodeTopUp(body []byte) (ToppedUp, error) {
	inner, err := inData[json.RawMessage](body)
	if err != nil {
		return ToppedUp{}, err
	}
	return inObj[ToppedUp](inner)
}

// MaxBatch is how many eSIMs a usage check takes.
const MaxBatch = 10

// A UsageEntry is what POST /profile/usage-check tells of one eSIM, as the carrier last measured it.
type UsageEntry struct {
	ESIMTranNo     providers.Text   `json:"esimTranNo"`
	DataUsage      providers.Number `json:"dataUsage"`      // bytes
	TotalData      providers.Number `json:"totalData"`      // bytes
	LastUpdateTime providers.Text   `json:"lastUpdateTime"` // a timestamp
}

// UsageByICCID asks for the eSIM with that ICCID; its entry tells the esimTranNo.
func (c *Client) UsageByICCID(ctx context.Context, id esim.ICCID) ([]UsageEntry, error) {
	return c.usageCheck(ctx, url.Values{"iccid": {id.Digits()}})
}

// UsageByTranNo asks for one eSIM.
func (c *Client) UsageByTranNo(ctx context.Context, tranNo string) ([]UsageEntry, error) {
	return c.usageCheck(ctx, url.Values{"esimTranNo": {tranNo}})
}

// UsageByTranNos asks for up to MaxBatch eSIMs at once. Entries come in any order and may be missing.
func (c *Client) UsageByTranNos(ctx context.Context, tranNos []string) ([]UsageEntry, error) {
	return c.usageCheck(ctx, url.Values{"esimTranNos[]": tranNos})
}

func (c *Client) usageCheck(ctx context.Context, form url.Values) ([]UsageEntry, error) {
	return providers.Do(ctx, c.http, c.post("usage", "/profile/usage-check", form), decodeUsage)
}

// decodeUsage reads usageList as a list, as the page's sample has it, or as the object that the
// page's table calls it: of entries by name, or one entry alone.
func decodeUsage(body []byte) ([]UsageEntry, error) {
	obj, err := inObj[struct {
		UsageList json.RawMessage `json:"usageList"`
	}](body)
	if err != nil {
		return nil, err
	}
	var list []UsageEntry
	if json.Unmarshal(obj.UsageList, &list) == nil && list != nil {
		return bounded(list, 100*MaxBatch, nil)
	}
	var one UsageEntry
	if json.Unmarshal(obj.UsageList, &one) == nil && one.ESIMTranNo != "" {
		return []UsageEntry{one}, nil
	}
	var named map[string]UsageEntry
	if json.Unmarshal(obj.UsageList, &named) != nil || named == nil {
		return nil, providers.Malformed("no usageList")
	}
	for _, entry := range named {
		list = append(list, entry)
	}
	return list, nil
}
