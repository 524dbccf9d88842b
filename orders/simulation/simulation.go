// Package simulation proves the order machine: it drives the real one through thousands of orders in
// worlds where everything goes wrong, and then looks into everybody else's books. All of it is in
// its tests.
//
// # How a world works
//
// A world is some dozens of orders of a few customers, eSIMs and top-ups, two or three replicas of
// the shop over one Redis, and a Stripe, two providers and a Telegram that keep books of their own.
// Time is virtual. Each thing a replica does — a look at an order, a webhook, an admin's deed, the
// sweep — is a coroutine that rests at each call to the outside; which goes on next, how long it
// rests, what the call answers and whether the process dies before or after it is drawn from one
// seeded generator. So a seed and a world's number tell the whole story, always the same.
//
// Each world has a weather: some of the faults are switched off, the others are frequent or rare.
// After a day or two the sky clears: no more faults, no more customers. When nothing is due any more
// but the daily reminders of orders under review, the books are held against each other
// (settled_test.go has the invariants, each with its name).
//
// # How to read a failure
//
// A failure names the invariant, the seed and the world, and then tells the order's story: each
// call that touched it with its time, its replica and what came of it, and each line that others
// wrote in their books. The last lines say how order and books stand. To see it again:
//
//	SIM_SEED=1 SIM_WORLD=57 go test -count=1 -v -run '^TestSimulation$' ./orders/simulation
//
// SIM_ORDER=7KQ2M9X4TB beside them tells the story of that order whether it failed or not. SIM_ORDERS
// is how many orders are simulated. With another version of the order machine the same seed tells
// another story: what happens depends on the calls that it makes.
package simulation
