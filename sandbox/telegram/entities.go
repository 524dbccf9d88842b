package telegram

import (
	"cmp"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// The longest texts, in UTF-16 code units after entities parsing.
const (
	maxText    = 4096
	maxCaption = 1024
	maxToast   = 200
	maxCopy    = 256
)

// What Telegram finds in a text by itself. The first group is the entity.
var (
	urlPattern     = regexp.MustCompile(`(?i)(?:^|[\s(\x{2068}])((?:https?://|tg://|t\.me/)[^\s<>"'\x{2069}]*[^\s<>"'.,;:!?)\x{2069}])`)
	mentionPattern = regexp.MustCompile(`(?:^|[^\w@/])(@[A-Za-z][A-Za-z0-9_]{3,31})\b`)
	commandPattern = regexp.MustCompile(`(?:^|[^\w/<>])(/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?)\b`)
	hashtagPattern = regexp.MustCompile(`(?:^|\s)(#[\p{L}\p{N}_]*[\p{L}_][\p{L}\p{N}_]*)`)
	emailPattern   = regexp.MustCompile(`(?i)(?:^|[^\w.+-])([\w.+-]+@[\w-]+(?:\.[\w-]+)+)\b`)
)

// format reads the text of a call the way its parse mode says, finds the entities Telegram finds
// by itself, and holds it against the limit. The text comes from the parameter name, given
// entities from the parameter list.
func (p params) format(name, list string, limit int) (string, []Entity, error) {
	text := p.str(name)
	if !utf8.ValidString(text) {
		return "", nil, badRequest("strings must be encoded in UTF-8")
	}
	var entities []Entity
	var err error
	switch mode := strings.ToLower(p.str("parse_mode")); mode {
	case "html":
		text, entities, err = parseHTML(text)
	case "", "none":
		err = p.decode(list, &entities)
	case "markdown", "markdownv2":
		return "", nil, badRequest("can't parse entities: the sandbox speaks HTML only, not %s", mode)
	default:
		return "", nil, badRequest("unsupported parse_mode")
	}
	if err != nil {
		return "", nil, err
	}
	text, entities = tidy(text, entities)
	if units(text) > limit {
		if name == "caption" {
			return "", nil, badRequest("message caption is too long")
		}
		return "", nil, badRequest("message is too long")
	}
	return text, withFound(text, entities), nil
}

// tidy trims the text, and its entities with it.
func tidy(text string, entities []Entity) (string, []Entity) {
	const space = " \t\n\r\v\f"
	trimmed := strings.TrimLeft(text, space)
	cut := units(text) - units(trimmed)
	trimmed = strings.TrimRight(trimmed, space)
	end := units(trimmed)
	var kept []Entity
	for _, e := range entities {
		from, to := max(e.Offset-cut, 0), min(e.Offset+e.Length-cut, end)
		if e.Type == "" || from >= to {
			continue
		}
		e.Offset, e.Length = from, to-from
		kept = append(kept, e)
	}
	sortEntities(kept)
	return trimmed, kept
}

func sortEntities(list []Entity) {
	slices.SortStableFunc(list, func(a, b Entity) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(b.Length, a.Length))
	})
}

// withFound adds the addresses, mentions, commands and the like that stand in the text, where no
// link or code stands already.
func withFound(text string, entities []Entity) []Entity {
	found := slices.Clone(entities)
	for _, kind := range []struct {
		name    string
		pattern *regexp.Regexp
	}{
		{"url", urlPattern}, {"email", emailPattern}, {"mention", mentionPattern},
		{"bot_command", commandPattern}, {"hashtag", hashtagPattern},
	} {
		for _, at := range kind.pattern.FindAllStringSubmatchIndex(text, -1) {
			e := Entity{Type: kind.name, Offset: units(text[:at[2]]), Length: units(text[at[2]:at[3]])}
			if !slices.ContainsFunc(found, e.clashes) {
				found = append(found, e)
			}
		}
	}
	sortEntities(found)
	return found
}

// clashes says whether other leaves no room for e, an entity found in the text.
func (e Entity) clashes(other Entity) bool {
	if e.Offset+e.Length <= other.Offset || other.Offset+other.Length <= e.Offset {
		return false
	}
	switch other.Type {
	case "bold", "italic", "underline", "strikethrough", "spoiler", "blockquote", "expandable_blockquote":
		return other.Offset > e.Offset || other.Offset+other.Length < e.Offset+e.Length
	default:
		return true
	}
}

// runeUnits is how many UTF-16 code units a rune takes.
func runeUnits(r rune) int {
	if r > 0xffff {
		return 2
	}
	return 1
}

// units is the length of a text in UTF-16 code units.
func units(text string) int {
	n := 0
	for _, r := range text {
		n += runeUnits(r)
	}
	return n
}

// byteOffset is where the UTF-16 offset stands in text, in bytes.
func byteOffset(text string, offset int) int {
	n := 0
	for i, r := range text {
		if n >= offset {
			return i
		}
		n += runeUnits(r)
	}
	return len(text)
}

// checkURL says whether Telegram takes an address for a link or a button, and returns it with its
// scheme.
func checkURL(address string) (string, bool) {
	address = strings.TrimSpace(address)
	if address == "" || strings.ContainsAny(address, " \n\t") {
		return "", false
	}
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", false
	}
	switch strings.ToLower(u.Scheme) {
	case "tg", "ton", "tonsite":
		return address, u.Host != ""
	case "http", "https":
		// A host without a dot, such as localhost, is refused.
		return address, strings.Contains(u.Hostname(), ".") || strings.Contains(u.Hostname(), ":")
	default:
		return "", false
	}
}

// renderHTML writes a text with its entities as Telegram HTML.
func renderHTML(text string, entities []Entity) string {
	type mark struct{ from, to string }
	var b strings.Builder
	var open []Entity
	marks := func(e Entity) mark {
		switch e.Type {
		case "bold":
			return mark{"<b>", "</b>"}
		case "italic":
			return mark{"<i>", "</i>"}
		case "underline":
			return mark{"<u>", "</u>"}
		case "strikethrough":
			return mark{"<s>", "</s>"}
		case "spoiler":
			return mark{"<tg-spoiler>", "</tg-spoiler>"}
		case "code":
			return mark{"<code>", "</code>"}
		case "pre":
			return mark{"<pre>", "</pre>"}
		case "blockquote":
			return mark{"<blockquote>", "</blockquote>"}
		case "expandable_blockquote":
			return mark{"<blockquote expandable>", "</blockquote>"}
		case "text_link":
			return mark{`<a href="` + html.EscapeString(e.URL) + `">`, "</a>"}
		default:
			return mark{}
		}
	}
	escaper := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	at, next := 0, 0
	step := func() {
		for len(open) > 0 && open[len(open)-1].Offset+open[len(open)-1].Length <= at {
			b.WriteString(marks(open[len(open)-1]).to)
			open = open[:len(open)-1]
		}
		for ; next < len(entities) && entities[next].Offset <= at; next++ {
			b.WriteString(marks(entities[next]).from)
			open = append(open, entities[next])
		}
	}
	for _, r := range text {
		step()
		b.WriteString(escaper.Replace(string(r)))
		at += runeUnits(r)
	}
	step()
	return b.String()
}
