package cloudesim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"esimbot/sandbox/fault"
	"esimbot/sandbox/wholesale"
)

const (
	maxBody     = 64 << 10
	maxQuantity = 10
)

func refuse(w http.ResponseWriter, status int, msg string) {
	wholesale.Answer(w, status, map[string]any{"success": false, "errorMsg": msg})
}

func succeed(w http.ResponseWriter, obj any) {
	wholesale.Answer(w, http.StatusOK, map[string]any{"success": true, "obj": obj})
}

// decode reads the JSON body into v, which an empty body leaves as it is, and answers for itself
// when that fails.
func decode(w http.ResponseWriter, r *http.Request, v any) bool {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "Request body too large.")
		return false
	}
	if len(body) == 0 {
		return true
	}
	if err := json.Unmarshal(body, v); err != nil {
		refuse(w, http.StatusBadRequest, "Malformed JSON body.")
		return false
	}
	return true
}

// fail answers with what a house had against an order.
func fail(w http.ResponseWriter, err error) {
	var short *wholesale.BalanceError
	var state *wholesale.StateError
	switch {
	case errors.As(err, &short):
		refuse(w, http.StatusOK, fmt.Sprintf("Insufficient balance. Required: $%s, available: $%s",
			wholesale.Number(short.Required), wholesale.Number(short.Available)))
	case errors.As(err, &state):
		refuse(w, http.StatusOK, fmt.Sprintf("Not possible for an eSIM in status %s.", state.State))
	case errors.Is(err, wholesale.ErrNoPlan):
		refuse(w, http.StatusNotFound, "Package not found.")
	case errors.Is(err, wholesale.ErrNoESIM):
		refuse(w, http.StatusNotFound, "eSIM not found.")
	case errors.Is(err, errMisfit):
		refuse(w, http.StatusOK, "This package is not a top-up compatible with the eSIM.")
	default:
		refuse(w, http.StatusInternalServerError, "Server error.")
	}
}

func (s *Server) serveBalance(w http.ResponseWriter, _ *http.Request) {
	wholesale.Answer(w, http.StatusOK, map[string]any{"success": true, "data": map[string]any{
		"username": "shop", "balance": wholesale.Number(s.Balance()), "currency": "USD",
	}})
}

type packageJSON struct {
	PackageCode  string      `json:"packageCode"`
	Name         string      `json:"name"`
	Price        json.Number `json:"price"`
	CurrencyCode string      `json:"currencyCode"`
	Duration     int         `json:"duration"` // days
	Volume       int64       `json:"volume"`   // MB
	LocationCode string      `json:"locationCode"`
	Type         string      `json:"type"`
}

func (s *Server) servePackages(w http.ResponseWriter, r *http.Request) {
	var q struct{ LocationCode, Type, PackageCode, ICCID string }
	if !decode(w, r, &q) {
		return
	}
	if q.Type != "" && q.Type != "BASE" && q.Type != "TOPUP" {
		refuse(w, http.StatusUnprocessableEntity, "type must be BASE or TOPUP.")
		return
	}
	var of *ESIM
	if q.ICCID != "" {
		found := s.Find(func(e *ESIM) bool { return e.ICCID == q.ICCID })
		if len(found) == 0 {
			fail(w, wholesale.ErrNoESIM)
			return
		}
		of = &found[0]
	}
	list := []packageJSON{}
	for _, p := range s.Plans() {
		kind := kindOf(p)
		switch {
		case fault.IsEmpty(r):
		case q.LocationCode != "" && !inLocation(p.Location, q.LocationCode):
		case q.Type != "" && q.Type != kind:
		case q.PackageCode != "" && q.PackageCode != p.Code:
		case of != nil && fits(p, *of) != nil:
		default:
			list = append(list, packageJSON{p.Code, p.Name, wholesale.Number(p.Price), "USD", p.Days, p.Bytes >> 20, p.Location, kind})
		}
	}
	succeed(w, map[string]any{"packageList": list})
}

func kindOf(p wholesale.Plan) string {
	if p.TopUp {
		return "TOPUP"
	}
	return "BASE"
}

// inLocation says whether a filter names location: all of it, one country of several, or a
// region without its number (EU for EU-30).
func inLocation(location, filter string) bool {
	filter = strings.ToUpper(filter)
	return location == filter || slices.Contains(strings.Split(location, ","), filter) || strings.HasPrefix(location, filter+"-")
}

var errMisfit = errors.New("not a top-up for this eSIM")

func fits(p wholesale.Plan, e ESIM) error {
	if !p.TopUp || p.Location != e.Location {
		return errMisfit
	}
	return nil
}

type orderJSON struct {
	PackageCode string `json:"packageCode"`
	Quantity    *int   `json:"quantity"`
	ICCID       string `json:"iccid"`
}

// read decodes an order and returns its quantity; it answers for itself when something is amiss.
func (o *orderJSON) read(w http.ResponseWriter, r *http.Request) (quantity int, ok bool) {
	if !decode(w, r, o) {
		return 0, false
	}
	if o.PackageCode == "" {
		refuse(w, http.StatusUnprocessableEntity, "packageCode is required.")
		return 0, false
	}
	quantity = 1
	if o.Quantity != nil {
		quantity = *o.Quantity
	}
	if quantity < 1 || quantity > maxQuantity {
		refuse(w, http.StatusUnprocessableEntity, fmt.Sprintf("quantity must be between 1 and %d.", maxQuantity))
		return 0, false
	}
	return quantity, true
}

