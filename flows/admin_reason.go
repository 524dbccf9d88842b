package flows

import (
	"slices"
	"strings"

	"esimbot/locales"
	"esimbot/orders"
)

// reasonWords says in a few words why an order was changed, as its log has it: a reason, or what an
// admin decided, with the payment or the number that it was about.
func reasonWords(l *locales.Localizer, o *orders.Order, reason string) string {
	code, about := reason, ""
	for _, mark := range []string{" of ", " for "} {
		if before, after, ok := strings.Cut(reason, mark); ok {
			code, about = before, l.Isolate(oneLine(after, 64))
		}
	}
	var words string
	switch {
	case knownAnswer(code):
		words = plainButton(l.T("admin_answer_" + code))
	case code == orders.DeedReturn:
		words = plainButton(l.T("admin_button_return"))
	case code == orders.DeedGiveBack:
		words = plainButton(l.T("admin_button_second"))
	case slices.Contains(reasons(), code):
		words = firstSentence(plainButton(l.T(reasonKey(o, code), args{"Provider": l.Isolate(providerOf(o).Name())})))
	default:
		return plainWords(reason)
	}
	if about != "" {
		words += " (" + about + ")"
	}
	return words
}

// firstSentence cuts a text after its first sentence, whose full stop is left out.
func firstSentence(text string) string {
	if end := strings.Index(text, ". "); end >= 0 {
		text = text[:end]
	}
	return strings.TrimSuffix(text, ".")
}
