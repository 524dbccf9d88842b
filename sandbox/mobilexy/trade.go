package mobilexy

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"esimbot/sandbox/fault"
	"esimbot/sandbox/wholesale"
)

const (
	stamp    = "2006-01-02T15:04:05-0700" // how Mobilexy writes a time
	maxBatch = 10
)

func (s *Server) serveBalance(w http.ResponseWriter, _ *http.Request, _ form) {
	succeed(w, "balance", "Account balance", map[string]any{"balance": wholesale.Number(s.Balance())})
}

type orderJSON struct {
	OrderNumber string `json:"order_number"`
	TotalAmount string `json:"total_amount"`
	Status      int    `json:"status"` // always 0
}

type profileJSON struct {
	SerialNumber int64   `json:"serial_number"`
	ICCID        *string `json:"iccid"`
	PhoneNumber  *string `json:"phone_number"`
	QRCode       string  `json:"qr_code"`
	QRCodeImage  *string `json:"qr_code_image"`
	ExpiryDate   string  `json:"expiry_date"`
	Info         *string `json:"info"`
}

func (s *Server) servePurchase(w http.ResponseWriter, _ *http.Request, f form) {
	id, err := strconv.Atoi(f.fields["plan_id"])
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, "validation_error", "The plan id field is required and must be an integer.")
		return
	}
	order, sold, err := s.Buy(strconv.Itoa(id), 1, wholesale.MakingTime{})
	var short *wholesale.BalanceError
	switch {
	case errors.As(err, &short):
		refuse(w, http.StatusOK, "insufficient_balance", "Insufficient balance")
		return
	case err != nil:
		refuse(w, http.StatusNotFound, "not_found", "Plan not found")
		return
	}
	e := sold[0]
	serial, err := strconv.ParseInt("8"+e.Issuer.Digits("serial", 9), 10, 64)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "server_error", "Server error")
		return
	}
	profile := profileJSON{SerialNumber: serial, QRCode: e.ActivationCode, ExpiryDate: e.ExpiresAt.Format(time.DateOnly)}
	if s.cat.byID[e.PlanCode].voice > 0 {
		phone := "0" + e.Issuer.Digits("phone", 9)
		profile.PhoneNumber = &phone
	}
	succeed(w, "order_completed", "Order completed successfully", map[string]any{
		"order": orderJSON{OrderNumber: order.No, TotalAmount: money(order.Amount)},
		"esim":  profile,
	})
}

// A carrierJSON is the envelope of what the carrier answers.
type carrierJSON struct {
	Success   any     `json:"success"` // true, or "false": the page calls it a string
	ErrorCode *string `json:"errorCode"`
	ErrorMsg  *string `json:"errorMsg"`
	Obj       any     `json:"obj"`
}

func carrierError(code, msg string) carrierJSON {
	return carrierJSON{Success: "false", ErrorCode: &code, ErrorMsg: &msg}
}

type topUpJSON struct {
	TransactionID   string `json:"transactionId"`
	ICCID           string `json:"iccid"`
	ExpiredTime     string `json:"expiredTime"`
	TotalVolume     int64  `json:"totalVolume"`   // bytes; -1: no fixed volume
	TotalDuration   int    `json:"totalDuration"` // days
	OrderUsage      int64  `json:"orderUsage"`    // bytes
	TopUpESIMTranNo string `json:"topUpEsimTranNo"`
}

// errMisfit says that a plan is not for the eSIM's place.
var errMisfit = errors.New("a plan for another place")

