package sentinel

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-ha/vedette/failover"
	"github.com/vedette-ha/vedette/internal/conf"
)

// The order in which directives are read.
const (
	queueBefore = iota // what concerns all masters
	queueMonitor
	queueAfter // what names a master
	queueCount
)

// sentinelDirective is one row: what may follow the word "sentinel" in the file.
type sentinelDirective struct {
	name   string
	syntax string // of its arguments
	queue  int
	args   int // how many
	short  int // how many an old form had; 0: there is none
	// value is its line's value when it is to be written, "" for its default. Rows
	// that name a master have none: see masterLines.
	value func(c *Config) string
	read  func(c *Conf, d conf.Directive, args []string) error
	// ours: Redis Sentinel does not know it.
	ours bool
}

// sentinelDirectives lists all of them.
func sentinelDirectives() []sentinelDirective {
	rows := []sentinelDirective{
		{name: "myid", syntax: "<40 hexadecimal digits>", queue: queueBefore, args: 1, read: readMyID},
		{name: "current-epoch", syntax: "<epoch>", queue: queueBefore, args: 1, read: readCurrentEpoch},
		{name: "announce-ip", syntax: "<ip or host name>", queue: queueBefore, args: 1,
			value: func(c *Config) string { return c.AnnounceIP },
			read:  setText(func(c *Conf) *string { return &c.Config.AnnounceIP })},
		{name: "announce-port", syntax: "<port>", queue: queueBefore, args: 1,
			value: func(c *Config) string { return nonZero(c.AnnouncePort) },
			read:  setNumber(func(c *Conf) *int { return &c.Config.AnnouncePort }, 0, 65535)},
		{name: "sentinel-user", syntax: "<user name>", queue: queueBefore, args: 1,
			value: func(c *Config) string { return c.SentinelUser },
			read:  setText(func(c *Conf) *string { return &c.Config.SentinelUser })},
		{name: "sentinel-pass", syntax: "<password>", queue: queueBefore, args: 1,
			value: func(c *Config) string { return c.SentinelPass },
			read:  setText(func(c *Conf) *string { return &c.Config.SentinelPass })},
		{name: "deny-scripts-reconfig", syntax: "yes|no", queue: queueBefore, args: 1,
			value: func(c *Config) string { return yesIf(c.AllowScriptsReconfig, "no") },
			read: func(c *Conf, _ conf.Directive, args []string) error {
				deny, err := conf.ParseBool(args[0])
				c.Config.AllowScriptsReconfig = !deny
				return err
			}},
		{name: "resolve-hostnames", syntax: "yes|no", queue: queueBefore, args: 1,
			value: func(c *Config) string { return yesIf(c.ResolveHostnames, "yes") },
			read:  setBool(func(c *Conf) *bool { return &c.Config.ResolveHostnames })},
		{name: "announce-hostnames", syntax: "yes|no", queue: queueBefore, args: 1,
			value: func(c *Config) string { return yesIf(c.AnnounceHostnames, "yes") },
			read:  setBool(func(c *Conf) *bool { return &c.Config.AnnounceHostnames })},
		{name: "bootstrap-expect", syntax: "<sentinels>", queue: queueBefore, args: 1, ours: true,
			value: func(c *Config) string { return nonZero(c.BootstrapExpect) },
			read:  setNumber(func(c *Conf) *int { return &c.Config.BootstrapExpect }, 1, peersMax)},
		{name: "peer-cleanup-after", syntax: "<seconds>", queue: queueBefore, args: 1, ours: true,
			value: func(c *Config) string { return nonZero(int(c.PeerCleanupAfter / time.Second)) },
			read: func(c *Conf, _ conf.Directive, args []string) error {
				n, err := strconv.ParseInt(args[0], 10, 32)
				if err != nil || n < 0 {
					return errors.New("it takes a number of seconds, 0 for never")
				}
				c.Config.PeerCleanupAfter = time.Duration(n) * time.Second
				return nil
			}},
		{name: "strict-discovery", syntax: "yes|no", queue: queueBefore, args: 1, ours: true,
			value: func(c *Config) string { return yesIf(c.StrictDiscovery, "yes") },
			read:  setBool(func(c *Conf) *bool { return &c.Config.StrictDiscovery })},
		{name: "rewrite-config", syntax: "yes|no", queue: queueBefore, args: 1, ours: true,
			read: setBool(func(c *Conf) *bool { return &c.RewriteConfig })},
		{name: "monitor", syntax: "<name> <ip> <port> <quorum>", queue: queueMonitor, args: 4, read: readMonitor},
		{name: "config-epoch", syntax: "<name> <epoch>", queue: queueAfter, args: 2, read: readConfigEpoch},
		{name: "leader-epoch", syntax: "<name> <epoch>", queue: queueAfter, args: 2, read: readLeaderEpoch},
		{name: "known-replica", syntax: "<name> <ip> <port>", queue: queueAfter, args: 3, read: readKnownReplica},
		{name: "known-slave", syntax: "<name> <ip> <port>", queue: queueAfter, args: 3, read: readKnownReplica},
		{name: "known-sentinel", syntax: "<name> <ip> <port> <id>", queue: queueAfter, args: 4, short: 3, read: readKnownSentinel},
	}
	for _, option := range failover.Options() {
		if option == "quorum" { // it stands in the monitor line
			continue
		}
		values := failover.OptionValues(option)
		rows = append(rows, sentinelDirective{
			name: option, syntax: "<name>" + strings.Repeat(" <value>", values), queue: queueAfter, args: values + 1,
			ours: slices.Contains(ownOptions(), option),
			read: func(c *Conf, d conf.Directive, args []string) error { return readSetting(c, d, option, args) },
		})
	}
	return rows
}

