package failover

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Defaults of the settings of a master, as in Redis.
const (
	DefaultDownAfter       = 30 * time.Second
	DefaultFailoverTimeout = 180 * time.Second
	DefaultParallelSyncs   = 1
)

// Settings are the directives of one master. The zero value is not useful: start
// from [DefaultSettings].
type Settings struct {
	Quorum          int           `json:"quorum"`
	DownAfter       time.Duration `json:"down_after"`
	FailoverTimeout time.Duration `json:"failover_timeout"`
	ParallelSyncs   int           `json:"parallel_syncs"`

	NotificationScript   string `json:"notification_script,omitempty"`
	ClientReconfigScript string `json:"client_reconfig_script,omitempty"`

	AuthUser string `json:"auth_user,omitempty"`
	AuthPass string `json:"auth_pass,omitempty"`

	// Renames maps a command, upper case, to the name it has on the data nodes.
	Renames map[string]string `json:"renames,omitempty"`

	// RebootDownAfter: a master whose run id changed and that has not answered PONG
	// for so long is down. 0 is off.
	RebootDownAfter time.Duration `json:"reboot_down_after,omitempty"`

	// CrashDownAfter replaces DownAfter for a node that refuses connections. 0 means
	// DownAfter.
	CrashDownAfter time.Duration `json:"crash_down_after,omitempty"`

	// FailoverMinInterval: no automatic failover so soon after the last switch. 0 is
	// off.
	FailoverMinInterval time.Duration `json:"failover_min_interval,omitempty"`
	// PreFailoverScript may veto an automatic failover.
	PreFailoverScript string `json:"pre_failover_script,omitempty"`
	// EmptyMasterGuard: a master that restarts without its data is failed over from.
	EmptyMasterGuard bool `json:"empty_master_guard,omitempty"`
}

// DefaultSettings are Redis's.
func DefaultSettings(quorum int) Settings {
	return Settings{
		Quorum:          quorum,
		DownAfter:       DefaultDownAfter,
		FailoverTimeout: DefaultFailoverTimeout,
		ParallelSyncs:   DefaultParallelSyncs,
	}
}

// Clone returns a copy that shares nothing with s.
func (s Settings) Clone() Settings {
	if s.Renames != nil {
		renames := make(map[string]string, len(s.Renames))
		for k, v := range s.Renames {
			renames[k] = v
		}
		s.Renames = renames
	}
	return s
}

// CrashAfter returns how long a refusing node is tolerated.
func (s *Settings) CrashAfter() time.Duration {
	if s.CrashDownAfter == 0 {
		return s.DownAfter
	}
	return min(s.CrashDownAfter, s.DownAfter)
}

// Edit is one option of SENTINEL SET: the name as in sentinel.conf and its value, or
// two for rename-command.
type Edit struct {
	Option string   `json:"option"`
	Values []string `json:"values"`
}

// Errors of [Settings.Set].
type (
	// UnknownOptionError names an option that does not exist or has the wrong number
	// of values.
	UnknownOptionError struct{ Option string }
	// InvalidValueError names a value its option does not take.
	InvalidValueError struct{ Option, Value string }
)

func (e *UnknownOptionError) Error() string {
	return "unknown option or number of arguments for '" + e.Option + "'"
}

func (e *InvalidValueError) Error() string {
	return fmt.Sprintf("invalid argument '%s' for '%s'", e.Value, e.Option)
}

// option is one row of the table of per-master directives.
type option struct {
	name   string
	values int
	set    func(s *Settings, v []string) bool
	get    func(s *Settings) string // empty: at its default, not written to a file
}

