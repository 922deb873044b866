package server

import "github.com/vedette-ha/vedette/server/keyspace"

// ownExpires are the keys that clients of a writable replica gave an expiry. The master
// does not know them and will never delete them, so the replica does.
type ownExpires struct {
	on   bool // this is a writable replica
	keys map[ownKey]struct{}
}

type ownKey struct {
	db  int
	key string
}

// noteOwnExpire remembers a key that a command of a client has changed, if it expires.
func (s *Server) noteOwnExpire(db int, key []byte) {
	if s.running == nil || s.running.class == classMaster {
		return
	}
	if e, there := s.stored(db, key); !there || e.ExpireAt() == keyspace.NoExpire {
		return
	}
	if s.own.keys == nil {
		s.own.keys = make(map[ownKey]struct{})
	}
	s.own.keys[ownKey{db, string(key)}] = struct{}{}
}

// expireOwn deletes those whose time has come, and forgets those that do not expire any
// more.
func (s *Server) expireOwn(more func() bool) {
	policy := s.space.ExpirePolicy()
	s.space.SetExpirePolicy(keyspace.ExpireDelete)
	defer s.space.SetExpirePolicy(policy)
	for k := range s.own.keys {
		if e, there := s.space.DB(k.db).Peek([]byte(k.key)); !there || e.ExpireAt() == keyspace.NoExpire {
			delete(s.own.keys, k)
		}
		if !more() {
			return
		}
	}
}

// refreshOwn notes whether this server is a writable replica now.
func (s *Server) refreshOwn() {
	s.own.on = s.isReplica() && !s.cfg.ReplicaReadOnly
	if !s.isReplica() {
		s.own.keys = nil // the cycle of a master finds them
	}
}