// ownOptions are the settings of a master that Redis Sentinel does not know.
func ownOptions() []string {
	return []string{"crash-down-after-milliseconds", "failover-min-interval", "pre-failover-script", "empty-master-guard"}
}

// DirectiveNames returns what may follow the word "sentinel" in sentinel.conf.
func DirectiveNames() []string {
	var names []string
	for _, row := range sentinelDirectives() {
		names = append(names, row.name)
	}
	return names
}

// confRow finds the row of a directive and checks the number of arguments.
func confRow(d conf.Directive) (sentinelDirective, error) {
	if len(d.Args) == 0 {
		return sentinelDirective{}, d.Errorf("sentinel must be followed by a directive, such as monitor")
	}
	for _, row := range sentinelDirectives() {
		if !strings.EqualFold(row.name, d.Args[0]) {
			continue
		}
		if n := len(d.Args) - 1; n != row.args && (n != row.short || n == 0) {
			return row, d.Errorf("wrong number of arguments; it is: sentinel %s %s", row.name, row.syntax)
		}
		return row, nil
	}
	if near := conf.Nearest(d.Args[0], DirectiveNames()); near != "" {
		return sentinelDirective{}, d.Errorf("Unrecognized sentinel configuration statement %s; did you mean %s?", d.Args[0], near)
	}
	return sentinelDirective{}, d.Errorf("Unrecognized sentinel configuration statement %s", d.Args[0])
}

func nonZero(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func yesIf(set bool, word string) string {
	if !set {
		return ""
	}
	return word
}

type confReader = func(c *Conf, d conf.Directive, args []string) error

func setText(field func(c *Conf) *string) confReader {
	return func(c *Conf, _ conf.Directive, args []string) error {
		*field(c) = args[0]
		return nil
	}
}

func setBool(field func(c *Conf) *bool) confReader {
	return func(c *Conf, _ conf.Directive, args []string) error {
		on, err := conf.ParseBool(args[0])
		*field(c) = on
		return err
	}
}

func setNumber(field func(c *Conf) *int, least, most int) confReader {
	return func(c *Conf, d conf.Directive, args []string) error {
		n, err := strconv.Atoi(args[0])
		if err != nil || n < least || n > most {
			return fmt.Errorf("%s must be a number from %d to %d", strings.ToLower(d.Args[0]), least, most)
		}
		*field(c) = n
		return nil
	}
}

func readMyID(c *Conf, _ conf.Directive, args []string) error {
	if !isSentinelID(args[0]) {
		return errors.New("Malformed Sentinel id in myid option: it has 40 hexadecimal digits")
	}
	c.Config.MyID = args[0]
	return nil
}

func readEpoch(text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("Invalid epoch %s: a number from 0 on is allowed", text)
	}
	return n, nil
}

