package mobilexy

import (
	"errors"
	"net/http"
	"strings"
)

const maxForm = 64 << 10

// A form is a request's body as PHP reads it: of a name that is repeated the last value counts,
// unless it ends in brackets; then they make a list.
type form struct {
	fields map[string]string
	lists  map[string][]string
}

// readForm reads an urlencoded or multipart body. The address's query plays no part.
func readForm(w http.ResponseWriter, r *http.Request) (form, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil { // ParseMultipartForm forgets this error
		return form{}, err
	}
	//nolint:gosec // G120: MaxBytesReader bounds the body above
	if err := r.ParseMultipartForm(maxForm); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return form{}, err
	}
	f := form{fields: map[string]string{}, lists: map[string][]string{}}
	for name, values := range r.PostForm {
		if list, index, ok := strings.Cut(name, "["); ok && strings.HasSuffix(index, "]") {
			f.lists[list] = append(f.lists[list], values...)
			continue
		}
		f.fields[name] = values[len(values)-1]
	}
	return f, nil
}
