package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"strings"
)

// A drawing is a screen as it reached Telegram.
type drawing struct {
	text string
	rows string
}

// draw sends a new customer on each journey, one after the other, and returns what they saw: the same of
// every contestant, or they did not do the same work.
func (s *stage) draw(ctx context.Context, l *load) ([]drawing, error) {
	var drawn []drawing
	var failed error
	seen := func(typ string, body []byte) {
		d, err := drawingIn(typ, body)
		if err != nil && failed == nil {
			failed = err
		}
		drawn = append(drawn, d)
	}
	s.telegram.seen.Store(&seen) // one tap at a time: nobody else calls it
	defer s.telegram.seen.Store(nil)
	c := l.take()
	defer l.give(c)
	for i, trip := range s.routes {
		user := people + i
		for _, route := range trip {
			if err := l.send(ctx, c, l.tap(nil, l.taps.Add(1)-1, user, route), user); err != nil {
				return nil, fmt.Errorf("draw %s: %w", route, err)
			}
		}
	}
	return drawn, failed
}

// fieldsIn reads a call's parameters, be it JSON or a form. A text is JSON either way.
func fieldsIn(typ string, body []byte) (map[string]json.RawMessage, error) {
	fields := map[string]json.RawMessage{}
	media, params, err := mime.ParseMediaType(typ)
	if err != nil {
		return nil, err
	}
	if media == "application/json" {
		return fields, json.Unmarshal(body, &fields)
	}
	form := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return fields, nil
		}
		if err != nil {
			return nil, err
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		if part.FormName() == "text" {
			if value, err = json.Marshal(string(value)); err != nil {
				return nil, err
			}
		}
		fields[part.FormName()] = value
	}
}

// drawingIn reads a call of editMessageText.
func drawingIn(typ string, body []byte) (drawing, error) {
	fields, err := fieldsIn(typ, body)
	if err != nil {
		return drawing{}, err
	}
	var d drawing
	if err := json.Unmarshal(fields["text"], &d.text); err != nil {
		return d, fmt.Errorf("text: %w", err)
	}
	markup := fields["reply_markup"]
	if bytes.HasPrefix(markup, []byte(`"`)) { // JSON within JSON
		var inner string
		if err := json.Unmarshal(markup, &inner); err != nil {
			return d, err
		}
		markup = json.RawMessage(inner)
	}
	var keyboard struct {
		Rows [][]struct {
			Text  string `json:"text"`
			Data  string `json:"callback_data"`
			Style string `json:"style"`
		} `json:"inline_keyboard"`
	}
	if err := json.Unmarshal(markup, &keyboard); err != nil {
		return d, fmt.Errorf("reply_markup: %w", err)
	}
	var rows strings.Builder
	for _, row := range keyboard.Rows {
		for _, b := range row {
			fmt.Fprintf(&rows, "[%s|%s|%s]", b.Text, b.Data, b.Style)
		}
		rows.WriteByte('\n')
	}
	d.rows = rows.String()
	return d, nil
}

// unlike counts the screens that two contestants drew differently, and tells the first.
func unlike(want, got []drawing) (count int, first string) {
	if len(want) != len(got) {
		return max(len(want), len(got)), fmt.Sprintf("%d screens and %d", len(want), len(got))
	}
	for i, w := range want {
		if w == got[i] {
			continue
		}
		if count++; count == 1 {
			first = fmt.Sprintf("%s\n%s\n--- and\n%s\n%s", w.text, w.rows, got[i].text, got[i].rows)
		}
	}
	return count, first
}