func (s *Server) serveOrder(w http.ResponseWriter, r *http.Request) {
	var o orderJSON
	quantity, ok := o.read(w, r)
	if !ok {
		return
	}
	var order wholesale.Order
	var sold []ESIM
	var err error
	if o.ICCID != "" {
		var e ESIM
		order, e, err = s.TopUp(o.ICCID, o.PackageCode, quantity, fits)
		sold = []ESIM{e}
	} else {
		making, _, _ := s.settings()
		order, sold, err = s.Buy(o.PackageCode, quantity, making)
	}
	if err != nil {
		fail(w, err)
		return
	}
	succeed(w, map[string]any{"orderNo": order.No, "esimList": s.list(r, sold, false)})
}

func (s *Server) serveTopUp(w http.ResponseWriter, r *http.Request) {
	var o orderJSON
	quantity, ok := o.read(w, r)
	if !ok {
		return
	}
	if o.ICCID == "" {
		refuse(w, http.StatusUnprocessableEntity, "iccid is required.")
		return
	}
	order, _, err := s.TopUp(o.ICCID, o.PackageCode, quantity, fits)
	if err != nil {
		fail(w, err)
		return
	}
	succeed(w, map[string]any{"orderNo": order.No})
}

func (s *Server) serveQuery(w http.ResponseWriter, r *http.Request) {
	var q struct{ ICCID, OrderNo string }
	if !decode(w, r, &q) {
		return
	}
	if q.ICCID == "" && q.OrderNo == "" {
		refuse(w, http.StatusUnprocessableEntity, "iccid or orderNo is required.")
		return
	}
	var order wholesale.Order
	if q.OrderNo != "" {
		var ok bool
		if order, ok = s.Order(q.OrderNo); !ok {
			refuse(w, http.StatusNotFound, "Order not found.")
			return
		}
	}
	found := s.Look(func(e *ESIM) bool {
		return (q.ICCID == "" || e.ICCID == q.ICCID) && (q.OrderNo == "" || slices.Contains(order.ICCIDs, e.ICCID))
	})
	if len(found) == 0 {
		fail(w, wholesale.ErrNoESIM)
		return
	}
	succeed(w, map[string]any{"esimList": s.list(r, found, true)})
}

func (s *Server) serveCancel(w http.ResponseWriter, r *http.Request) {
	var q struct{ ICCID, ESIMTranNo string }
	if !decode(w, r, &q) {
		return
	}
	if q.ICCID == "" && q.ESIMTranNo == "" {
		refuse(w, http.StatusUnprocessableEntity, "iccid or esimTranNo is required.")
		return
	}
	found := s.Find(func(e *ESIM) bool {
		return (q.ICCID == "" || e.ICCID == q.ICCID) && (q.ESIMTranNo == "" || e.TranNo == q.ESIMTranNo)
	})
	if len(found) == 0 {
		fail(w, wholesale.ErrNoESIM)
		return
	}
	iccids := make([]string, len(found))
	for i, e := range found {
		iccids[i] = e.ICCID
	}
	err := s.Cancel(iccids)
	var state *wholesale.StateError
	switch {
	case errors.As(err, &state) && state.State == wholesale.Cancelled:
		refuse(w, http.StatusOK, "The eSIM has already been cancelled.")
	case errors.As(err, &state):
		refuse(w, http.StatusOK, fmt.Sprintf("The eSIM cannot be cancelled: it has been installed, used or has expired (status %s).", state.State))
	case err != nil:
		fail(w, err)
	default:
		succeed(w, map[string]any{"orderNo": found[0].OrderNo})
	}
}

// An esimJSON is an item of an esimList. An order's answer has no status, volume or end.
type esimJSON struct {
	ICCID           string `json:"iccid"`
	AC              string `json:"ac,omitempty"`
	QRCodeURL       string `json:"qrCodeUrl,omitempty"`
	Status          string `json:"status,omitempty"`
	RemainingVolume *int64 `json:"remainingVolume,omitempty"` // MB
	ExpireTime      string `json:"expireTime,omitempty"`
}

func (s *Server) list(r *http.Request, esims []ESIM, details bool) []esimJSON {
	_, partly, shortCodes := s.settings()
	list := []esimJSON{}
	for _, e := range esims {
		made := e.State != wholesale.Making
		if fault.IsEmpty(r) || !made && !partly {
			continue
		}
		item := esimJSON{ICCID: e.ICCID}
		if made {
			item.AC, item.QRCodeURL = e.ActivationCode, s.qrURL(r, e)
			if shortCodes {
				item.AC = e.Issuer.Text("short code", 8)
			}
		}
		if details {
			left := max(e.TotalBytes-e.UsedBytes, 0) >> 20
			item.Status, item.RemainingVolume, item.ExpireTime = string(e.State), &left, expireTime(e)
		}
		list = append(list, item)
	}
	return list
}

// expireTime is a day while the eSIM isn't installed, then a timestamp.
func expireTime(e ESIM) string {
	if e.Installed() {
		return e.ExpiresAt.UTC().Format("2006-01-02T15:04:05-0700")
	}
	return e.ExpiresAt.UTC().Format(time.DateOnly)
}
