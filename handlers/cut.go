package handlers

import (
	"html"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const ellipsis = "…"

// cutHTML returns s with at most limit UTF-16 code units of text, as Telegram counts them: tags are
// free and an entity is the character it stands for. What is cut ends in "…", at a whole character,
// with every tag closed.
func cutHTML(s string, limit int) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) <= limit {
		return s // a byte is never less than a code unit
	}
	var open []string // tags not closed yet
	var fits int      // where the text may be cut so that the ellipsis has room
	var openThere []string
	units := 0
	for at := 0; at < len(s); {
		size, width := token(s[at:])
		if width == 0 {
			open = nest(open, s[at:at+size])
			at += size
			continue
		}
		if units+width <= limit-1 {
			fits, openThere = at+size, append(openThere[:0], open...)
		}
		if units += width; units > limit {
			return s[:fits] + ellipsis + closing(openThere)
		}
		at += size
	}
	return s
}

// token measures what s begins with: a tag (no width), an entity or a character.
func token(s string) (size, width int) {
	switch s[0] {
	case '<':
		if end := strings.IndexByte(s, '>'); end > 0 {
			return end + 1, 0
		}
	case '&':
		if end := strings.IndexByte(s, ';'); end > 0 && end <= 10 {
			if plain := html.UnescapeString(s[:end+1]); plain != s[:end+1] {
				r, _ := utf8.DecodeRuneInString(plain)
				return end + 1, utf16.RuneLen(r)
			}
		}
	}
	r, size := utf8.DecodeRuneInString(s)
	return size, utf16.RuneLen(r)
}

// nest returns the open tags after tag, which opens one or closes the last.
func nest(open []string, tag string) []string {
	name := strings.Trim(tag, "</>")
	if at := strings.IndexAny(name, " \n\t"); at >= 0 {
		name = name[:at]
	}
	if strings.HasPrefix(tag, "</") {
		if len(open) > 0 {
			return open[:len(open)-1]
		}
		return open
	}
	return append(open, name)
}

func closing(open []string) string {
	var b strings.Builder
	for i := len(open) - 1; i >= 0; i-- {
		b.WriteString("</" + open[i] + ">")
	}
	return b.String()
}

// cutToast returns s as it fits the answer to a callback query.
func cutToast(s string) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) <= toastLimit {
		return s
	}
	units, fits := 0, 0
	for at, r := range s {
		if units <= toastLimit-1 {
			fits = at
		}
		if units += utf16.RuneLen(r); units > toastLimit {
			return s[:fits] + ellipsis
		}
	}
	return s
}
