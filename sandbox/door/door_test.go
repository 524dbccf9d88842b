package door_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"esimbot/sandbox/door"
)

func open(t *testing.T, h http.Handler) *door.Door {
	t.Helper()
	d, err := door.New(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestShutDoorRefusesConnections(t *testing.T) {
	calls := 0
	d := open(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls++ }))
	client := http.Client{Transport: &http.Transport{}} // keeps its connection
	defer client.CloseIdleConnections()
	post := func() error {
		resp, err := client.Post("http://"+d.Addr(), "text/plain", strings.NewReader("x"))
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.Body.Close()
	}
	for round := range 3 {
		if err := post(); err != nil {
			t.Fatalf("round %d, open: %v", round, err)
		}
		for range 2 { // shut is shut
			if err := d.Shut(); err != nil {
				t.Fatal(err)
			}
		}
		if conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", d.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
			if err == nil {
				_ = conn.Close()
			}
			t.Fatalf("round %d, shut: %v, want a refused connection", round, err)
		}
		if err := post(); err == nil {
			t.Fatalf("round %d: the connection that was kept still works", round)
		}
		for range 2 {
			if err := d.Open(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if calls != 3 {
		t.Errorf("%d calls came through, want 3", calls)
	}
}

func TestShutCutsWhatIsUnderWay(t *testing.T) {
	begun := make(chan struct{})
	d := open(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
	}))
	ended := make(chan error, 1)
	go func() {
		resp, err := http.Get("http://" + d.Addr())
		if err == nil {
			err = resp.Body.Close()
		}
		ended <- err
	}()
	<-begun
	if err := d.Shut(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("the request was answered")
	}
}

func TestClosedDoorStaysClosed(t *testing.T) {
	d := open(t, http.NotFoundHandler())
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := d.Open(); err == nil {
		t.Error("it opened again")
	}
}
