// Package cloudesim is a local CloudeSIM: the whole API of its page as a stateful server that
// sells, tops up and takes back eSIMs from a catalogue of its own, and refuses what the real one
// would refuse.
//
// Failures are an envelope with success false; those a shop meets in daily business (too little
// balance, an eSIM that can't be taken back) come with HTTP 200, as CloudeSIM's do. The page does
// not say how an activation code that was still being made reaches the shop: here /esim/query
// carries ac and qrCodeUrl beside what the page shows.
package cloudesim

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/sandbox/fault"
	"esimbot/sandbox/wholesale"
)

// An ESIM is one eSIM sold; TranNo is its order number.
type ESIM = wholesale.ESIM

// Options configure a Server.
type Options struct {
	Token   string           // the bearer token; with none, nobody gets in
	Now     func() time.Time // nil: time.Now
	Seed    uint64           // other seeds, other order numbers, codes and ICCIDs
	BaseURL string           // where the server is reached, for qrCodeUrl; empty: as the request says
}

// A Server is a CloudeSIM. It serves the API under /api/v1 and the QR images under /qr.
// Balance, ESIMs, Install, SetUsed and all else that happens behind the API is House's.
type Server struct {
	*wholesale.House
	Fault *fault.Switch // how the API misbehaves

	token, baseURL string
	handler        http.Handler

	mu         sync.Mutex
	making     wholesale.MakingTime
	partly     bool
	shortCodes bool
}

// New returns a server with 250 USD on the account.
func New(o Options) *Server {
	s := &Server{
		House: wholesale.New(wholesale.Options{
			Now: o.Now, Seed: o.Seed, Balance: decimal.New(250, 0),
			SMDP: "smdp.example", ICCIDPrefix: "8985200", ICCIDDigits: 19,
			OrderNo: func(i wholesale.Issuer, at time.Time) string {
				return fmt.Sprintf("ESA%d%s%04d", at.Year(), i.Digits("order", 4), i.N)
			},
			TranNo: func(_ wholesale.Issuer, order string, _ time.Time) string { return order },
		}, catalogue()),
		Fault:   &fault.Switch{Now: o.Now},
		token:   o.Token,
		baseURL: o.BaseURL,
	}
	s.handler = s.Fault.Wrap(s.routes())
	return s
}

// ServeHTTP answers as CloudeSIM would, in its present mood.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// ProvisionAfter makes the profiles of orders from now on take d to be made: until then their
// esimList is empty.
func (s *Server) ProvisionAfter(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.making.For = d
}

// ProvisionAfterQueries makes n queries for each eSIM ordered from now on find nothing yet.
func (s *Server) ProvisionAfterQueries(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.making.Looks = n
}

// ListUnfinished lists eSIMs that are still being made too, without ac and qrCodeUrl.
func (s *Server) ListUnfinished(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.partly = on
}

// ShortCodes makes ac a short code that no phone takes; the LPA string is in the QR image alone.
func (s *Server) ShortCodes(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shortCodes = on
}

func (s *Server) settings() (making wholesale.MakingTime, partly, shortCodes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.making, s.partly, s.shortCodes
}

func (s *Server) routes() http.Handler {
	api := http.NewServeMux()
	api.HandleFunc("GET /api/v1/account/balance", s.serveBalance)
	api.HandleFunc("POST /api/v1/packages", s.servePackages)
	api.HandleFunc("POST /api/v1/esim/order", s.serveOrder)
	api.HandleFunc("POST /api/v1/esim/query", s.serveQuery)
	api.HandleFunc("POST /api/v1/esim/topup", s.serveTopUp)
	api.HandleFunc("POST /api/v1/esim/cancel", s.serveCancel)
	api.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound, "Not found.") })

	mux := http.NewServeMux()
	mux.HandleFunc("GET /qr/{name}", s.serveQR)
	mux.Handle("/", s.authenticated(api))
	return mux
}

func (s *Server) authenticated(next http.Handler) http.Handler {
	want := []byte("Bearer " + s.token)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := []byte(r.Header.Get("Authorization"))
		if s.token == "" || subtle.ConstantTimeCompare(got, want) != 1 {
			refuse(w, http.StatusUnauthorized, "Invalid or missing API token.")
			return
		}
		next.ServeHTTP(w, r)
	})
}
