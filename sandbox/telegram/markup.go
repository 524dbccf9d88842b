package telegram

import (
	"encoding/json"
	"strings"
)

const (
	maxButtons      = 100
	maxCallbackData = 64 // bytes
)

// markup reads the call's reply_markup. A custom reply keyboard, its removal and a forced reply are
// checked and then left out: the sandbox's chat shows inline keyboards only.
func (p params) markup() (*InlineKeyboard, error) {
	raw := strings.TrimSpace(p.str("reply_markup"))
	if raw == "" || raw == "null" {
		return nil, nil
	}
	var reply struct {
		Inline *[][]json.RawMessage `json:"inline_keyboard"`
		Custom *[][]json.RawMessage `json:"keyboard"`
	}
	if err := json.Unmarshal([]byte(raw), &reply); err != nil {
		return nil, badRequest("can't parse reply keyboard markup JSON object")
	}
	if reply.Inline == nil {
		if reply.Custom != nil && len(*reply.Custom) == 0 {
			return nil, badRequest("keyboard must be non-empty")
		}
		return nil, nil
	}
	keyboard := &InlineKeyboard{}
	count := 0
	for _, row := range *reply.Inline {
		var buttons []Button
		for _, raw := range row {
			b, err := readButton(raw)
			if err != nil {
				return nil, err
			}
			buttons = append(buttons, b)
		}
		if len(buttons) > 0 {
			keyboard.Rows = append(keyboard.Rows, buttons)
		}
		count += len(buttons)
	}
	switch {
	case count > maxButtons:
		return nil, badRequest("REPLY_MARKUP_TOO_LONG")
	case count == 0:
		return nil, nil
	}
	return keyboard, nil
}

// readButton reads one inline button and refuses what Telegram refuses.
// https://core.telegram.org/bots/api#inlinekeyboardbutton
func readButton(raw json.RawMessage) (Button, error) {
	var b Button
	if err := json.Unmarshal(raw, &b); err != nil {
		return b, badRequest("can't parse inline keyboard button: %v", err)
	}
	b.Text = strings.TrimSpace(b.Text)
	if b.Text == "" {
		return b, badRequest("inline keyboard button text must be non-empty")
	}
	switch b.Style {
	case "", "danger", "success", "primary":
	default:
		return b, badRequest("can't parse inline keyboard button: invalid button style specified")
	}
	// Clients write an empty copy_text into every button; the server looks at it only when the
	// button has no other action.
	if b.CopyText != nil && b.CopyText.Text == "" && b.actions() > 1 {
		b.CopyText = nil
	}
	switch n := b.actions(); {
	case n == 0:
		return b, badRequest("text buttons are unallowed in the inline keyboard")
	case n > 1:
		return b, badRequest("inline keyboard button must have exactly one action")
	}
	return b.checked()
}

// actions counts what the button would do when pressed.
func (b Button) actions() int {
	n := 0
	for _, set := range []bool{
		b.URL != "", b.CallbackData != "", b.CopyText != nil, b.WebApp != nil,
		b.SwitchInlineQuery != nil, b.SwitchInlineQueryCurrentChat != nil, b.Pay,
	} {
		if set {
			n++
		}
	}
	return n
}

// checked holds the button's one action against its limits.
func (b Button) checked() (Button, error) {
	switch {
	case len(b.CallbackData) > maxCallbackData:
		return b, badRequest("BUTTON_DATA_INVALID")
	case b.URL != "":
		address, ok := checkURL(b.URL)
		if !ok {
			return b, badRequest("BUTTON_URL_INVALID")
		}
		b.URL = address
	case b.WebApp != nil:
		if !strings.HasPrefix(b.WebApp.URL, "https://") {
			return b, badRequest("inline keyboard button Web App URL %q is invalid: Only HTTPS links are allowed", b.WebApp.URL)
		}
	case b.CopyText != nil:
		if n := units(b.CopyText.Text); n < 1 || n > maxCopy {
			return b, badRequest("BUTTON_COPY_TEXT_INVALID")
		}
	case b.Pay:
		return b, badRequest("BUTTON_TYPE_INVALID") // only below an invoice, which the sandbox does not send
	case b.SwitchInlineQuery != nil, b.SwitchInlineQueryCurrentChat != nil:
		return b, badRequest("BOT_INLINE_DISABLED")
	}
	return b, nil
}

// same says whether two keyboards show the same buttons.
func (k *InlineKeyboard) same(other *InlineKeyboard) bool {
	a, errA := json.Marshal(k)
	b, errB := json.Marshal(other)
	return errA == nil && errB == nil && string(a) == string(b)
}
