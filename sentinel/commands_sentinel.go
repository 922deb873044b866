package sentinel

import "context"

// sentinelCommands: https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/#sentinel-api
func sentinelCommands() []command {
	danger := []string{"@admin", "@slow", "@dangerous"}
	row := func(name string, arity int, since, about string, run func(context.Context, *session, [][]byte) error) command {
		return command{name: name, arity: arity, flags: []string{"admin"}, cats: danger, group: "sentinel",
			since: since, about: about, run: run}
	}
	helpRow := row("HELP", 2, "6.2.0", "Returns helpful text.", help(sentinelHelp))
	helpRow.flags, helpRow.cats = []string{"loading", "stale"}, []string{"@slow"}
	container := row("SENTINEL", -2, "2.8.4", "A container for Sentinel commands.", nil)
	between := func(name string, arity int, since, about string, run func(context.Context, *session, [][]byte) error) command {
		c := row(name, arity, since, about, run)
		c.unpaused = true
		return c
	}
	container.subs = []command{
		row("CKQUORUM", 3, "2.8.4", "Checks whether enough sentinels are usable.", sentinelCkquorum),
		row("CONFIG", -4, "6.2.0", "Reads or changes parameters of the sentinel itself.", sentinelConfig),
		row("DEBUG", -2, "7.0.0", "Shows or changes periods.", sentinelDebug),
		row("EVENTS", -2, "7.2.0", "Returns the events after a known one, waiting for some.", sentinelEvents),
		row("FAILOVER", -3, "2.8.4", "Fails a master over by hand.", sentinelFailover),
		row("FLUSHCONFIG", 2, "2.8.4", "Rewrites the configuration file.", sentinelFlushConfig),
		row("GET-MASTER-ADDR-BY-NAME", 3, "2.8.4", "Returns the address of a master.", sentinelGetMasterAddr),
		row("GET-PRIMARY-ADDR-BY-NAME", 3, "2.8.4", "Returns the address of a master.", sentinelGetMasterAddr),
		helpRow,
		row("HISTORY", -2, "7.2.0", "Returns the records of failovers, newest first.", sentinelHistory),
		row("INFO-CACHE", -3, "3.2.0", "Returns the last INFO of masters and replicas.", sentinelInfoCache),
		between("IS-MASTER-DOWN-BY-ADDR", 6, "2.8.4", "Tells whether a master is down from here.", sentinelIsMasterDown),
		between("IS-PRIMARY-DOWN-BY-ADDR", 6, "2.8.4", "Tells whether a master is down from here.", sentinelIsMasterDown),
		row("MASTER", 3, "2.8.4", "Returns the state of a master.", sentinelMaster),
		row("MASTERS", 2, "2.8.4", "Returns the state of all masters.", sentinelMasters),
		row("MONITOR", 6, "2.8.4", "Starts monitoring a master.", sentinelMonitor),
		row("MYID", 2, "6.2.0", "Returns the id of this sentinel.", sentinelMyID),
		row("PAUSE", -3, "7.2.0", "Stops automatic failovers of a master.", sentinelPause),
		row("PENDING-SCRIPTS", 2, "2.8.4", "Returns the scripts that run or wait.", sentinelPendingScripts),
		row("PRIMARIES", 2, "2.8.4", "Returns the state of all masters.", sentinelMasters),
		row("PRIMARY", 3, "2.8.4", "Returns the state of a master.", sentinelMaster),
		between("RAFT", -3, "7.2.0", "Carries what sentinels say to each other.", sentinelRaft),
		row("REMOVE", -3, "2.8.4", "Stops monitoring a master.", sentinelRemove),
		row("REPLICAS", 3, "5.0.0", "Returns the state of a master's replicas.", sentinelReplicas),
		row("RESET", 3, "2.8.4", "Forgets what was discovered about masters.", sentinelReset),
		row("RESUME", 3, "7.2.0", "Allows automatic failovers of a master again.", sentinelResume),
		row("SENTINELS", 3, "2.8.4", "Returns the state of the other sentinels.", sentinelSentinels),
		row("SET", -5, "2.8.4", "Changes settings of a master.", sentinelSet),
		row("SIMULATE-FAILURE", -3, "3.2.0", "Ends the process in the middle of a failover.", sentinelSimulateFailure),
		row("SLAVES", 3, "2.8.0", "Returns the state of a master's replicas.", sentinelReplicas),
		row("WHY", 3, "7.2.0", "Says in sentences how a master is doing.", sentinelWhy),
	}
	return []command{container}
}

