package flows

import (
	"errors"

	"esimbot/orders"
)

// ErrNotCarried says that Telegram doesn't let a message of that kind be passed on.
var ErrNotCarried = errors.New("a message of this kind can't be passed on")

// A Relayed is what a message of the bot's carried between a customer and support, kept by the
// message's chat and number so that a reply to it finds its way.
type Relayed struct {
	Customer int64     `json:"customer"`
	Language string    `json:"language"`          // the customer's
	Order    orders.ID `json:"order,omitempty"`   // what it is about; empty for nothing in particular
	Message  int       `json:"message,omitempty"` // the customer's message in their private chat
	// Answer says that it went from support to the customer. Without it, it is an inquiry in the
	// support chat or in an admin's.
	Answer bool `json:"answer,omitempty"`
}

// A Typed is a text that a customer sent, with its message.
type Typed struct {
	Message int    `json:"message"`
	Text    string `json:"text"`
}
