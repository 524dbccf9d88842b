package telegram

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// tag is a start tag that waits for its end.
type tag struct {
	name   string
	value  string // href, class, emoji-id, unix, expandable: what the tag's own attribute says
	format string // of tg-time
	offset int    // in UTF-16 units
	at     int    // in bytes of the source
}

// htmlParser reads Telegram's HTML style as strictly as the real server:
// https://core.telegram.org/bots/api#html-style
type htmlParser struct {
	src      string
	pos      int
	text     strings.Builder
	units    int // UTF-16 units in text
	open     []tag
	entities []Entity
}

// parseHTML returns the text without its tags, and the entities the tags stood for.
func parseHTML(src string) (string, []Entity, error) {
	p := &htmlParser{src: src}
	for p.pos < len(src) {
		var err error
		switch c := src[p.pos]; {
		case c == '&':
			p.write(p.character())
		case c == '<' && p.pos+1 < len(src) && src[p.pos+1] == '/':
			err = p.endTag()
		case c == '<':
			err = p.startTag()
		default:
			r, size := utf8.DecodeRuneInString(src[p.pos:])
			p.pos += size
			p.write(r)
		}
		if err != nil {
			return "", nil, err
		}
	}
	if len(p.open) > 0 {
		return "", nil, p.fail("Can't find end tag corresponding to start tag %q", p.open[len(p.open)-1].name)
	}
	return p.text.String(), p.entities, nil
}

func (p *htmlParser) fail(format string, args ...any) error {
	return badRequest("can't parse entities: %s", fmt.Sprintf(format, args...))
}

func (p *htmlParser) write(r rune) {
	p.text.WriteRune(r)
	p.units += runeUnits(r)
}

