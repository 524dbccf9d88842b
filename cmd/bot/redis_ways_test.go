package main

import (
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/store/storetest"
)

// Sentinel's master dies in the moment in which the eSIM is being bought. The follower becomes the master, and
// the customer has the eSIM, bought once, without anybody's doing.
func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	pair := storetest.StartSentinel(t)
	s, r := openBetween(t, pair.URL, patient(), "cloudesim")
	s.order(s.alone(esim.CloudESIM))
	purchase := r.hold("POST cloudesim/api/v1/esim/order")
	s.pay()
	purchase.await(t)
	s.becomes(orders.Purchasing)
	// What the master has acknowledged and not passed on would be lost with it: that is fault 19.
	if n, err := client(t, pair.Master.URL()).Wait(t.Context(), 1, 5*time.Second).Result(); err != nil || n != 1 {
		t.Fatalf("the follower is behind: %d, %v", n, err)
	}
	pair.Master.Kill()
	purchase.release()
	pair.Promoted()
	if _, code := s.photo(); code != s.sold(esim.CloudESIM)[0].ActivationCode {
		t.Error("the code is another")
	}
	s.becomes(orders.Delivered)
	s.expect(1, 0)
	s.say("/esims")
	s.sees("My eSIMs")
}

// One of a cluster's masters dies, and nobody stands in for it. Nothing is taken that could not be
// kept, and everything goes on when it is back.
func TestClusterNodeDown(t *testing.T) {
	t.Parallel()
	url, nodes := storetest.StartCluster(t, "--cluster-node-timeout", "1000", "--appendfsync", "always")
	s, r := openBetween(t, url, quick(), "cloudesim", "mobilexy")
	s.closed(r, func() {
		nodes[1].Kill()
		for _, n := range []*storetest.Server{nodes[0], nodes[2]} {
			n.Says("CLUSTER INFO", "cluster_state:fail")
		}
	}, func() {
		nodes[1].Up()
		for _, n := range nodes {
			n.Says("CLUSTER INFO", "cluster_state:ok")
		}
	})
}
