package providers

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// A Panic is one that was caught in a goroutine of its own, where nobody else could have caught it: the
// process would have ended. It is to be raised again where its work is waited for, or told of there.
type Panic struct {
	Value any
	Stack []byte
}

func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// Guard has a panic of do come back as a *Panic.
func Guard(do func() error) func() error {
	return func() (err error) {
		defer func() {
			if v := recover(); v != nil {
				err = &Panic{Value: v, Stack: debug.Stack()}
			}
		}()
		return do()
	}
}

// Raise panics in the caller's place if err is a *Panic, with the stack it came from; any other error
// it returns.
func Raise(err error) error {
	var p *Panic
	if errors.As(err, &p) {
		panic(fmt.Sprintf("%v\n%s", p.Value, p.Stack))
	}
	return err
}
