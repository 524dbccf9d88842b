// Package locales is how the shop speaks: one TOML file a language, embedded; the Localizer that
// writes messages, the names of places, and money, data, lengths of time and dates the local way.
//
// Messages are go-i18n's. In a message {{.Name}} stands for an argument, and nothing else may stand
// in double braces: what depends on a condition is a message of its own. So a message is text and
// names, compiled once, and a translator can't break a screen. Digits are 0-9 everywhere.
package locales

import (
	"embed"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

//go:embed *.toml
var files embed.FS

// English is the language that the others are measured against and fall back on.
const English = "en"

// languages are the codes of the embedded files as people are offered them.
const languages = "en es fr de ru ar"

// A Bundle holds every language. It is safe for concurrent use.
type Bundle struct {
	english *Localizer
	others  map[string]func() (*Localizer, error) // parsed when first asked for
	unknown sync.Map                              // keys asked for that not even English has
}

// A Localizer writes in one language. It is immutable and safe for concurrent use.
type Localizer struct {
	lang     string
	tag      language.Tag
	bundle   *Bundle
	messages map[string]*message
	rtl      bool
	places   places
	numbers  numbers
}

// A message has one template for each plural form; that of Other is always there.
type message struct {
	forms [plural.Many + 1]*template
}

// Load parses English, and each other language when it is first asked for: a shop that starts has
// somebody waiting. Missing parses them all, and so finds in the tests whatever can't be read.
func Load() (*Bundle, error) {
	b := &Bundle{others: map[string]func() (*Localizer, error){}}
	var err error
	if b.english, err = b.load(English); err != nil {
		return nil, err
	}
	for _, lang := range b.Languages() {
		if lang != English {
			b.others[lang] = sync.OnceValues(func() (*Localizer, error) { return b.load(lang) })
		}
	}
	return b, nil
}

// load parses one language. The error names every message that can't be read.
func (b *Bundle) load(lang string) (*Localizer, error) {
	data, err := files.ReadFile(lang + ".toml")
	if err != nil {
		return nil, fmt.Errorf("open language: %w", err)
	}
	l := &Localizer{lang: lang, tag: language.Make(lang), bundle: b}
	script, _ := l.tag.Script()
	l.rtl = script.String() == "Arab"
	if l.messages, err = parse(lang, data); err != nil {
		return nil, err
	}
	if err := l.loadNumbers(); err != nil {
		return nil, err
	}
	l.loadPlaces()
	return l, nil
}

func parse(lang string, data []byte) (map[string]*message, error) {
	file, err := i18n.ParseMessageFileBytes(data, lang+".toml", map[string]i18n.UnmarshalFunc{"toml": toml.Unmarshal})
	if err != nil {
		return nil, fmt.Errorf("%s.toml: %w", lang, err)
	}
	var errs []error
	messages := make(map[string]*message, len(file.Messages))
	for _, m := range file.Messages {
		if m.ID == "" || m.Other == "" {
			errs = append(errs, fmt.Errorf("%s.toml: message %q has no text", lang, m.ID))
			continue
		}
		compiled := &message{}
		for form, text := range map[plural.Form]string{
			plural.Other: m.Other, plural.Zero: m.Zero, plural.One: m.One,
			plural.Two: m.Two, plural.Few: m.Few, plural.Many: m.Many,
		} {
			if text == "" {
				continue
			}
			if compiled.forms[form], err = compile(text); err != nil {
				errs = append(errs, fmt.Errorf("%s.toml: message %q: %w", lang, m.ID, err))
			}
		}
		messages[m.ID] = compiled
	}
	return messages, errors.Join(errs...)
}

// For returns the Localizer of lang; that of English where lang is not one of ours.
func (b *Bundle) For(lang string) *Localizer {
	if other, ok := b.others[lang]; ok {
		if l, err := other(); err == nil {
			return l
		}
	}
	return b.english
}

// Languages returns the codes of the languages as they are offered, English first.
func (b *Bundle) Languages() []string { return strings.Fields(languages) }

// Match returns the language for the language code of a Telegram client ("pt-br", "ar-EG"); "en"
// where it is none of ours.
func (b *Bundle) Match(client string) string {
	base, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(client)), "-")
	base, _, _ = strings.Cut(base, "_")
	if _, ok := b.others[base]; ok {
		return base
	}
	return English
}

// Name returns a language's own name: "Deutsch".
func (b *Bundle) Name(lang string) string { return b.For(lang).T("language_name") }

// Lang returns the language's code.
func (l *Localizer) Lang() string { return l.lang }

// RTL says whether the language reads right to left.
func (l *Localizer) RTL() bool { return l.rtl }

// Marks of Unicode (UAX #9): what stands between isolates is ordered by itself, and a line reads the
// way of its first letter outside them. A flag is made of letters that read left to right.
const (
	firstStrongIsolate = "\u2068"
	popIsolate         = "\u2069"
	rightToLeftMark    = "\u200F"
)

// Isolate wraps s in isolates in languages that read right to left: for prices, sizes and codes
// inside text; never for what is copied or sent back to us.
func (l *Localizer) Isolate(s string) string {
	if !l.rtl {
		return s
	}
	return firstStrongIsolate + s + popIsolate
}

// Begin starts a line that may begin with an isolate or a flag, so that it reads right to left in
// the languages that do; never for what is copied or sent back to us.
func (l *Localizer) Begin(s string) string {
	if !l.rtl {
		return s
	}
	return rightToLeftMark + s
}
