package replication

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-ha/vedette/internal/rdb"
	"github.com/vedette-ha/vedette/internal/resp"
)

// syncEvery is how much of a received snapshot may be unwritten in the system's
// cache, so that the final fsync does not take seconds.
const syncEvery = 8 << 20

// receive reads the snapshot that follows into a temporary file and verifies it.
// Nothing of ours is touched; after an error the file is gone.
func (h *handshake) receive(ctx context.Context, full *FullSync) (err error) {
	payload, err := h.payload()
	if err != nil {
		return err
	}
	full.Path = filepath.Join(h.conf.Dir, fmt.Sprintf("temp-%d.%d.rdb", time.Now().Unix(), h.opt.PID))
	f, err := os.OpenFile(full.Path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		h.logf(Warning, "Opening the temp file needed for MASTER <-> REPLICA synchronization: %s", err)
		return err
	}
	defer func() {
		_ = f.Close()
		if err != nil {
			full.Remove()
		}
	}()
	if full.Size, err = h.store(f, payload); err != nil {
		return err
	}
	return h.verify(ctx, full.Path)
}

// payload reads the line before the snapshot and returns a reader of just its bytes.
func (h *handshake) payload() (io.Reader, error) {
	s, err := h.psyncReply() // newlines: the master still makes it
	if err != nil {
		h.logf(Warning, "I/O error reading bulk count from MASTER: %s", readError(err))
		return nil, err
	}
	if strings.HasPrefix(s, "-") {
		h.logf(Warning, "MASTER aborted replication with an error: %s", s[1:])
		return nil, fmt.Errorf("sync: %s", s)
	}
	head, ok := strings.CutPrefix(s, "$")
	if !ok {
		h.logf(Warning, "Bad protocol from MASTER, the first byte is not '$' (we received '%s'), "+
			"are you sure the host and port are right?", s)
		return nil, fmt.Errorf("sync: bad protocol %q", s)
	}
	if mark, ok := strings.CutPrefix(head, "EOF:"); ok {
		if len(mark) != replIDLen {
			return nil, fmt.Errorf("sync: mark of %d bytes", len(mark))
		}
		h.logf(Notice, "MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF to disk")
		h.total.Store(0)
		return &markedReader{br: h.br, mark: []byte(mark)}, nil
	}
	size, ok := resp.ParseInt([]byte(head))
	if !ok || size < 0 {
		return nil, fmt.Errorf("sync: length %q", head)
	}
	h.total.Store(size)
	h.logf(Notice, "MASTER <-> REPLICA sync: receiving %s bytes from master to disk", strconv.FormatInt(size, 10))
	return &sizedReader{r: h.br, left: size}, nil
}

// store copies the payload into f, with its checksum taken on the way.
func (h *handshake) store(f *os.File, payload io.Reader) (int64, error) {
	var sum checksum
	buf := make([]byte, readSize)
	unsynced := 0
	for {
		n, err := payload.Read(buf)
		if n > 0 {
			if _, err := f.Write(buf[:n]); err != nil {
				h.logf(Warning, "Write error or short write writing to the DB dump file "+
					"needed for MASTER <-> REPLICA synchronization: %s", err)
				return 0, err
			}
			sum.add(buf[:n])
			h.read.Add(int64(n))
			if unsynced += n; unsynced >= syncEvery {
				unsynced = 0
				_ = f.Sync() // the last one decides
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			h.logReadError(err)
			return 0, err
		}
	}
	if err := sum.check(); err != nil {
		h.logf(Warning, "Failed trying to load the MASTER synchronization DB from disk: %s", err)
		return 0, err
	}
	if err := f.Sync(); err != nil {
		h.logf(Warning, "Failed trying to sync the temp DB to disk in MASTER <-> REPLICA synchronization: %s", err)
		return 0, err
	}
	return h.read.Load(), nil
}

func (h *handshake) logReadError(err error) {
	if timedOut(err) {
		h.logf(Warning, "Timeout receiving bulk data from MASTER... If the problem persists try to "+
			"set the 'repl-timeout' parameter in redis.conf to a larger value.")
		return
	}
	h.logf(Warning, "I/O error trying to sync with MASTER: %s", readError(err))
}

// verify has the file read from start to end, and keeps the master patient meanwhile.
func (h *handshake) verify(ctx context.Context, path string) error {
	if h.opt.Verify == nil {
		return nil
	}
	alive, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		(&MasterConn{Conn: h.conn}).KeepAlive(alive)
	}()
	err := h.opt.Verify(ctx, path)
	stop()
	<-done
	if err != nil {
		h.logf(Warning, "Failed trying to load the MASTER synchronization DB from disk: %s", err)
	}
	return err
}

// sizedReader reads a snapshot of known length; an earlier end is an error.
type sizedReader struct {
	r    io.Reader
	left int64
}

func (s *sizedReader) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n, err := s.r.Read(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	if err == io.EOF && s.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	if s.left == 0 {
		err = nil
	}
	return n, err
}

// markedReader reads a snapshot that ends with a mark; an earlier end is an error.
type markedReader struct {
	br   *bufio.Reader
	mark []byte
	done bool
}

func (m *markedReader) Read(p []byte) (int, error) {
	if m.done {
		return 0, io.EOF
	}
	if _, err := m.br.Peek(len(m.mark)); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return 0, err
	}
	b, _ := m.br.Peek(m.br.Buffered())
	i := bytes.Index(b, m.mark)
	switch {
	case i == 0:
		m.done = true
		_, _ = m.br.Discard(len(m.mark))
		return 0, io.EOF
	case i > 0:
		b = b[:i]
	default:
		b = b[:len(b)-len(m.mark)+1] // the rest may be the beginning of the mark
	}
	n := copy(p, b)
	_, _ = m.br.Discard(n)
	return n, nil
}

const (
	rdbHeadLen    = 9 // REDIS and four digits
	rdbSumLen     = 8
	rdbSumVersion = 5 // the first that ends with a checksum
)

// checksum verifies a snapshot while it passes by. The zero value is ready.
type checksum struct {
	head []byte
	tail []byte // the last bytes, not yet summed: they may be the checksum itself
	crc  uint64
}

func (c *checksum) add(p []byte) {
	if len(c.head) < rdbHeadLen {
		c.head = append(c.head, p[:min(len(p), rdbHeadLen-len(c.head))]...)
	}
	if len(p) >= rdbSumLen {
		c.crc = rdb.CRC64(c.crc, c.tail)
		c.crc = rdb.CRC64(c.crc, p[:len(p)-rdbSumLen])
		c.tail = append(c.tail[:0], p[len(p)-rdbSumLen:]...)
		return
	}
	c.tail = append(c.tail, p...)
	if over := len(c.tail) - rdbSumLen; over > 0 {
		c.crc = rdb.CRC64(c.crc, c.tail[:over])
		c.tail = append(c.tail[:0], c.tail[over:]...)
	}
}

// check tells after the last byte whether the sum is right.
func (c *checksum) check() error {
	digits, ok := bytes.CutPrefix(c.head, []byte("REDIS"))
	version, err := strconv.Atoi(string(digits))
	if !ok || err != nil || len(c.head) < rdbHeadLen {
		return fmt.Errorf("not a snapshot: it begins with %q", c.head)
	}
	if version < rdbSumVersion {
		return nil
	}
	if len(c.tail) < rdbSumLen {
		return errors.New("snapshot without an end")
	}
	want := binary.LittleEndian.Uint64(c.tail)
	if want != 0 && want != c.crc {
		return fmt.Errorf("wrong checksum of the snapshot: expected %016x, got %016x", want, c.crc)
	}
	return nil
}