// character reads what an ampersand begins: one of the four named entities, a numeric one, or just
// the ampersand.
func (p *htmlParser) character() rune {
	rest := p.src[p.pos+1:]
	end := strings.IndexFunc(rest, func(r rune) bool {
		return r != '#' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if end < 0 {
		end = len(rest)
	}
	r, ok := namedCharacter(rest[:end])
	if !ok {
		p.pos++
		return '&'
	}
	p.pos += 1 + end
	if p.pos < len(p.src) && p.src[p.pos] == ';' {
		p.pos++
	}
	return r
}

func namedCharacter(name string) (rune, bool) {
	switch name {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "quot":
		return '"', true
	}
	digits, base := strings.TrimPrefix(name, "#"), 10
	if digits == name {
		return 0, false
	}
	if hex := strings.TrimPrefix(digits, "x"); hex != digits {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n == 0 || n >= 0x10ffff || !utf8.ValidRune(rune(n)) {
		return 0, false
	}
	return rune(n), true
}

func (p *htmlParser) startTag() error {
	at := p.pos
	p.pos++
	name := strings.ToLower(p.until(" \t\n\r>"))
	if p.pos >= len(p.src) {
		return p.fail("Unclosed start tag at byte offset %d", at)
	}
	if !supportedTag(name) {
		return p.fail("Unsupported start tag %q at byte offset %d", name, at)
	}
	t := tag{name: name, offset: p.units, at: at}
	for {
		p.skipSpace()
		if p.pos >= len(p.src) {
			return p.fail("Unclosed start tag %q at byte offset %d", name, at)
		}
		if p.src[p.pos] == '>' {
			p.pos++
			break
		}
		key, value, err := p.attribute(t)
		if err != nil {
			return err
		}
		t.take(key, value)
	}
	if name == "span" && t.value != "tg-spoiler" {
		return p.fail("Tag \"span\" must have class \"tg-spoiler\" at byte offset %d", at)
	}
	p.open = append(p.open, t)
	return nil
}

func supportedTag(name string) bool {
	switch name {
	case "a", "b", "strong", "i", "em", "s", "strike", "del", "u", "ins", "tg-spoiler", "tg-emoji", "tg-time", "span", "pre", "code", "blockquote":
		return true
	default:
		return false
	}
}

// attribute reads name or name=value; the value may be quoted.
func (p *htmlParser) attribute(t tag) (key, value string, err error) {
	key = strings.ToLower(p.until(" \t\n\r>="))
	if key == "" {
		return "", "", p.fail("Empty attribute name in the tag %q at byte offset %d", t.name, t.at)
	}
	p.skipSpace()
	if p.pos >= len(p.src) || p.src[p.pos] != '=' {
		if key == "expandable" {
			return key, "1", nil
		}
		return "", "", p.fail("Expected equal sign in declaration of an attribute of the tag %q at byte offset %d", t.name, t.at)
	}
	p.pos++
	p.skipSpace()
	if p.pos >= len(p.src) {
		return "", "", p.fail("Unclosed start tag %q at byte offset %d", t.name, t.at)
	}
	quote := p.src[p.pos]
	if quote != '"' && quote != '\'' {
		token := p.until(" \t\n\r>")
		return key, strings.ToLower(token), nil
	}
	p.pos++
	var b strings.Builder
	for p.pos < len(p.src) && p.src[p.pos] != quote {
		if p.src[p.pos] == '&' {
			b.WriteRune(p.character())
			continue
		}
		b.WriteByte(p.src[p.pos])
		p.pos++
	}
	if p.pos >= len(p.src) {
		return "", "", p.fail("Unclosed start tag at byte offset %d", t.at)
	}
	p.pos++
	return key, b.String(), nil
}

// take keeps an attribute that means something on its tag; others are ignored.
func (t *tag) take(key, value string) {
	switch {
	case t.name == "a" && key == "href",
		t.name == "span" && key == "class",
		t.name == "tg-emoji" && key == "emoji-id",
		t.name == "tg-time" && key == "unix",
		t.name == "blockquote" && key == "expandable":
		t.value = value
	case t.name == "tg-time" && key == "format":
		t.format = value
	case t.name == "code" && key == "class":
		t.value = strings.TrimPrefix(value, "language-")
	}
}

func (p *htmlParser) endTag() error {
	at := p.pos
	if len(p.open) == 0 {
		return p.fail("Unexpected end tag at byte offset %d", at)
	}
	p.pos += 2
	name := strings.ToLower(p.until(" \t\n\r>"))
	p.skipSpace()
	if p.pos >= len(p.src) || p.src[p.pos] != '>' {
		return p.fail("Unclosed end tag at byte offset %d", at)
	}
	p.pos++
	t := p.open[len(p.open)-1]
	p.open = p.open[:len(p.open)-1]
	if name != "" && name != t.name {
		return p.fail("Unmatched end tag at byte offset %d, expected \"</%s>\", found \"</%s>\"", at, t.name, name)
	}
	if length := p.units - t.offset; length > 0 {
		p.close(t, length)
	}
	return nil
}

// close turns a finished tag into its entity.
func (p *htmlParser) close(t tag, length int) {
	e := Entity{Offset: t.offset, Length: length}
	switch t.name {
	case "b", "strong":
		e.Type = "bold"
	case "i", "em":
		e.Type = "italic"
	case "s", "strike", "del":
		e.Type = "strikethrough"
	case "u", "ins":
		e.Type = "underline"
	case "span", "tg-spoiler":
		e.Type = "spoiler"
	case "tg-emoji":
		e.Type, e.CustomEmojiID = "custom_emoji", t.value
	case "tg-time":
		e.Type, e.TimeFormat = "date_time", t.format
		e.UnixTime, _ = strconv.ParseInt(t.value, 10, 64) // a wrong time shows as the text it wraps
	case "blockquote":
		e.Type = "blockquote"
		if t.value != "" {
			e.Type = "expandable_blockquote"
		}
	case "pre":
		e.Type = "pre"
		if n := len(p.entities) - 1; n >= 0 && p.entities[n].Type == "code" && p.entities[n].Offset == e.Offset && p.entities[n].Length == e.Length {
			e.Language = p.entities[n].Language
			p.entities = p.entities[:n]
		}
	case "code":
		e.Type, e.Language = "code", t.value
	case "a":
		e.Type, e.URL = "text_link", t.value
		if e.URL == "" {
			e.URL = p.text.String()[byteOffset(p.text.String(), t.offset):]
		}
		address, ok := checkURL(e.URL)
		if !ok {
			return
		}
		e.URL = address
	}
	p.entities = append(p.entities, e)
}

// until reads up to one of the stop bytes, which stays unread.
func (p *htmlParser) until(stop string) string {
	rest := p.src[p.pos:]
	end := strings.IndexAny(rest, stop)
	if end < 0 {
		end = len(rest)
	}
	p.pos += end
	return rest[:end]
}

func (p *htmlParser) skipSpace() {
	for p.pos < len(p.src) && strings.IndexByte(" \t\n\r", p.src[p.pos]) >= 0 {
		p.pos++
	}
}
