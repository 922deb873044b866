package server

import (
	"strconv"

	"github.com/vedette-ha/vedette/server/command"
)

// Notify implements command.Host: it publishes a keyspace event to those who
// subscribed to it, where notify-keyspace-events names its class.
func (s *Server) Notify(class command.Class, event string, key []byte, db int) {
	on := s.notify
	if on&class == 0 {
		return
	}
	var buf [64]byte
	if on&command.Keyspace != 0 {
		ch := append(buf[:0], "__keyspace@"...)
		ch = strconv.AppendInt(ch, int64(db), 10)
		ch = append(append(ch, "__:"...), key...)
		s.publish(ch, []byte(event))
	}
	if on&command.Keyevent != 0 {
		ch := append(buf[:0], "__keyevent@"...)
		ch = strconv.AppendInt(ch, int64(db), 10)
		ch = append(append(ch, "__:"...), event...)
		s.publish(ch, key)
	}
}