func (s *Server) serveTopUp(w http.ResponseWriter, _ *http.Request, f form) {
	tranNo, code := f.fields["esimTranNo"], f.fields["packageCode"]
	if tranNo == "" || code == "" {
		refuse(w, http.StatusUnprocessableEntity, "validation_error", "The esimTranNo and packageCode fields are required.")
		return
	}
	e, known := s.installed(func(e *ESIM) bool { return e.TranNo == tranNo })
	if !known {
		refuse(w, http.StatusOK, "topup_failed", "eSIM not found")
		return
	}
	order, e, err := s.TopUp(e.ICCID, s.planID(code), 1, func(p wholesale.Plan, e ESIM) error {
		if p.Location != e.Location {
			return errMisfit
		}
		return nil
	})
	var short *wholesale.BalanceError
	var state *wholesale.StateError
	switch {
	case errors.As(err, &short):
		refuse(w, http.StatusOK, "insufficient_balance", "Insufficient balance")
	case errors.Is(err, wholesale.ErrNoPlan):
		refuse(w, http.StatusOK, "topup_failed", "Package not found")
	case errors.Is(err, errMisfit):
		toppedUp(w, carrierError("200011", "The package does not match the profile"))
	case errors.As(err, &state):
		toppedUp(w, carrierError("200005", "The profile status does not allow top up"))
	case err != nil:
		refuse(w, http.StatusOK, "topup_failed", "eSIM not found")
	default:
		toppedUp(w, carrierJSON{Success: true, Obj: topUpJSON{
			TransactionID: "MBL-" + order.No + "_" + strconv.FormatInt(order.At.Unix(), 10),
			ICCID:         e.ICCID, ExpiredTime: e.ExpiresAt.Format(stamp),
			TotalVolume: e.TotalBytes, TotalDuration: e.Days, OrderUsage: e.Report.UsedBytes, TopUpESIMTranNo: tranNo,
		}})
	}
}

func toppedUp(w http.ResponseWriter, c carrierJSON) {
	wholesale.Answer(w, http.StatusOK, envelope{
		"topup_completed", "success", map[string][]string{"success": {"Top up completed successfully"}}, c,
	})
}

// planID returns the id of the plan with that package code, or nothing that is an id.
func (s *Server) planID(packageCode string) string {
	i := slices.IndexFunc(s.cat.all, func(p plan) bool { return p.packageCode == packageCode })
	if i < 0 {
		return ""
	}
	return s.cat.all[i].code()
}

// installed returns the eSIM that matches and has been installed: before, nobody can name it.
func (s *Server) installed(match func(*ESIM) bool) (ESIM, bool) {
	found := s.Find(func(e *ESIM) bool { return e.Installed() && match(e) })
	if len(found) == 0 {
		return ESIM{}, false
	}
	return found[0], true
}

type usageJSON struct {
	ESIMTranNo     string `json:"esimTranNo"`
	DataUsage      int64  `json:"dataUsage"` // bytes
	TotalData      int64  `json:"totalData"` // bytes; -1: no fixed volume
	LastUpdateTime string `json:"lastUpdateTime"`
}

func (s *Server) serveUsage(w http.ResponseWriter, r *http.Request, f form) {
	var matches []func(*ESIM) bool
	for _, no := range tranNos(f) {
		matches = append(matches, func(e *ESIM) bool { return e.TranNo == no })
	}
	if iccid := f.fields["iccid"]; iccid != "" && len(matches) == 0 {
		matches = append(matches, func(e *ESIM) bool { return e.ICCID == iccid })
	}
	if len(matches) == 0 {
		wholesale.Answer(w, http.StatusUnprocessableEntity, carrierError("422", "One of iccid, esimTranNo and esimTranNos is required"))
		return
	}
	if len(matches) > maxBatch {
		wholesale.Answer(w, http.StatusUnprocessableEntity, carrierError("422", "No more than 10 esimTranNos at once"))
		return
	}
	list := []usageJSON{}
	for _, match := range matches {
		e, known := s.installed(match)
		if !known {
			wholesale.Answer(w, http.StatusOK, carrierError("200010", "eSIM not found"))
			return
		}
		if !fault.IsEmpty(r) {
			list = append(list, usageJSON{e.TranNo, e.Report.UsedBytes, e.Report.TotalBytes, e.Report.At.Format(stamp)})
		}
	}
	zero := "0"
	s.answer(w, carrierJSON{Success: true, ErrorCode: &zero, Obj: map[string]any{"usageList": list}})
}

// tranNos returns the esimTranNos asked for, in a list, as a plain field or singly.
func tranNos(f form) []string {
	nos := slices.Clone(f.lists["esimTranNos"])
	for _, name := range []string{"esimTranNos", "esimTranNo"} {
		if no := f.fields[name]; no != "" {
			nos = append(nos, no)
		}
	}
	return nos
}
