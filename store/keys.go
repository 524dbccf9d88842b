package store

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"esimbot/esim"
	"esimbot/orders"
)

// Every key has its builder here, and nothing else spells one. What stands in braces decides the
// slot of a cluster: keys that one script or pipeline needs together share it.

const (
	orderPartitions = 8
	esimPartitions  = 16
)

func userTag(user int64) string        { return "{u:" + strconv.FormatInt(user, 10) + "}" }
func sessionKey(user int64) string     { return userTag(user) + ":session" }
func customerKey(user int64) string    { return userTag(user) + ":customer" }
func seenKey(user int64) string        { return userTag(user) + ":seen" }
func userOrdersKey(user int64) string  { return userTag(user) + ":orders" }
func userESIMsKey(user int64) string   { return userTag(user) + ":esims" }
func pagesOpenedKey(user int64) string { return userTag(user) + ":opened" } // payment pages, by time opened
func pagesOpenKey(user int64) string   { return userTag(user) + ":open" }   // of these, those still open
func userPaidKey(user int64) string    { return userTag(user) + ":paid" }   // paid orders, by time paid
func blockedKey(user int64) string     { return userTag(user) + ":blocked" }
func askedKey(user int64) string       { return userTag(user) + ":asked" }  // messages to support, by time
func relaysKey(user int64) string      { return userTag(user) + ":relays" } // the relay's messages that carry their words, by time
func linksKey(user int64) string       { return userTag(user) + ":links" }  // tries to link an ICCID, by time

func partition(id string, of uint32) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // a hash never fails
	return h.Sum32() % of
}

func orderTag(n uint32) string        { return fmt.Sprintf("{o:%02d}", n) }
func tagOf(id orders.ID) string       { return orderTag(partition(string(id), orderPartitions)) }
func orderKey(id orders.ID) string    { return tagOf(id) + ":order:" + string(id) }
func orderLogKey(id orders.ID) string { return tagOf(id) + ":log:" + string(id) }
func orderDueKey(n uint32) string     { return orderTag(n) + ":due" }
func orderStateKey(id orders.ID, s orders.State) string {
	return orderStatePartKey(partition(string(id), orderPartitions), s)
}

// orderAllKey has a partition's orders by when they were made.
func orderAllKey(n uint32) string { return orderTag(n) + ":all" }

func orderStatePartKey(n uint32, s orders.State) string { return orderTag(n) + ":state:" + string(s) }

func countedKey(id orders.ID) string { return tagOf(id) + ":counted:" + string(id) }

// figuresKey is the part of a day's figures that orders of id's partition make up.
func figuresKey(id orders.ID, day time.Time) string {
	return figuresPartKey(partition(string(id), orderPartitions), day)
}

func figuresPartKey(n uint32, day time.Time) string {
	return orderTag(n) + ":stats:" + day.UTC().Format(time.DateOnly)
}

func esimTag(n uint32) string    { return fmt.Sprintf("{e:%02d}", n) }
func esimKey(id string) string   { return esimTag(partition(id, esimPartitions)) + ":esim:" + id }
func esimDueKey(n uint32) string { return esimTag(n) + ":due" }

// esimStandingsKey has how many eSIMs of a part there are of each standing, by its code.
func esimStandingsKey(n uint32) string { return esimTag(n) + ":standings" }

func iccidKey(i esim.ICCID) string        { return "iccid:" + i.Digits() }
func intentKey(intent string) string      { return "pi:" + intent }
func catalogueKey(p esim.Provider) string { return "catalog:" + string(p) }
func statsKey(day time.Time) string       { return "stats:" + day.UTC().Format(time.DateOnly) }
func claimKey(name string) string         { return "claim:" + name }
func secretKey(name string) string        { return "secret:" + name }
func rateKey(p esim.Provider) string      { return "rate:" + string(p) }
func pausesKey() string                   { return "pauses" }

// relayKey names a message in a support chat that stands for a customer's.
func relayKey(chat int64, message int) string { return fmt.Sprintf("relay:%d:%d", chat, message) }
