package replication

// Action is something a Node has decided and the loop is to do, in the order given.
type Action interface{ action() }

type (
	// Connect asks to run Attempt on a goroutine of its own and to hand its outcome
	// to Node.Attempted on the loop.
	Connect struct{ Attempt *Attempt }

	// Cancel asks to cancel the context of a running Attempt. Its outcome still has
	// to go to Node.Attempted, which disposes of it.
	Cancel struct{ Attempt *Attempt }

	// OpenMaster asks to make the connection a session whose bytes are our master's
	// stream: commands are executed without a reply, ACKs written as SendAck says.
	OpenMaster struct{ Link *MasterConn }

	// Load asks to drop the data set and load Full's file, then to call Node.Loaded.
	// Until then Full.Conn.KeepAlive should run on a goroutine.
	Load struct{ Full *FullSync }

	// CloseMaster asks to close the session of the master, without Node.MasterLost.
	// Half a transaction it has queued is forgotten.
	CloseMaster struct{}

	// SendAck asks to write Bytes to the master's session.
	SendAck struct{ Bytes []byte }

	// CloseReplica asks to close a replica's session now. The replica has left the
	// table already; Node.Disconnected is not called for it.
	CloseReplica struct{ Replica *Replica }

	// PauseWrites asks to hold back every command that may write, and expiry and
	// eviction with them; ResumeWrites ends that.
	PauseWrites  struct{}
	ResumeWrites struct{}

	// RoleChanged tells that this server became a master or a replica.
	RoleChanged struct{ Master bool }
)

func (Connect) action()      {}
func (Cancel) action()       {}
func (OpenMaster) action()   {}
func (Load) action()         {}
func (CloseMaster) action()  {}
func (SendAck) action()      {}
func (CloseReplica) action() {}
func (PauseWrites) action()  {}
func (ResumeWrites) action() {}
func (RoleChanged) action()  {}
