package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// HTTP/1.1 by hand, for both of Telegram's sides: what the stand-in spends is taken from the bots on
// the same cores, so it spends as little as can be. It speaks with the bots of this folder only and
// understands no more than they say.

const wireBuffer = 16 << 10

// head is what is read of a message's head.
type head struct {
	length  int // -1: none told
	chunked bool
	closes  bool // the connection ends with this message
	typ     string
}

// field reads one header line into h.
func (h *head) field(line []byte) error {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return fmt.Errorf("header %q", line)
	}
	value = bytes.TrimSpace(value)
	switch {
	case bytes.EqualFold(name, []byte("content-length")):
		n, err := strconv.Atoi(string(value))
		if err != nil || n < 0 {
			return fmt.Errorf("content-length %q", value)
		}
		h.length = n
	case bytes.EqualFold(name, []byte("transfer-encoding")):
		h.chunked = bytes.EqualFold(value, []byte("chunked"))
	case bytes.EqualFold(name, []byte("connection")):
		h.closes = bytes.EqualFold(value, []byte("close"))
	case bytes.EqualFold(name, []byte("content-type")):
		h.typ = string(value)
	}
	return nil
}

// readHead reads the first line, which it passes to first, and the header.
func readHead(r *bufio.Reader, first func(line []byte) error) (head, error) {
	h := head{length: -1}
	line, err := readLine(r)
	if err != nil {
		return h, err
	}
	if err := first(line); err != nil {
		return h, err
	}
	for {
		line, err := readLine(r)
		if err != nil || len(line) == 0 {
			return h, err
		}
		if err := h.field(line); err != nil {
			return h, err
		}
	}
}

// readLine returns a line without its end; it is valid until the next read.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

// readBody appends the body to into. A body of untold length is none: requests have no other.
func readBody(r *bufio.Reader, h head, into []byte) ([]byte, error) {
	if !h.chunked {
		return readBytes(r, max(h.length, 0), into)
	}
	for {
		line, err := readLine(r)
		if err != nil {
			return into, err
		}
		size, err := strconv.ParseUint(string(line), 16, 31)
		if err != nil {
			return into, fmt.Errorf("chunk of %q bytes", line)
		}
		if into, err = readBytes(r, int(size), into); err != nil {
			return into, err
		}
		if _, err := readLine(r); err != nil || size == 0 {
			return into, err
		}
	}
}

func readBytes(r *bufio.Reader, n int, into []byte) ([]byte, error) {
	from := len(into)
	if cap(into) < from+n {
		into = append(make([]byte, 0, 2*(from+n)), into...)
	}
	into = into[:from+n]
	_, err := io.ReadFull(r, into[from:])
	return into, err
}

// A line to a bot is one connection to its webhook.
type line struct {
	addr  string
	conn  net.Conn
	r     *bufio.Reader
	out   []byte
	reply []byte
}

// post sends one request and returns the answer's status; its body is in l.reply. A kept connection
// that the other side has closed meanwhile is opened anew.
func (l *line) post(ctx context.Context, header, body []byte) (int, error) {
	kept := l.conn != nil
	status, err := l.try(ctx, header, body)
	if err != nil && kept && ctx.Err() == nil {
		status, err = l.try(ctx, header, body)
	}
	return status, err
}

func (l *line) try(ctx context.Context, header, body []byte) (int, error) {
	if l.conn == nil {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", l.addr)
		if err != nil {
			return 0, err
		}
		l.conn, l.r = conn, bufio.NewReaderSize(conn, wireBuffer)
	}
	l.out = append(append(strconv.AppendInt(append(append(l.out[:0], header...), "Content-Length: "...), int64(len(body)), 10), "\r\n\r\n"...), body...)
	status, h, err := l.exchange()
	if err != nil || h.closes {
		l.hangUp()
	}
	return status, err
}

func (l *line) exchange() (int, head, error) {
	if err := l.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, head{}, err
	}
	if _, err := l.conn.Write(l.out); err != nil {
		return 0, head{}, err
	}
	status := 0
	h, err := readHead(l.r, func(line []byte) (err error) {
		if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
			return fmt.Errorf("answer %q", line)
		}
		status, err = strconv.Atoi(string(line[9:12]))
		return err
	})
	if err != nil {
		return 0, h, err
	}
	if h.length < 0 && !h.chunked && !h.closes && status != 204 {
		return 0, h, errors.New("answer of untold length")
	}
	l.reply, err = readBody(l.r, h, l.reply[:0])
	return status, h, err
}

func (l *line) hangUp() {
	if l.conn != nil {
		_ = l.conn.Close() // nothing is under way on it
		l.conn = nil
	}
}
