package server

// inertDirectives are accepted, checked, kept and reported, so that a file and a
// script written for Redis go on working, but have no meaning here: there is no
// cluster mode, no module, no child process, no jemalloc, and the runtime decides
// about threads.
func (c *Config) inertDirectives() []directive {
	var d inertRows

	d.flag("activedefrag", false, debugOnly)
	d.bytes("active-defrag-ignore-bytes", 100<<20, 1, maxLong)
	d.number("active-defrag-cycle-max", 25, 1, 99, 0)
	d.number("active-defrag-cycle-min", 1, 1, 99, 0)
	d.number("active-defrag-max-scan-fields", 1000, 1, maxLong, 0)
	d.number("active-defrag-threshold-lower", 10, 0, 1000, 0)
	d.number("active-defrag-threshold-upper", 100, 0, 1000, 0)
	d.flag("jemalloc-bg-thread", true, 0)

	d.text("server_cpulist", immutable)
	d.text("bio_cpulist", immutable)
	d.text("aof_rewrite_cpulist", immutable)
	d.text("bgsave_cpulist", immutable)
	d.number("io-threads", 1, 1, 128, immutable|debugOnly)
	d.flag("io-threads-do-reads", false, immutable|debugOnly)
	d.flag("disable-thp", true, immutable)
	d.flag("crash-log-enabled", true, 0)
	d.flag("crash-memcheck-enabled", true, 0)
	d.flag("use-exit-on-panic", false, hidden)
	d.number("watchdog-period", 0, 0, maxInt, hidden)
	d.rows = append(d.rows,
		directive{name: "ignore-warnings", flags: inert, v: text(new(string), "")},
		directive{name: "locale-collate", flags: inert, v: text(new(string), "")})
	d.text("req-res-logfile", immutable|hidden)
	d.number("client-default-resp", 2, 2, 3, immutable|hidden)

	d.cluster()
	return d.rows
}

// inertRows collects rows whose values nobody reads.
type inertRows struct{ rows []directive }

func (d *inertRows) cluster() {
	d.flag("cluster-enabled", false, immutable)
	d.rows = append(d.rows,
		directive{name: "cluster-config-file", flags: inert | immutable,
			v: text(new(string), "nodes.conf")},
		directive{name: "cluster-preferred-endpoint-type", flags: inert,
			v: enum(new(string), "ip", enumName[string]{"ip", "ip"},
				enumName[string]{"hostname", "hostname"},
				enumName[string]{"unknown-endpoint", "unknown-endpoint"})},
		directive{name: "cluster-announce-hostname", flags: inert, v: hostName(new(string))},
		directive{name: "cluster-replica-no-failover", alias: "cluster-slave-no-failover",
			flags: inert, v: boolean(new(bool), false)},
		directive{name: "cluster-replica-validity-factor", alias: "cluster-slave-validity-factor",
			flags: inert, v: number(new(int), 10, 0, maxInt)})
	d.text("cluster-announce-human-nodename", 0)
	d.text("cluster-announce-ip", 0)
	d.number("cluster-announce-port", 0, 0, maxPort, 0)
	d.number("cluster-announce-bus-port", 0, 0, maxPort, 0)
	d.number("cluster-announce-tls-port", 0, 0, maxPort, 0)
	d.number("cluster-port", 0, 0, maxPort, immutable)
	d.bytes("cluster-link-sendbuf-limit", 0, 0, maxULong)
	d.number("cluster-migration-barrier", 1, 0, maxInt, 0)
	d.number("cluster-node-timeout", 15000, 0, maxLong, 0)
	d.number("cluster-ping-interval", 0, 0, maxLong, hidden)
	d.flag("cluster-require-full-coverage", true, 0)
	d.flag("cluster-allow-reads-when-down", false, 0)
	d.flag("cluster-allow-pubsubshard-when-down", true, 0)
	d.flag("cluster-allow-replica-migration", true, 0)
}

func (d *inertRows) flag(name string, def bool, flags directiveFlags) {
	d.rows = append(d.rows, directive{name: name, flags: flags | inert, v: boolean(new(bool), def)})
}

func (d *inertRows) text(name string, flags directiveFlags) {
	d.rows = append(d.rows, directive{name: name, flags: flags | inert, v: optional(new(string))})
}

func (d *inertRows) number(name string, def, min int64, max uint64, flags directiveFlags) {
	d.rows = append(d.rows,
		directive{name: name, flags: flags | inert, v: number(new(int64), def, min, max)})
}

func (d *inertRows) bytes(name string, def uint64, min int64, max uint64) {
	d.rows = append(d.rows,
		directive{name: name, flags: inert, v: bytes(new(uint64), def, min, max)})
}
