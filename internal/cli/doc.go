// Package cli is the command line: it finds out what was asked for, makes the
// logger, and runs a data server or a sentinel until the context ends.
//
// There are two ways in. Subcommands (`vedette server`, `vedette ping`, …) are
// one file each and listed in app.go. And the forms of Redis (form.go): argv[0]
// is redis-server or redis-sentinel, or the first argument is a file, a
// directive or "-". Both end in the same [process], which differs only in how
// log lines look (log.go).
//
// Reading order: app.go, form.go, process.go, then what a process may need:
// log.go and redislog.go, daemon.go, supervise.go, pidfile.go.
//
// The demo is a program of its own that starts this one six times: demo.go is the
// command, demo_run.go the order of events, demo_faults.go what is done to the master;
// demo_set.go and demo_node.go are the processes, demo_watch.go and demo_writers.go
// watch and use them, demo_result.go makes figures of what was seen, demo_screen.go and
// demo_report.go show it.
//
// This is the only package that knows both server and sentinel.
package cli
