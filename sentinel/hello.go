package sentinel

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// helloChannel is where sentinels introduce themselves on the data nodes, and
// to each other by PUBLISH.
const helloChannel = "__sentinel__:hello"

// longestHello bounds a hello message; a real one has some 150 bytes.
const longestHello = 1024

// hello is what a sentinel says about itself and one master.
type hello struct {
	IP          string // announced, may be a host name
	Port        int
	ID          string // 40 hexadecimal digits
	Epoch       uint64 // its current epoch
	Master      string // the master's name
	MasterIP    string
	MasterPort  int
	ConfigEpoch uint64 // of that master's address
}

var errHello = errors.New("malformed hello message")

// parseHello reads the eight comma-separated fields of a hello message. The
// message comes from anyone who may publish on a data node.
func parseHello(b []byte) (hello, error) {
	if len(b) > longestHello {
		return hello{}, errHello
	}
	f := strings.Split(string(b), ",")
	if len(f) != 8 {
		return hello{}, errHello
	}
	h := hello{IP: f[0], ID: f[2], Master: f[4], MasterIP: f[5]}
	var errs [4]error
	h.Port, errs[0] = parsePort(f[1])
	h.Epoch, errs[1] = strconv.ParseUint(f[3], 10, 64)
	h.MasterPort, errs[2] = parsePort(f[6])
	h.ConfigEpoch, errs[3] = strconv.ParseUint(f[7], 10, 64)
	if errors.Join(errs[:]...) != nil || !isRunID(h.ID) || !isWord(h.IP) || !isWord(h.Master) || !isWord(h.MasterIP) {
		return hello{}, errHello
	}
	return h, nil
}

// String is the message as it travels.
func (h hello) String() string {
	return fmt.Sprintf("%s,%d,%s,%d,%s,%s,%d,%d",
		h.IP, h.Port, h.ID, h.Epoch, h.Master, h.MasterIP, h.MasterPort, h.ConfigEpoch)
}

// parsePort reads a TCP port, 1 to 65535.
func parsePort(s string) (int, error) {
	p, err := strconv.ParseUint(s, 10, 16)
	if err == nil && p == 0 {
		err = errors.New("port 0")
	}
	return int(p), err
}

// isRunID says whether s looks like the id of a Redis process: 40 lower-case
// hexadecimal digits.
func isRunID(s string) bool {
	if len(s) != 40 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// isWord says whether s can be a field of an event or of a list: printable and
// without spaces.
func isWord(s string) bool {
	if s == "" {
		return false
	}
	for _, r := range s {
		if r <= ' ' || r == 0x7f {
			return false
		}
	}
	return true
}
