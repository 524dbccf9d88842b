package main

import (
	"maps"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/sandbox/telegram"
	"esimbot/store/storetest"
)

// The shop's whole suite: journeys that customers and admins make side by side in one world, and the
// books held against each other afterwards. It is walked on one Redis, on a cluster of three, and on two
// replicas which are restarted one after the other meanwhile.

const (
	suiteSupport = -1002000000000 // the support chat
	firstVisitor = 5000           // ids of customers
	firstBoss    = 7000           // ids of admins
)

// suiteVars are the shop's variables, with vars over them.
func suiteVars(vars map[string]string) map[string]string {
	admins := []string{strconv.Itoa(admin)}
	for i := range journeys() {
		admins = append(admins, strconv.Itoa(firstBoss+i))
	}
	own := map[string]string{"ADMIN_IDS": strings.Join(admins, ","), "SUPPORT_CHAT_ID": strconv.Itoa(suiteSupport), "QUIET_HOURS": "off"}
	maps.Copy(own, vars)
	return quick(own)
}

func TestSuite(t *testing.T) {
	t.Parallel()
	suite(t, openStage(t, "", suiteVars(nil)))
}

func TestClusterSuite(t *testing.T) {
	t.Parallel()
	suite(t, openStage(t, storetest.Cluster(t), suiteVars(nil)))
}

// suite walks every journey, with meanwhile going on beside them, and then audits the books.
func suite(t *testing.T, s *stage, meanwhile ...func()) {
	s.populated()
	var post sync.Mutex
	var beside sync.WaitGroup
	for _, do := range meanwhile {
		beside.Go(do) // no subtest: it must not wait for a turn while journeys wait for it
	}
	t.Run("journeys", func(t *testing.T) {
		for i, j := range journeys() {
			t.Run(j.name, func(t *testing.T) {
				t.Parallel()
				v := &visitor{stage: s.as(t, int64(firstVisitor+i)), boss: int64(firstBoss + i), post: &post}
				j.walk(v)
				if t.Failed() {
					t.Logf("what the customer saw:\n%s\nand the admin:\n%s", v.seen(v.me()), v.seen(v.boss))
				}
			})
		}
	})
	beside.Wait()
	s.balanced()
}

// populated adds the suite's people.
func (s *stage) populated() {
	s.t.Helper()
	tg := s.world.Telegram
	var staff []int64
	for i := range journeys() {
		tg.AddUser(telegram.User{ID: int64(firstVisitor + i), FirstName: "Visitor", LanguageCode: "en"})
		tg.AddUser(telegram.User{ID: int64(firstBoss + i), FirstName: "Admin", LanguageCode: "en", Started: true})
		staff = append(staff, int64(firstBoss+i))
	}
	tg.AddGroup(suiteSupport, "Support", staff...)
	if err := tg.AddBot(suiteSupport, staff[0]); err != nil {
		s.t.Fatal(err)
	}
	s.world.CloudESIM.SetBalance(decimal.New(100_000, 0))
	s.world.Mobilexy.SetBalance(decimal.New(100_000, 0))
}

// balanced holds the books against each other: every paid order is at its end, and what providers sold is
// what orders have bought, once each.
func (s *stage) balanced() {
	s.t.Helper()
	bought, paid := map[string]bool{}, 0
	for _, cs := range s.world.Stripe.Sessions() {
		if cs.PaymentStatus != "paid" {
			continue
		}
		paid++
		var o *orders.Order
		s.eventually("the end of order "+cs.Reference, func() bool {
			var err error
			o, err = s.app.store.Orders().Load(s.ctx, orders.ID(cs.Reference))
			return err == nil && o.State.Finished()
		})
		if o.Kind != orders.KindTopUp && o.Bought != nil {
			bought[string(o.Bought.Profile.Provider)+o.Bought.Profile.OrderNo+o.Bought.Profile.TranNo] = true
		}
	}
	if sales := s.sales(); sales != len(bought) || sales == 0 {
		s.t.Errorf("%d eSIMs were sold, and %d of %d orders have one", sales, len(bought), paid)
	}
	var codes []string
	for _, p := range []esim.Provider{esim.CloudESIM, esim.Mobilexy} {
		for _, e := range s.sold(p) {
			codes = append(codes, e.ActivationCode)
		}
	}
	s.noSecrets(codes...)
}
