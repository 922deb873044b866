package cli

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/vedette-ha/vedette/internal/client"
)

const refused = "connect: connection refused"

// nobody is an address that refuses connections.
func nobody(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// A watch that ends without a single write fails and says why, however short it was.
func TestWatchThatNeverWrites(t *testing.T) {
	status, out, errs := run(t, "vedette", "watch", "--sentinel", nobody(t), "--every", "50ms", "--for", "1s")
	if status != 1 || !strings.HasPrefix(errs, "vedette: no write succeeded: ") || !strings.Contains(errs, refused) {
		t.Errorf("%d, %s", status, errs)
	}
	if line, _, _ := strings.Cut(out, "\n"); !strings.Contains(line, refused) {
		t.Errorf("the first line does not say why: %s", line)
	}
}

// The error that a line shows is gone after the next write.
func TestWatchRecovers(t *testing.T) {
	w := newWatcher([]string{nobody(t)}, "mymaster", "")
	w.once(t.Context(), 1)
	if line := w.line(time.Now()); !strings.Contains(line, "errors   1") || !strings.Contains(line, refused) {
		t.Errorf("after an error: %s", line)
	}
	conn, err := client.Dial(t.Context(), "tcp", "127.0.0.1:"+scripted(t, "+OK\r\n", "$1\r\n2\r\n"), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.conn = conn
	defer w.hangUp()
	w.once(t.Context(), 2)
	if line := w.line(time.Now()); !strings.Contains(line, "writes    1  reads    1  errors   0") || strings.Contains(line, "(") {
		t.Errorf("after a write: %s", line)
	}
	if err := w.verdict(time.Hour); err != nil {
		t.Errorf("verdict: %v", err)
	}
}
