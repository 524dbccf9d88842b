package stripe

import (
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A kind says what a parameter holds.
type kind int

const (
	text kind = iota
	integer
	boolean
	link
	object
	list
	metadata
)

// A param is what Stripe takes under one name.
type param struct {
	kind     kind
	max      int      // characters of a text or link; 5000 when 0
	enum     []string // the only values of a text
	fields   params   // of an object
	item     *param   // of a list
	required bool
	scalarOK bool // an object that may also be a plain number: created=…
}

type params map[string]param

// A node is one value of a parsed form: text, or named values below it.
type node struct {
	text string
	leaf bool
	kids map[string]*node
}

// parseForm reads Stripe's form encoding: a[b][0][c]=d, a[]=b.
func parseForm(raw string) (*node, *apiError) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, invalid("", "", "Invalid request: the parameters could not be read")
	}
	root := &node{kids: map[string]*node{}}
	keys := make([]string, 0, len(values))
	for k := range values {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		path, ok := splitKey(k)
		if !ok {
			return nil, invalid("parameter_unknown", k, "Received unknown parameter: %s", k)
		}
		for i, v := range values[k] {
			if path[len(path)-1] == "" {
				root.put(append(slices.Clone(path[:len(path)-1]), strconv.Itoa(i)), v)
				continue
			}
			root.put(path, v)
		}
	}
	return root, nil
}

// splitKey turns "a[b][]" into "a", "b", "".
func splitKey(k string) ([]string, bool) {
	head, rest, nested := strings.Cut(k, "[")
	if head == "" {
		return nil, false
	}
	path := []string{head}
	if !nested {
		return path, true
	}
	inner, ok := strings.CutSuffix(rest, "]")
	if !ok {
		return nil, false
	}
	path = append(path, strings.Split(inner, "][")...)
	return path, len(path) <= 8 && !slices.Contains(path[:len(path)-1], "")
}

func (n *node) put(path []string, v string) {
	at := n
	for _, p := range path {
		if at.kids == nil {
			at.kids = map[string]*node{}
		}
		next := at.kids[p]
		if next == nil {
			next = &node{}
			at.kids[p] = next
		}
		at = next
	}
	at.text, at.leaf = v, true
}

// at returns the value under path, nil when there is none.
func (n *node) at(path ...string) *node {
	for _, p := range path {
		if n == nil {
			return nil
		}
		n = n.kids[p]
	}
	return n
}

func (n *node) str(path ...string) string {
	if v := n.at(path...); v != nil {
		return v.text
	}
	return ""
}

// num returns a checked integer; 0 when there is none.
func (n *node) num(path ...string) int64 {
	v, err := strconv.ParseInt(n.str(path...), 10, 64)
	if err != nil {
		return 0
	}
	return v
}

func (n *node) has(path ...string) bool { return n.at(path...) != nil }

// items returns a list's values in order.
func (n *node) items(path ...string) []*node {
	v := n.at(path...)
	if v == nil {
		return nil
	}
	all := make([]*node, 0, len(v.kids))
	for _, k := range v.names() {
		all = append(all, v.kids[k])
	}
	return all
}

// names returns the names below n, numbers in their order.
func (n *node) names() []string {
	names := make([]string, 0, len(n.kids))
	for k := range n.kids {
		names = append(names, k)
	}
	slices.SortFunc(names, func(a, b string) int {
		if x, err := strconv.Atoi(a); err == nil {
			if y, err := strconv.Atoi(b); err == nil {
				return x - y
			}
		}
		return strings.Compare(a, b)
	})
	return names
}

// check holds a form against what an endpoint takes. The error is worded as Stripe's.
func (ps params) check(n *node, prefix string) *apiError {
	var unknown []string
	for _, name := range n.names() {
		if _, ok := ps[name]; !ok {
			unknown = append(unknown, inside(prefix, name))
		}
	}
	if len(unknown) > 0 {
		word := "parameter"
		if len(unknown) > 1 {
			word = "parameters"
		}
		return invalid("parameter_unknown", unknown[0], "Received unknown %s: %s", word, strings.Join(unknown, ", "))
	}
	names := make([]string, 0, len(ps))
	for name := range ps {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		p, path := ps[name], inside(prefix, name)
		v := n.kids[name]
		if v == nil {
			if p.required {
				return invalid("parameter_missing", path, "Missing required param: %s.", path)
			}
			continue
		}
		if e := p.check(v, path); e != nil {
			return e
		}
	}
	return nil
}

