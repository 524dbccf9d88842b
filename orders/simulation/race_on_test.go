//go:build race

package simulation

// raced says that the race detector slows everything down.
const raced = true