// options lists every per-master directive but monitor. Units are those of
// sentinel.conf: milliseconds.
func options() []option {
	return []option{
		{"down-after-milliseconds", 1,
			func(s *Settings, v []string) bool { return setMillis(&s.DownAfter, v[0], 1) },
			func(s *Settings) string { return millis(s.DownAfter, DefaultDownAfter) }},
		{"failover-timeout", 1,
			func(s *Settings, v []string) bool { return setMillis(&s.FailoverTimeout, v[0], 1) },
			func(s *Settings) string { return millis(s.FailoverTimeout, DefaultFailoverTimeout) }},
		{"parallel-syncs", 1,
			func(s *Settings, v []string) bool { return setCount(&s.ParallelSyncs, v[0]) },
			func(s *Settings) string { return count(s.ParallelSyncs, DefaultParallelSyncs) }},
		{"quorum", 1,
			func(s *Settings, v []string) bool { return setCount(&s.Quorum, v[0]) },
			func(*Settings) string { return "" }}, // part of the monitor line
		{"notification-script", 1,
			func(s *Settings, v []string) bool { s.NotificationScript = v[0]; return true },
			func(s *Settings) string { return s.NotificationScript }},
		{"client-reconfig-script", 1,
			func(s *Settings, v []string) bool { s.ClientReconfigScript = v[0]; return true },
			func(s *Settings) string { return s.ClientReconfigScript }},
		{"auth-user", 1,
			func(s *Settings, v []string) bool { s.AuthUser = v[0]; return true },
			func(s *Settings) string { return s.AuthUser }},
		{"auth-pass", 1,
			func(s *Settings, v []string) bool { s.AuthPass = v[0]; return true },
			func(s *Settings) string { return s.AuthPass }},
		{"rename-command", 2, setRename,
			func(*Settings) string { return "" }}, // a line each, see Directives
		{"master-reboot-down-after-period", 1,
			func(s *Settings, v []string) bool { return setMillis(&s.RebootDownAfter, v[0], 0) },
			func(s *Settings) string { return millis(s.RebootDownAfter, 0) }},
		{"primary-reboot-down-after-period", 1,
			func(s *Settings, v []string) bool { return setMillis(&s.RebootDownAfter, v[0], 0) },
			func(*Settings) string { return "" }}, // Valkey's alias
		{"crash-down-after-milliseconds", 1,
			func(s *Settings, v []string) bool { return setMillis(&s.CrashDownAfter, v[0], 0) },
			func(s *Settings) string { return millis(s.CrashDownAfter, 0) }},
		{"failover-min-interval", 1,
			func(s *Settings, v []string) bool { return setMillis(&s.FailoverMinInterval, v[0], 0) },
			func(s *Settings) string { return millis(s.FailoverMinInterval, 0) }},
		{"pre-failover-script", 1,
			func(s *Settings, v []string) bool { s.PreFailoverScript = v[0]; return true },
			func(s *Settings) string { return s.PreFailoverScript }},
		{"empty-master-guard", 1,
			func(s *Settings, v []string) bool { return setYesNo(&s.EmptyMasterGuard, v[0]) },
			func(s *Settings) string { return yesOrNothing(s.EmptyMasterGuard) }},
	}
}

// Options returns the names Set accepts.
func Options() []string {
	var names []string
	for _, o := range options() {
		names = append(names, o.name)
	}
	return names
}

// OptionValues returns how many values the option takes, 0 if there is none of that
// name. Names are compared without case.
func OptionValues(name string) int {
	for _, o := range options() {
		if strings.EqualFold(o.name, name) {
			return o.values
		}
	}
	return 0
}

// Set applies one option as SENTINEL SET and sentinel.conf spell it. On error
// (*UnknownOptionError, *InvalidValueError) s is unchanged.
func (s *Settings) Set(e Edit) error {
	for _, o := range options() {
		if !strings.EqualFold(o.name, e.Option) {
			continue
		}
		if len(e.Values) != o.values {
			break
		}
		if !o.set(s, e.Values) {
			return &InvalidValueError{Option: e.Option, Value: wrongValue(e.Values)}
		}
		return nil
	}
	return &UnknownOptionError{Option: e.Option}
}

// wrongValue is the one to name: an empty one of several, else the last.
func wrongValue(values []string) string {
	if slices.Contains(values, "") {
		return ""
	}
	return values[len(values)-1]
}

// Directives returns the settings that differ from their defaults in the order of the
// options table, renames last and sorted: what sentinel.conf has to hold.
func (s *Settings) Directives() []Edit {
	var edits []Edit
	for _, o := range options() {
		if v := o.get(s); v != "" {
			edits = append(edits, Edit{Option: o.name, Values: []string{v}})
		}
	}
	for _, name := range sortedKeys(s.Renames) {
		edits = append(edits, Edit{Option: "rename-command", Values: []string{name, s.Renames[name]}})
	}
	return edits
}

// Command returns name, upper case, as the data nodes of this master call it.
func (s *Settings) Command(name string) string {
	if renamed, ok := s.Renames[name]; ok {
		return renamed
	}
	return name
}

func (s *Settings) greeting() Greeting {
	return Greeting{
		User: s.AuthUser, Pass: s.AuthPass,
		Auth: s.Command("AUTH"), Client: s.Command("CLIENT"), Subscribe: s.Command("SUBSCRIBE"),
	}
}

func setRename(s *Settings, v []string) bool {
	if v[0] == "" || v[1] == "" {
		return false
	}
	*s = s.Clone()
	name := strings.ToUpper(v[0])
	if strings.EqualFold(v[0], v[1]) {
		delete(s.Renames, name)
		return true
	}
	if s.Renames == nil {
		s.Renames = map[string]string{}
	}
	s.Renames[name] = v[1]
	return true
}

// maxMillis keeps every sum of a few settings far from overflow: 100 years.
const maxMillis = 100 * 365 * 24 * 3600 * 1000

func setMillis(d *time.Duration, text string, least int64) bool {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > maxMillis {
		return false
	}
	*d = time.Duration(n) * time.Millisecond
	return true
}

func setYesNo(b *bool, text string) bool {
	*b = strings.EqualFold(text, "yes")
	return *b || strings.EqualFold(text, "no")
}

func yesOrNothing(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

func setCount(c *int, text string) bool {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 1 {
		return false
	}
	*c = int(n)
	return true
}

func millis(d, fallback time.Duration) string {
	if d == fallback {
		return ""
	}
	return strconv.FormatInt(d.Milliseconds(), 10)
}

func count(n, fallback int) string {
	if n == fallback {
		return ""
	}
	return strconv.Itoa(n)
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
