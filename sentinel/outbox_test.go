package sentinel

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
)

// What was appended before finish is written in its order, then run returns.
func TestOutboxWritesEverythingInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, r, w := newOutbox(), new(bytes.Buffer), make(chan struct{})
		go func() { o.run(r); close(w) }()
		for range 1000 {
			if err := o.reply([]byte("ab")); err != nil {
				t.Fatal(err)
			}
			if err := o.push([]byte("c")); err != nil {
				t.Fatal(err)
			}
		}
		o.finish()
		<-w
		if want := bytes.Repeat([]byte("abc"), 1000); !bytes.Equal(r.Bytes(), want) {
			t.Errorf("%d bytes written, want %d in order", r.Len(), len(want))
		}
		if err := o.reply([]byte("x")); err == nil {
			t.Error("reply after the end: no error")
		}
	})
}

// A client that does not read stops its own commands, and is told apart from a
// publisher, who is never held up: the client is dropped instead.
func TestOutboxOfAClientThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, stalled := newOutbox(), make(chan struct{})
		go o.run(writerFunc(func([]byte) (int, error) { <-stalled; return 0, io.ErrClosedPipe }))
		replied := make(chan error)
		go func() {
			var err error
			for err == nil {
				err = o.reply(make([]byte, outboxReplies/2))
			}
			replied <- err
		}()
		synctest.Wait() // the replies wait for room
		var err error
		for range outboxEvents/readChunk + 1 {
			err = errors.Join(err, o.push(make([]byte, readChunk)))
		}
		if !errors.Is(err, errSlowClient) {
			t.Errorf("push = %v, want %v", err, errSlowClient)
		}
		o.close(net.ErrClosed)
		if err := <-replied; !errors.Is(err, net.ErrClosed) {
			t.Errorf("reply = %v, want %v", err, net.ErrClosed)
		}
		close(stalled)
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
