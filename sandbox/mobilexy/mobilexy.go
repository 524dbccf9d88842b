// Package mobilexy is a local Mobilexy: the whole API of its page as a stateful server with about
// two hundred countries, regions and global plans, that sells and tops up eSIMs and reports what
// they have used as late as the carrier does.
//
// Where the page leaves things open, this server does the following. The catalogue is open to all;
// everything else wants the api_key in the form. An order gives neither ICCID nor esimTranNo: the
// usage-check knows an eSIM once it has been installed, and one it doesn't know fails the whole
// batch. A plan without a fixed volume has totalData -1. A top-up that the carrier refuses is a
// failure inside an envelope of success.
package mobilexy

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

// carrierDelay is how often the carrier tells what was used.
const carrierDelay = 150 * time.Minute

// An ESIM is one eSIM sold; TranNo is its esimTranNo, PlanCode the plan's id.
type ESIM = wholesale.ESIM

// Options configure a Server.
type Options struct {
	APIKey  string           // with none, nobody gets in
	Now     func() time.Time // nil: time.Now
	Seed    uint64           // other seeds, other order numbers, codes and ICCIDs
	BaseURL string           // where the server is reached; no answer of Mobilexy's says it
}

// A Server is a Mobilexy. It serves the API under /api.
// Balance, ESIMs, Install, SetUsed and all else that happens behind the API is House's; its plans
// go by their id in decimal.
type Server struct {
	*wholesale.House
	Fault *fault.Switch // how the API misbehaves

	apiKey  string
	cat     *catalogue
	handler http.Handler

	mu    sync.Mutex
	slips bool
}

// New returns a server with 250 USD on the account.
func New(o Options) *Server {
	cat := newCatalogue()
	s := &Server{
		House: wholesale.New(wholesale.Options{
			Now: o.Now, Seed: o.Seed, Balance: decimal.New(250, 0), ReportEvery: carrierDelay,
			SMDP: "rsp.example", ICCIDPrefix: "8948010", ICCIDDigits: 20,
			OrderNo: func(i wholesale.Issuer, _ time.Time) string { return i.Text("order", 10) },
			TranNo: func(i wholesale.Issuer, _ string, at time.Time) string {
				return fmt.Sprintf("%s%04d", at.Format("0601021504"), i.N)
			},
		}, cat.prices),
		Fault:  &fault.Switch{Now: o.Now},
		apiKey: o.APIKey,
		cat:    cat,
	}
	s.handler = s.Fault.Wrap(s.routes())
	return s
}

// ServeHTTP answers as Mobilexy would, in its present mood.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Slips makes the server write JSON as carelessly as Mobilexy's page does: commas that are
// missing, commas and braces too many.
func (s *Server) Slips(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slips = on
}

func (s *Server) careless() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.slips
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/coverage/countries", s.serveCountries)
	mux.HandleFunc("GET /api/coverage/regions", s.serveRegions)
	mux.HandleFunc("GET /api/country-plans/{slug}", s.serveCountryPlans)
	mux.HandleFunc("GET /api/region-plans/{slug}", s.serveRegionPlans)
	mux.HandleFunc("GET /api/global-plans", s.serveGlobalPlans)
	mux.HandleFunc("GET /api/plan/{id}", s.servePlan)
	mux.HandleFunc("POST /api/balance", s.withKey(s.serveBalance))
	mux.HandleFunc("POST /api/plan/purchase", s.withKey(s.servePurchase))
	mux.HandleFunc("POST /api/profile/topup", s.withKey(s.serveTopUp))
	mux.HandleFunc("POST /api/profile/usage-check", s.withKey(s.serveUsage))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound, "not_found", "Not found") })
	return mux
}

// withKey reads the form and lets only those with the API key through.
func (s *Server) withKey(next func(http.ResponseWriter, *http.Request, form)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f, err := readForm(w, r)
		if err != nil {
			refuse(w, http.StatusBadRequest, "bad_request", "The form can't be read")
			return
		}
		if s.apiKey == "" || subtle.ConstantTimeCompare([]byte(f.fields["api_key"]), []byte(s.apiKey)) != 1 {
			refuse(w, http.StatusUnauthorized, "unauthenticated", "Invalid API key")
			return
		}
		next(w, r, f)
	}
}
