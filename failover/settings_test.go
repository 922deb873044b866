package failover

import (
	"errors"
	"testing"
	"time"
)

func TestSettingsSet(t *testing.T) {
	for _, tt := range []struct {
		option string
		values []string
		ok     bool
	}{
		{"down-after-milliseconds", []string{"1"}, true},
		{"DOWN-AFTER-MILLISECONDS", []string{"30000"}, true},
		{"down-after-milliseconds", []string{"0"}, false},
		{"down-after-milliseconds", []string{"x"}, false},
		{"down-after-milliseconds", []string{"9223372036854775807"}, false},
		{"failover-timeout", []string{"-1"}, false},
		{"parallel-syncs", []string{"0"}, false},
		{"quorum", []string{"3"}, true},
		{"quorum", []string{"3", "4"}, false},
		{"rename-command", []string{"config", "cfg"}, true},
		{"rename-command", []string{"config"}, false},
		{"rename-command", []string{"", "x"}, false},
		{"master-reboot-down-after-period", []string{"0"}, true},
		{"primary-reboot-down-after-period", []string{"5"}, true},
		{"crash-down-after-milliseconds", []string{"200"}, true},
		{"auth-pass", []string{"secret"}, true},
		{"no-such-option", []string{"1"}, false},
	} {
		s := DefaultSettings(2)
		err := s.Set(Edit{tt.option, tt.values})
		if (err == nil) != tt.ok {
			t.Errorf("%s %v: %v", tt.option, tt.values, err)
		}
	}
	s := DefaultSettings(2)
	var unknown *UnknownOptionError
	if err := s.Set(Edit{"nope", []string{"1"}}); !errors.As(err, &unknown) || unknown.Option != "nope" {
		t.Errorf("%v", err)
	}
	var invalid *InvalidValueError
	if err := s.Set(Edit{"quorum", []string{"0"}}); !errors.As(err, &invalid) || invalid.Value != "0" {
		t.Errorf("%v", err)
	}
}

// What Directives writes, Set reads back.
func TestSettingsDirectives(t *testing.T) {
	s := DefaultSettings(2)
	if d := s.Directives(); len(d) != 0 {
		t.Errorf("defaults are written: %v", d)
	}
	edits := []Edit{
		{"down-after-milliseconds", []string{"1000"}}, {"failover-timeout", []string{"2000"}},
		{"parallel-syncs", []string{"3"}}, {"notification-script", []string{"/n"}},
		{"client-reconfig-script", []string{"/c"}}, {"auth-user", []string{"u"}}, {"auth-pass", []string{"p"}},
		{"rename-command", []string{"config", "cfg"}}, {"rename-command", []string{"client", "cl"}},
		{"master-reboot-down-after-period", []string{"5"}}, {"crash-down-after-milliseconds", []string{"200"}},
	}
	for _, e := range edits {
		if err := s.Set(e); err != nil {
			t.Fatal(err)
		}
	}
	again := DefaultSettings(2)
	for _, e := range s.Directives() {
		if err := again.Set(e); err != nil {
			t.Errorf("%v: %v", e, err)
		}
	}
	if len(again.Directives()) != len(edits) || again.Command("CONFIG") != "cfg" || again.Command("INFO") != "INFO" {
		t.Errorf("read back %+v", again)
	}
	if s.CrashAfter() != 200*time.Millisecond {
		t.Errorf("crash after %v", s.CrashAfter())
	}
}

func TestAddr(t *testing.T) {
	for text, want := range map[string]Addr{
		"10.0.0.1:6379": addr1,
		"[::1]:6379":    {Host: "::1", Port: 6379},
		"host.name:1":   {Host: "host.name", Port: 1},
	} {
		got, err := ParseAddr(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "host", "host:", ":1", "host:0", "host:65536", "host:x",
		"::1:6379", "[::1]", "[::1]6379", "[::1:6379", "::1]:6379", "host:+1", "[]:1"} {
		if got, err := ParseAddr(bad); err == nil {
			t.Errorf("%q is %v", bad, got)
		}
	}
}
