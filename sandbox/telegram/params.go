package telegram

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// params are one call's parameters. Whatever the body's format, a parameter is a string here:
// numbers and booleans as written, objects and lists as JSON.
type params struct {
	values map[string]string
	files  map[string]upload
}

// An upload is a file that came with a call.
type upload struct {
	name string
	data []byte
}

func (p params) str(name string) string { return p.values[name] }

func (p params) has(name string) bool {
	_, ok := p.values[name]
	return ok
}

// integer returns a whole number, or 0 for anything else, as the real server does.
func (p params) integer(name string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(p.values[name]), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (p params) boolean(name string) bool {
	switch strings.ToLower(strings.TrimSpace(p.values[name])) {
	case "true", "yes", "1":
		return true
	default:
		return false
	}
}

// decode reads a JSON parameter into out; a parameter that is not there leaves out alone.
func (p params) decode(name string, out any) error {
	raw := strings.TrimSpace(p.values[name])
	if raw == "" || raw == "null" {
		return nil
	}
	if err := json.Unmarshal([]byte(raw), out); err != nil {
		return badRequest("can't parse %s JSON object", strings.ReplaceAll(name, "_", " "))
	}
	return nil
}

// readParams reads a call's parameters from its query and its body, which may be JSON, a form, or
// a multipart form. https://core.telegram.org/bots/api#making-requests
func readParams(r *http.Request) (params, error) {
	p := params{values: map[string]string{}, files: map[string]upload{}}
	for name, values := range r.URL.Query() {
		p.values[name] = values[len(values)-1]
	}
	kind, attributes, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		kind = ""
	}
	body := http.MaxBytesReader(nil, r.Body, maxBodyBytes)
	switch kind {
	case "application/json":
		err = p.readJSON(body)
	case "application/x-www-form-urlencoded":
		err = p.readForm(body)
	case "multipart/form-data":
		err = p.readMultipart(multipart.NewReader(body, attributes["boundary"]))
	default:
		return p, nil
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return p, &apiError{Code: http.StatusRequestEntityTooLarge, Description: "Request Entity Too Large"}
	}
	return p, err
}

func (p params) readJSON(body io.Reader) error {
	fields := map[string]json.RawMessage{}
	switch err := json.NewDecoder(body).Decode(&fields); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return badRequest("can't parse JSON object: %v", err)
	}
	for name, raw := range fields {
		var text string
		switch {
		case string(raw) == "null":
		case json.Unmarshal(raw, &text) == nil:
			p.values[name] = text
		default:
			p.values[name] = string(raw)
		}
	}
	return nil
}

func (p params) readForm(body io.Reader) error {
	raw, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	form, err := url.ParseQuery(string(raw))
	if err != nil {
		return badRequest("can't parse the form")
	}
	for name, values := range form {
		p.values[name] = values[len(values)-1]
	}
	return nil
}

func (p params) readMultipart(reader *multipart.Reader) error {
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return badRequest("can't parse the multipart form: %v", err)
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return badRequest("can't parse the multipart form: %v", err)
		}
		if part.FileName() != "" {
			p.files[part.FormName()] = upload{name: part.FileName(), data: data}
			continue
		}
		p.values[part.FormName()] = string(data)
	}
}
