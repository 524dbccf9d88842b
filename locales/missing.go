package locales

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/feature/plural"
)

// Missing lists what languages lack against English: keys, plural forms, arguments, tags; what can't
// be read at all; and the keys asked for so far that English lacks. "ru: plan_days (few)" is a plural
// form.
func (b *Bundle) Missing() []string {
	var missing []string
	b.unknown.Range(func(key, _ any) bool {
		missing = append(missing, fmt.Sprintf("%s: %s", English, key))
		return true
	})
	en := b.english
	for _, lang := range b.Languages() {
		l := en
		if other, ok := b.others[lang]; ok {
			var err error
			if l, err = other(); err != nil {
				missing = append(missing, err.Error())
				continue
			}
		}
		for _, key := range slices.Sorted(maps.Keys(en.messages)) {
			if !optional(key) {
				missing = append(missing, l.lacks(key, en.messages[key])...)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(l.messages)) {
			if _, ok := en.messages[key]; !ok && !optional(key) {
				missing = append(missing, fmt.Sprintf("%s: %s is not in %s", lang, key, English))
			}
		}
	}
	return missing
}

// optional says whether a language may do without a message that English has, and the reverse.
func optional(key string) bool {
	return strings.HasPrefix(key, "country_") || strings.HasPrefix(key, "currency_")
}

// lacks compares one message with the English one.
func (l *Localizer) lacks(key string, en *message) []string {
	m, ok := l.messages[key]
	if !ok {
		return []string{l.lang + ": " + key}
	}
	var missing []string
	if en.forms[plural.One] != nil {
		for _, form := range l.forms() {
			if m.forms[form] == nil {
				missing = append(missing, fmt.Sprintf("%s: %s (%s)", l.lang, key, formName(form)))
			}
		}
	}
	if strings.HasPrefix(key, "format_") {
		return missing
	}
	want := en.forms[plural.Other]
	for form, t := range m.forms {
		if t == nil {
			continue
		}
		at := fmt.Sprintf("%s: %s (%s): ", l.lang, key, formName(plural.Form(form)))
		for _, name := range want.args() {
			if name != count && !slices.Contains(t.args(), name) {
				missing = append(missing, at+"{{."+name+"}}")
			}
		}
		for _, name := range t.args() {
			if name != count && !slices.Contains(want.args(), name) {
				missing = append(missing, at+"{{."+name+"}} is not in "+English)
			}
		}
		if !slices.Equal(t.tags(), want.tags()) {
			missing = append(missing, at+"other tags than "+English)
		}
	}
	return missing
}

// million takes a form of its own ("many") in Spanish, French and others by newer rules of CLDR than
// those of x/text, which knows only "one" and "other" there: what form asks for is what is demanded.
const million = 1_000_000

// forms returns the plural forms that whole numbers take in this language.
func (l *Localizer) forms() []plural.Form {
	forms := []plural.Form{plural.Other, l.form(million)}
	for n := range 200 {
		forms = append(forms, l.form(n))
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

func formName(f plural.Form) string {
	return [...]string{plural.Other: "other", plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many"}[f]
}

// args returns the names of a template's arguments.
func (t *template) args() []string {
	var names []string
	for _, p := range t.parts {
		if p.arg != "" {
			names = append(names, p.arg)
		}
	}
	return names
}

// tags returns a template's HTML tags, sorted.
func (t *template) tags() []string {
	tags := regexp.MustCompile(`</?[a-z][^<>]*>`).FindAllString(t.text, -1)
	slices.Sort(tags)
	return tags
}