func readCurrentEpoch(c *Conf, _ conf.Directive, args []string) error {
	n, err := readEpoch(args[0])
	c.Config.Initial.Epoch = max(c.Config.Initial.Epoch, n)
	return err
}

func readMonitor(c *Conf, d conf.Directive, args []string) error {
	quorum, err := strconv.Atoi(args[3])
	if err != nil || quorum < 1 {
		return errors.New("Quorum must be 1 or greater.")
	}
	addr, err := c.addr(args[1], args[2])
	if err != nil {
		return err
	}
	if first, twice := c.monitors[args[0]]; twice {
		return fmt.Errorf("Duplicate master name %s: line %d has it already", args[0], first.Pos.Line)
	}
	c.monitors[args[0]] = d
	r := c.Config.Initial.Apply(0, failover.Command{Body: failover.Monitor{
		Name: args[0], Addr: addr, Settings: failover.DefaultSettings(quorum),
	}})
	if !r.OK() {
		return fmt.Errorf("monitor does not take the %s; it is: sentinel monitor <name> <ip> <port> <quorum>, "+
			"without blanks and commas", r.Text)
	}
	return nil
}

func readSetting(c *Conf, d conf.Directive, option string, args []string) error {
	m, err := c.master(d, args[0])
	if err != nil {
		return err
	}
	if strings.HasSuffix(option, "-script") && !executable(c.inDir(args[1])) {
		c.Config.MissingScripts = append(c.Config.MissingScripts, MissingScript{
			Directive: append([]string{option}, args...),
			Err:       d.Errorf("%s script seems non existing or non executable: %s", scriptKind(option), args[1]),
		})
	}
	if _, twice := m.Settings.Renames[strings.ToUpper(args[1])]; twice && option == "rename-command" {
		return errors.New("Same command renamed multiple times with rename-command.")
	}
	err = m.Settings.Set(failover.Edit{Option: option, Values: args[1:]})
	var bad *failover.InvalidValueError
	if errors.As(err, &bad) {
		return fmt.Errorf("%s does not take %q; it is: sentinel %s <name> <value>, a positive number where a time or count is meant",
			option, bad.Value, option)
	}
	return err
}

func readConfigEpoch(c *Conf, d conf.Directive, args []string) error {
	m, err := c.master(d, args[0])
	if err != nil {
		return err
	}
	if m.ConfigEpoch, err = readEpoch(args[1]); err == nil {
		c.Config.Initial.Epoch = max(c.Config.Initial.Epoch, m.ConfigEpoch)
	}
	return err
}

// readLeaderEpoch keeps that a vote was given in that epoch: no later claim may
// use it again.
func readLeaderEpoch(c *Conf, d conf.Directive, args []string) error {
	if _, err := c.master(d, args[0]); err != nil {
		return err
	}
	n, err := readEpoch(args[1])
	c.Config.Initial.Epoch = max(c.Config.Initial.Epoch, n)
	return err
}

func readKnownReplica(c *Conf, d conf.Directive, args []string) error {
	m, err := c.master(d, args[0])
	if err != nil {
		return err
	}
	addr, err := c.addr(args[1], args[2])
	if err != nil {
		return err
	}
	c.Config.Initial.Apply(0, failover.Command{Body: failover.LearnReplica{Name: m.Name, Addr: addr}})
	return nil
}

func readKnownSentinel(c *Conf, d conf.Directive, args []string) error {
	if _, err := c.master(d, args[0]); err != nil {
		return err
	}
	addr, err := c.addr(args[1], args[2])
	if err != nil {
		return err
	}
	if len(args) == 3 { // Redis 2.8.0 knew no ids; whoever it is will say hello
		return nil
	}
	if !isSentinelID(args[3]) {
		return fmt.Errorf("Wrong id of a sentinel: %s; it has 40 hexadecimal digits", args[3])
	}
	c.known(KnownSentinel{ID: args[3], Addr: addr, Masters: []string{args[0]}})
	return nil
}
