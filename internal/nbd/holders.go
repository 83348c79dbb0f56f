package nbd

// holders are the connections that hold one export.
type holders struct {
	conns map[*conn]struct{}
	gone  chan struct{} // closed when the last has given the export back
}

// Connections is the number of connections that hold the export.
func (s *Server) Connections(export string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.holders[export]; h != nil {
		return len(h.conns)
	}
	return 0
}

// Released returns a channel that is closed once no connection holds the export. The
// caller has made the registry refuse it, or new ones may come.
func (s *Server) Released(export string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.holders[export]; h != nil {
		return h.gone
	}
	none := make(chan struct{})
	close(none)
	return none
}

// Disconnect ends the connections that hold the export, which the registry no longer
// opens: with force at once, else as Shutdown does. Wait for Released before closing
// the device. A connection that is just opening the export asks the registry again.
func (s *Server) Disconnect(export string, force bool) {
	for _, c := range s.disconnecting(export) {
		if force {
			c.cut(ErrDisconnected)
		} else {
			c.drain()
		}
	}
}

func (s *Server) disconnecting(export string) []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	h := s.holders[export]
	if h == nil {
		return nil
	}
	conns := make([]*conn, 0, len(h.conns))
	for c := range h.conns {
		conns = append(conns, c)
	}
	return conns
}

func (s *Server) disconnectEpoch() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch
}

// track enters a connection that has opened an export, unless a Disconnect has
// happened since epoch, which may have missed it.
func (s *Server) track(c *conn, export string, epoch uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch != epoch {
		return false
	}
	h := s.holders[export]
	if h == nil {
		h = &holders{conns: map[*conn]struct{}{}, gone: make(chan struct{})}
		s.holders[export] = h
	}
	h.conns[c] = struct{}{}
	return true
}

func (s *Server) untrack(c *conn, export string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.holders[export]
	delete(h.conns, c)
	if len(h.conns) == 0 {
		close(h.gone)
		delete(s.holders, export)
	}
}
