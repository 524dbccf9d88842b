package locales

import (
	"fmt"
	"strings"

	"github.com/shopspring/decimal"
	"golang.org/x/text/feature/plural"

	"esimbot/esim"
)

// Args are the arguments of a message by their names in it. Strings stand as they are (escaped in
// HTML), HTML as it is; int, int64 and decimal.Decimal are grouped, esim.Money is written the local
// way and isolated; anything else is printed and escaped.
type Args map[string]any

// HTML is text that is Telegram HTML already.
type HTML string

// count is the argument that holds the number of a plural.
const count = "Count"

// A template is a message's text, cut at its arguments.
type template struct {
	text  string // the whole, as written
	parts []part
}

// A part is plain text, or the name of an argument.
type part struct {
	text string
	arg  string
}

// compile cuts a text at its arguments. All languages are compiled at every start: this must be quick.
func compile(text string) (*template, error) {
	t := &template{text: text}
	for rest := text; rest != ""; {
		before, after, found := strings.Cut(rest, "{{")
		if strings.Contains(before, "}}") {
			return nil, fmt.Errorf("%q: only {{.Name}} may stand in braces", text)
		}
		if before != "" {
			t.parts = append(t.parts, part{text: before})
		}
		if !found {
			break
		}
		inside, next, closed := strings.Cut(after, "}}")
		name, dotted := strings.CutPrefix(strings.TrimSpace(inside), ".")
		if !closed || !dotted || !isArgument(name) {
			return nil, fmt.Errorf("%q: only {{.Name}} may stand in braces", text)
		}
		t.parts = append(t.parts, part{arg: name})
		rest = next
	}
	return t, nil
}

// isArgument says whether name can be an argument's: letters and digits, from a capital on.
func isArgument(name string) bool {
	for i, r := range name {
		capital, other := r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z' || r >= '0' && r <= '9'
		if !capital && (i == 0 || !other) {
			return false
		}
	}
	return name != ""
}

// fill writes the template with arguments given as name, value, name, value.
func (t *template) fill(pairs ...string) string {
	var b strings.Builder
	for _, p := range t.parts {
		b.WriteString(p.text)
		for i := 0; p.arg != "" && i < len(pairs); i += 2 {
			if pairs[i] == p.arg {
				b.WriteString(pairs[i+1])
			}
		}
	}
	return b.String()
}

// T returns a message as plain text, for buttons and toasts. A message that the language lacks is
// English; one that English lacks is its key.
func (l *Localizer) T(key string, args ...Args) string { return l.render(key, nil, false, args) }

// H returns a message as Telegram HTML: string arguments are escaped, HTML ones stand as they are,
// and so do the message's own tags.
func (l *Localizer) H(key string, args ...Args) string { return l.render(key, nil, true, args) }

// N returns the plural form of a message for n as plain text; {{.Count}} is n.
func (l *Localizer) N(key string, n int, args ...Args) string { return l.render(key, &n, false, args) }

// HN is N as Telegram HTML.
func (l *Localizer) HN(key string, n int, args ...Args) string { return l.render(key, &n, true, args) }

func (l *Localizer) render(key string, n *int, html bool, args []Args) string {
	m, from := l.find(key)
	if m == nil {
		return key
	}
	t := m.forms[plural.Other]
	if n != nil {
		if form := m.forms[from.form(*n)]; form != nil {
			t = form
		}
	}
	if len(t.parts) == 1 && t.parts[0].arg == "" {
		return t.text
	}
	var b strings.Builder
	b.Grow(len(t.text) + 32)
	for _, p := range t.parts {
		switch {
		case p.arg == "":
			b.WriteString(p.text)
		case p.arg == count && n != nil:
			b.WriteString(l.Number(int64(*n)))
		default:
			b.WriteString(l.argument(p.arg, html, args))
		}
	}
	return b.String()
}

// find returns a message and the Localizer whose it is: this one or that of English.
func (l *Localizer) find(key string) (*message, *Localizer) {
	if m, ok := l.messages[key]; ok {
		return m, l
	}
	if en := l.bundle.english; en != nil { // nil while English itself is loaded
		if m, ok := en.messages[key]; ok {
			return m, en
		}
	}
	l.bundle.unknown.Store(key, true)
	return nil, l
}

// form returns the plural form for n: those of CLDR for whole numbers.
func (l *Localizer) form(n int) plural.Form {
	return plural.Cardinal.MatchPlural(l.tag, max(n, -n)%10_000_000, 0, 0, 0, 0)
}

// argument writes one argument; one that was not given shows as an ellipsis, which a reader of the
// screens sees and a customer can live with.
func (l *Localizer) argument(name string, html bool, args []Args) string {
	var value any
	for _, a := range args {
		if v, ok := a[name]; ok {
			value = v
		}
	}
	var s string
	switch v := value.(type) {
	case nil:
		return "…"
	case HTML:
		return string(v)
	case string:
		s = v
	case int:
		return l.Number(int64(v))
	case int64:
		return l.Number(v)
	case decimal.Decimal:
		return l.Decimal(v)
	case esim.Money:
		s = l.Isolate(l.Money(v))
	default:
		s = fmt.Sprint(v)
	}
	if html {
		return Escape(s)
	}
	return s
}

// Escape makes s safe in Telegram's HTML, in text and in attributes
// (core.telegram.org/bots/api#html-style).
func Escape(s string) string {
	if !strings.ContainsAny(s, `&<>"`) {
		return s
	}
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}