func inside(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "[" + name + "]"
}

func (p param) check(v *node, path string) *apiError {
	switch p.kind {
	case object:
		if v.leaf {
			if !p.scalarOK {
				return invalid("", path, "Invalid object")
			}
			return param{kind: integer}.check(&node{text: v.text, leaf: true}, path)
		}
		return p.fields.check(v, path)
	case list:
		if v.leaf {
			return invalid("", path, "Invalid array")
		}
		for i, name := range v.names() {
			if name != strconv.Itoa(i) {
				return invalid("", path, "Invalid array")
			}
			if e := p.item.check(v.kids[name], inside(path, name)); e != nil {
				return e
			}
		}
		return nil
	case metadata:
		return checkMetadata(v, path)
	default:
		return p.checkScalar(v, path)
	}
}

func (p param) checkScalar(v *node, path string) *apiError {
	if !v.leaf {
		return invalid("", path, "Invalid string: a nested value was given for %s", path)
	}
	if v.text == "" {
		return invalid("parameter_invalid_empty", path, "You passed an empty string for '%s'. We assume empty values are an attempt to unset a "+
			"parameter; however '%s' cannot be unset. You should remove '%s' from your request or supply a non-empty value.", path, path, path)
	}
	switch p.kind {
	case integer:
		if _, err := strconv.ParseInt(v.text, 10, 64); err != nil {
			return invalid("parameter_invalid_integer", path, "Invalid integer: %s", brief(v.text))
		}
	case boolean:
		if v.text != "true" && v.text != "false" {
			return invalid("", path, "Invalid boolean: %s", brief(v.text))
		}
	default:
		most := p.max
		if most == 0 {
			most = 5000
		}
		if utf8.RuneCountInString(v.text) > most {
			return invalid("", path, "Invalid string: %s; must be at most %d characters", brief(v.text), most)
		}
		if len(p.enum) > 0 && !slices.Contains(p.enum, v.text) {
			return invalid("", path, "Invalid %s: must be one of %s", path, strings.Join(p.enum, ", "))
		}
		if p.kind == link && !isLink(v.text) {
			return invalid("url_invalid", path, "Not a valid URL")
		}
	}
	return nil
}

// isLink wants an explicit scheme and a host: Checkout sends people there.
func isLink(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

// Limits of metadata: docs.stripe.com/api/metadata.
const (
	maxMetadata      = 50
	maxMetadataKey   = 40
	maxMetadataValue = 500
)

func checkMetadata(v *node, path string) *apiError {
	if v.leaf {
		if v.text == "" { // unsets all
			return nil
		}
		return invalid("", path, "Invalid hash")
	}
	if len(v.kids) > maxMetadata {
		return invalid("", path, "Metadata can have up to %d keys, but you passed in %d", maxMetadata, len(v.kids))
	}
	for _, k := range v.names() {
		value := v.kids[k]
		if !value.leaf {
			return invalid("", inside(path, k), "Metadata values must be strings")
		}
		if n := utf8.RuneCountInString(k); n > maxMetadataKey {
			return invalid("", path, "Metadata keys can have up to %d characters, but you passed in a key that is %d characters. Invalid key: %s",
				maxMetadataKey, n, brief(k))
		}
		if n := utf8.RuneCountInString(value.text); n > maxMetadataValue {
			return invalid("", inside(path, k), "Metadata values can have up to %d characters, but you passed in a value that is %d characters. "+
				"Invalid value: %s", maxMetadataValue, n, brief(value.text))
		}
	}
	return nil
}

// brief shortens a value for an error as Stripe does.
func brief(s string) string {
	r := []rune(s)
	if len(r) <= 40 {
		return s
	}
	return string(r[:10]) + "..." + string(r[len(r)-10:])
}

// merge applies a metadata parameter: an empty value takes the key away, an empty parameter all.
func merge(have map[string]string, v *node) map[string]string {
	out := map[string]string{}
	if v == nil || !v.leaf {
		for k, x := range have {
			out[k] = x
		}
	}
	if v == nil {
		return out
	}
	for k, x := range v.kids {
		if x.text == "" {
			delete(out, k)
			continue
		}
		out[k] = x.text
	}
	return out
}