const sentinelHelp = `SENTINEL <subcommand> [<arg> [value] [opt] ...]. Subcommands are:
CKQUORUM <master-name>
    Check if the current Sentinel configuration is able to reach the quorum
    needed to failover a master and the majority needed to authorize the
    failover.
CONFIG SET param value [param value ...]
    Set a global Sentinel configuration parameter.
CONFIG GET <param> [param param param ...]
    Get global Sentinel configuration parameter.
DEBUG [<param> <value> ...]
    Show a list of configurable time parameters and their values (milliseconds).
    Or update current configurable parameters values (one or more).
GET-MASTER-ADDR-BY-NAME <master-name>
    Return the ip and port number of the master with that name.
EVENTS [SINCE <id>|$] [COUNT <count>] [BLOCK <milliseconds>]
    Return the events published after the one with that id, waiting for some.
FAILOVER <master-name> [TO <ip> <port>] [TIMEOUT <milliseconds>] [COORDINATED]
    [FORCE] [ACCEPT-DATA-LOSS]
    Manually failover a master node without asking for agreement from other
    Sentinels. FORCE overrides failover-min-interval, ACCEPT-DATA-LOSS also
    promotes a replica that was never in sync.
FLUSHCONFIG
    Force Sentinel to rewrite its configuration on disk, including the current
    Sentinel state.
INFO-CACHE <master-name>
    Return last cached INFO output from masters and all its replicas.
IS-MASTER-DOWN-BY-ADDR <ip> <port> <current-epoch> <runid>
    Check if the master specified by ip:port is down from current Sentinel's
    point of view.
MASTER <master-name>
    Show the state and info of the specified master.
MASTERS
    Show a list of monitored masters and their state.
MONITOR <name> <ip> <port> <quorum>
    Start monitoring a new master with the specified name, ip, port and quorum.
MYID
    Return the ID of the Sentinel instance.
HISTORY [<master-name>] [COUNT <count>]
    Return the records of failovers, the newest first.
PAUSE <master-name> [FOR <seconds>]
    Start no automatic failover of that master, on any Sentinel.
PENDING-SCRIPTS
    Get pending scripts information.
RAFT STATUS
    Show how this Sentinel stands with its cluster, and the members.
RAFT REMOVE <id>
    Take a Sentinel that is gone for good out of the cluster.
RAFT TRANSFER [<id>]
    Make another Sentinel lead the cluster.
REMOVE <master-name> [NOW]
    Remove master from Sentinel's monitor list. NOW overrides that, for a minute,
    the removal through one Sentinel is that through the others, too.
REPLICAS <master-name>
    Show a list of replicas for this master and their state.
RESET <pattern>
    Reset masters for specific master name matching this pattern.
RESUME <master-name>
    Start automatic failovers of that master again.
SENTINELS <master-name>
    Show a list of Sentinel instances for this master and their state.
SET <master-name> <option> <value> [<option> <value> ...]
    Set configuration parameters for certain masters.
SIMULATE-FAILURE [CRASH-AFTER-ELECTION] [CRASH-AFTER-PROMOTION] [HELP]
    Simulate a Sentinel crash.
WHY <master-name>
    Say in sentences how that master is doing, and why nothing or something is
    done about it.
HELP
    Prints this help.`
