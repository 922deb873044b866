package acl

import (
	"bytes"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/vedette-ha/vedette/internal/resp"
)

// testTable is a few commands of a data server.
func testTable() *Commands {
	return NewCommands([]Command{
		{Name: "get", Categories: []string{"read", "string", "fast"}},
		{Name: "set", Categories: []string{"write", "string", "slow"}},
		{Name: "getset", Categories: []string{"write", "string", "fast"}},
		{Name: "select", Categories: []string{"connection", "fast"}},
		{Name: "config", Categories: []string{"slow"}},
		{Name: "config|get", Categories: []string{"admin", "slow", "dangerous"}},
		{Name: "config|set", Categories: []string{"admin", "slow", "dangerous"}},
		{Name: "publish", Categories: []string{"pubsub", "fast"}},
		{Name: "auth", Categories: []string{"connection", "fast"}, Open: true},
	})
}

const pwHash = "30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4" // of "pw"

// Rules, in the order they are given, and what ACL LIST makes of them.
func TestRulesAreShown(t *testing.T) {
	for rules, want := range map[string]string{
		"":                                "off sanitize-payload resetchannels -@all",
		"on >pw ~foo:* &ch* +get":         "on sanitize-payload #" + pwHash + " ~foo:* resetchannels &ch* -@all +get",
		">pw #" + pwHash + " >x <x":       "off sanitize-payload #" + pwHash + " resetchannels -@all",
		">pw nopass":                      "off nopass sanitize-payload resetchannels -@all",
		"nopass >pw resetpass":            "off sanitize-payload resetchannels -@all",
		"%R~a %rw~b %W~c %R~c %W~d ~d":    "off sanitize-payload %R~a ~b ~c ~d resetchannels -@all",
		"~a allkeys":                      "off sanitize-payload ~* resetchannels -@all",
		"~* resetkeys ~a &a &a &b":        "off sanitize-payload ~a resetchannels &a &b -@all",
		"&a allchannels":                  "off sanitize-payload &* -@all",
		"+@read -get +@WRITE +config|GET": "off sanitize-payload resetchannels -@all +@read -get +@write +config|get",
		"+config|get +config|set +config": "off sanitize-payload resetchannels -@all +config",
		"+select|0 +select|1":             "off sanitize-payload resetchannels -@all +select|0 +select|1",
		"+select|0 -select":               "off sanitize-payload resetchannels -@all -select",
		"+get allcommands -@dangerous":    "off sanitize-payload resetchannels +@all -@dangerous",
		"+@all -get nocommands +GET":      "off sanitize-payload resetchannels -@all +get",
		"skip-sanitize-payload":           "off skip-sanitize-payload resetchannels -@all",
		"(+get ~x &c) ( +set  %R~y )":     "off sanitize-payload resetchannels -@all (~x resetchannels &c -@all +get) (%R~y resetchannels -@all +set)",
		"(~x) clearselectors":             "off sanitize-payload resetchannels -@all",
		"on >pw ~* &* +@all (~x) reset":   "off sanitize-payload resetchannels -@all",
	} {
		us := New(testTable())
		if _, err := us.Set("u", strings.Fields(rules)); err != nil {
			t.Errorf("%s: %v", rules, err)
			continue
		}
		if got := us.List()[1]; got != "user u "+want {
			t.Errorf("%s\ngot  %s\nwant user u %s", rules, got, want)
		}
	}
}

// A wrong rule is named, and nothing of the call is done.
func TestWrongRules(t *testing.T) {
	for rules, want := range map[string]string{
		"+foo":                 "'+foo': " + string(errUnknown),
		"-config|foo":          "'-config|foo': " + string(errUnknown),
		"+config|foo":          "'+config|foo': " + string(errUnknown),
		"+@foo":                "'+@foo': " + string(errUnknown),
		"+config|get|x":        "'+config|get|x': " + string(errFirstArg),
		"+get|":                "'+get|': " + string(errSyntax),
		"-get|":                "'-get|': " + string(errUnknown),
		"+get|x|y":             "'+get|x|y': " + string(errUnknown),
		"~* ~a":                "'~a': " + string(errAllKeys),
		"&* &a":                "'&a': " + string(errAllChans),
		"<x":                   "'<x': " + string(errNoSuchPw),
		"!" + pwHash:           "'!" + pwHash + "': " + string(errNoSuchPw),
		"!abc":                 "'!abc': " + string(errBadHash),
		"#" + pwHash[1:] + "X": "'#" + pwHash[1:] + "X': " + string(errBadHash),
		"foo":                  "'foo': " + string(errSyntax),
		"%X~a":                 "'%X~a': " + string(errSyntax),
		"%~a":                  "'%~a': " + string(errSyntax),
		"%RR~a":                "'%RR~a': " + string(errSyntax),
		"(+get ~x":             "Unmatched parenthesis in acl selector starting at '(+get'.",
		"(+foo)":               "'(+foo)': " + string(errUnknown),
		"(on)":                 "'(on)': " + string(errSyntax),
	} {
		us := New(testTable())
		_, err := us.Set("u", append([]string{"on", "nopass"}, strings.Fields(rules)...))
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", rules, err, want)
		}
		if us.Get("u") != nil {
			t.Errorf("%s: the user exists", rules)
		}
	}
}

// What a user with these rules may do.
func TestCheck(t *testing.T) {
	table := testTable()
	const allowed = ""
	for _, c := range []struct{ rules, request, want string }{
		{"+get", "get", allowed},
		{"+get", "set", "command set"},
		{"+@read", "get", allowed},
		{"+@all -@write", "set", "command set"},
		{"+@all -@write", "config|get", allowed},
		{"-@all", "auth", allowed},
		{"+config", "config|get", allowed},
		{"+config -config|set", "config|set", "command config|set"},
		{"+config|get", "config|set", "command config|set"},
		{"+select|1", "select 1", allowed},
		{"+select|1", "select 2", "command select"},
		{"+select|1", "select", "command select"},
		{"+get", "get r:a", "key a"},
		{"+get ~a", "get r:a", allowed},
		{"+get %R~a", "get r:a", allowed},
		{"+get %W~a", "get r:a", "key a"},
		{"+getset %R~a", "getset b:a", "key a"},
		{"+getset %R~a %W~a", "getset b:a", allowed},
		{"+getset %R~a* %W~*a", "getset b:a", "key a"}, // one pattern has to allow both
		{"+get ~a*", "get r:ab r:b", "key b"},
		{"+publish", "publish c:x", "channel x"},
		{"+publish &x*", "publish c:xy", allowed},
		{"+publish &x*", "publish p:xy", "channel xy"},
		{"+publish &x*", "publish p:x*", allowed},
		{"(+get ~a) (+set ~b)", "get r:a", allowed},
		{"(+get ~a) (+set ~b)", "set w:b", allowed},
		{"(+get ~a) (+set ~b)", "set w:a", "key a"},
		{"+get ~a (+get ~b)", "get r:b r:c", "key c"}, // the one that came farthest
		{"+@all ~* &*", "publish c:x", allowed},
	} {
		us := New(table)
		u, err := us.Set("u", []string{c.rules})
		if err != nil {
			rules := strings.Fields(c.rules)
			if u, err = us.Set("u", rules); err != nil {
				t.Fatal(err)
			}
		}
		got := ""
		if d := u.Check(request(table, c.request)); d.Reason != Allowed {
			got = d.Reason.String() + " " + d.Object
		}
		if got != c.want {
			t.Errorf("%s: %s: %q, want %q", c.rules, c.request, got, c.want)
		}
	}
}

// request reads "name arg r:key w:key b:key c:channel p:pattern".
func request(table *Commands, text string) *Request {
	words := strings.Fields(text)
	r := &Request{ID: table.ID(words[0])}
	for _, w := range words {
		r.Args = append(r.Args, []byte(w))
		kind, name, found := strings.Cut(w, ":")
		switch {
		case !found:
		case kind == "c" || kind == "p":
			r.Channels = append(r.Channels, Channel{[]byte(name), kind == "p"})
		default:
			r.Keys = append(r.Keys, Key{[]byte(name), kind != "w", kind != "r"})
		}
	}
	return r
}

// Permissions of a connected user change under it.
func TestUsersChange(t *testing.T) {
	us := New(testTable())
	if d := us.Default(); !d.Unlimited() || !d.OpenToAll() || us.Authenticate("default", []byte("x")) != d {
		t.Error("the default user is not open")
	}
	us.SetPassword("pw")
	if us.Default().OpenToAll() || us.Authenticate("default", []byte("x")) != nil || us.Authenticate("default", []byte("pw")) == nil {
		t.Error("requirepass is not asked for")
	}
	us.SetPassword("")
	u, err := us.Set("u", []string{"on", ">pw", "+@all", "~*", "&*"})
	if err != nil || !u.Unlimited() {
		t.Fatal(u, err)
	}
	if us.Authenticate("u", []byte("pw")) != u || us.Authenticate("u", []byte("no")) != nil || us.Authenticate("x", nil) != nil {
		t.Error("wrong authentication")
	}
	if _, err := us.Set("u", []string{"off", "-get", "resetchannels", "&a"}); err != nil {
		t.Fatal(err)
	}
	if us.Authenticate("u", []byte("pw")) != nil {
		t.Error("a user that is off logs in")
	}
	if u.Check(request(us.table, "get")).Reason != DeniedCommand || u.Check(request(us.table, "set")).Reason != Allowed {
		t.Error("the change does not count")
	}
	if !u.MaySubscribe(Channel{Name: []byte("a")}) || u.MaySubscribe(Channel{Name: []byte("b")}) {
		t.Error("channels")
	}
	if us.Delete("u") != u || !u.Deleted() || us.Delete("u") != nil || us.Delete("default") != nil {
		t.Error("deletion")
	}
}

// An aclfile replaces all users or none.
func TestLoad(t *testing.T) {
	us := New(testTable())
	a, _ := us.Set("a", []string{"on", "nopass", "+get"})
	b, _ := us.Set("b", []string{"on", "nopass", "+get"})
	c, _ := us.Set("c", []string{"on", "nopass", "+get"})
	_, err := us.Load("f", "user a on\nnonsense\n\nuser \"x\nuser a off\nuser \"d e\" on\nuser d +foo\nuser e (+get\n")
	want := "f:2: should start with user keyword followed by the username. f:4: unbalanced quotes in acl line. " +
		"f:5: Duplicate user 'a' found. f:6: username 'd e' contains invalid characters. " +
		"f:7: Unknown command or category name in ACL. f:8: Unmatched parentheses in selector definition. " +
		"WARNING: ACL errors detected, no change to the previously active ACL rules was performed"
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	if len(us.Names()) != 4 {
		t.Errorf("users %q", us.Names())
	}
	ended, err := us.Load("f", "user c on nopass +get\n  user a on nopass +set (+get ~x)\r\nuser d\n")
	if err != nil || len(ended) != 2 || !slices.Contains(ended, a) || !slices.Contains(ended, b) {
		t.Errorf("ended %v, %v", ended, err)
	}
	if us.Get("c") != c || !b.Deleted() || a.Deleted() || !us.Default().OpenToAll() {
		t.Error("wrong users after the file was read")
	}
	again := New(testTable())
	if _, err := again.Load("f", us.Text()); err != nil || again.Text() != us.Text() {
		t.Errorf("%v: %s\nis not %s", err, again.Text(), us.Text())
	}
}

// Denials that are alike are one entry for a minute, the latest first.
func TestLog(t *testing.T) {
	us := New(testTable())
	now := time.Unix(1000, 0)
	deny := func(object string) {
		us.Deny(Entry{Reason: DeniedKey, Context: "toplevel", Object: object, User: "u"}, now)
	}
	deny("a")
	deny("b")
	now = now.Add(time.Minute)
	deny("a")
	if l := us.Log(10); len(l) != 2 || l[0].Object != "a" || l[0].Count != 2 || l[0].ID != 0 || l[1].ID != 1 ||
		l[0].Created.Unix() != 1000 || l[0].Updated.Unix() != 1060 {
		t.Errorf("log %+v", l)
	}
	now = now.Add(time.Minute + 1)
	deny("a")
	us.Configure(false, 2)
	if l := us.Log(10); len(l) != 2 || l[0].Count != 1 || l[1].Count != 2 {
		t.Errorf("log %+v", l)
	}
	if us.Denials(DeniedKey) != 4 || us.Denials(DeniedAuth) != 0 {
		t.Error("counts")
	}
	us.ClearLog()
	if len(us.Log(10)) != 0 {
		t.Error("the log is not empty")
	}
}

// rule draws one, right or wrong.
func rule(t *rapid.T) string {
	words := []string{
		"on", "off", "nopass", "resetpass", ">p", ">q", "<p", "#" + pwHash, "!" + pwHash, "allkeys", "resetkeys",
		"~a", "~b*", "%R~a", "%W~a", "%RW~c", "%R", "allchannels", "resetchannels", "&a", "&b*", "+@all", "-@all",
		"+@read", "-@read", "+@write", "-@string", "+get", "-get", "+set", "-set", "+config", "-config", "+config|get",
		"-config|get", "+select|0", "+select|1", "-select", "+select", "(+get ~a)", "(~* &* +@all -get)",
		"clearselectors", "skip-sanitize-payload", "sanitize-payload", "reset", "nonsense", "(+x)", "%Q~a",
	}
	return rapid.SampledFrom(words).Draw(t, "rule")
}

// A user made from what ACL LIST says of another is the same and may do the same.
func TestListMakesTheSameUser(t *testing.T) {
	table := testTable()
	requests := []string{
		"get", "set", "getset", "select 0", "select 2", "config", "config|get", "config|set", "publish c:a", "publish p:b*",
		"get r:a", "set w:a", "getset b:a", "get r:bb r:a", "auth",
	}
	rapid.Check(t, func(t *rapid.T) {
		us := New(table)
		var u *User
		for range rapid.IntRange(1, 12).Draw(t, "rules") {
			before := us.Text()
			v, err := us.Set("u", []string{rule(t)})
			if err == nil {
				u = v
			} else if us.Text() != before {
				t.Fatalf("%v changed the users", err)
			}
		}
		if u == nil {
			return
		}
		again := New(table)
		if _, err := again.Load("f", us.Text()); err != nil {
			t.Fatalf("%s: %v", us.Text(), err)
		}
		if got := again.Text(); got != us.Text() {
			t.Fatalf("%s became %s", us.Text(), got)
		}
		for _, r := range requests {
			one, two := u.Check(request(table, r)), again.Get("u").Check(request(table, r))
			if one != two {
				t.Fatalf("%s\n%s: %+v and %+v", us.Text(), r, one, two)
			}
		}
	})
}

// Whatever is given to SETUSER and LOAD is either refused and changes nothing, or can
// be written and read again.
func FuzzUsers(f *testing.F) {
	f.Add("on >pw ~a %R~b &c +get -set +config|get (+get ~x) reset")
	f.Add("(+get\x00 ~x) \"a b\" '~x' %RW~\"")
	f.Fuzz(func(t *testing.T, text string) {
		us := New(testTable())
		before := us.Text()
		if _, err := us.Set("u", strings.Split(text, " ")); err != nil {
			var bad *RuleError
			if !errors.As(err, &bad) || us.Text() != before {
				t.Fatalf("%v; users %s", err, us.Text())
			}
		}
		us.Default().Check(request(us.table, "get r:a"))
		if u := us.Get("u"); u != nil {
			u.Check(request(us.table, "get r:a c:b"))
		}
		again := New(testTable())
		if _, err := again.Load("f", text); err == nil {
			third := New(testTable())
			if _, err := third.Load("f", again.Text()); !strings.ContainsAny(again.Text(), `"'`) && (err != nil || third.Text() != again.Text()) {
				t.Fatalf("%v: %q became %q", err, again.Text(), third.Text())
			}
		}
	})
}

// The subcommands answer as Redis does.
func TestSubcommands(t *testing.T) {
	us := New(testTable())
	var ended, changed []string
	e := &Env{
		Users: us, User: us.Default(), Out: &resp.Writer{}, Now: time.Unix(2000, 0), Random: rand.Reader,
		Request: func(args [][]byte) (Request, error) {
			if us.table.ID(string(args[0])) < 0 {
				return Request{}, resp.Errorf("ERR Command '%s' not found", args[0])
			}
			return *request(us.table, string(bytes.Join(args, []byte(" ")))), nil
		},
		Ended:   func(u *User) { ended = append(ended, u.Name()) },
		Changed: func(u *User) { changed = append(changed, u.Name()) },
	}
	ask := func(words ...string) string {
		e.Out.Buf = nil
		args := [][]byte{[]byte("ACL")}
		for _, w := range words {
			args = append(args, []byte(w))
		}
		for _, s := range Subcommands() {
			if strings.EqualFold(s.Name, words[0]) {
				if err := s.Run(e, args); err != nil {
					return "-" + err.Error()
				}
			}
		}
		return strings.ReplaceAll(string(e.Out.Buf), "\r\n", " ")
	}
	for _, c := range []struct{ words, want string }{
		{"WHOAMI", "$7 default "},
		{"SETUSER a on >pw ~x* &c +get (+set %W~y)", "+OK "},
		{"SETUSER a +foo", "-ERR Error in ACL SETUSER modifier '+foo': Unknown command or category name in ACL"},
		{"SETUSER a (+get", "-ERR Unmatched parenthesis in acl selector starting at '(+get'."},
		{"USERS", "*2 $1 a $7 default "},
		{"GETUSER nosuch", "$-1 "},
		{"GETUSER a", "*12 $5 flags *2 $2 on $16 sanitize-payload $9 passwords *1 $64 " + pwHash +
			" $8 commands $10 -@all +get $4 keys $3 ~x* $8 channels $2 &c " +
			"$9 selectors *1 *6 $8 commands $10 -@all +set $4 keys $4 %W~y $8 channels $0  "},
		{"LIST", "*2 $156 user a on sanitize-payload #" + pwHash + " ~x* resetchannels &c -@all +get (%W~y resetchannels -@all +set) " +
			"$51 user default on nopass sanitize-payload ~* &* +@all "},
		{"DRYRUN a get r:xy", "+OK "},
		{"DRYRUN a get r:y", "$47 User a has no permissions to access the 'y' key "},
		{"DRYRUN a publish", "$54 User a has no permissions to run the 'publish' command "},
		{"DRYRUN b get", "-ERR User 'b' not found"},
		{"DRYRUN a nosuch", "-ERR Command 'nosuch' not found"},
		{"CAT pubsub", "*1 $7 publish "},
		{"CAT foo", "-ERR Unknown category 'foo'"},
		{"CAT a b", "-ERR unknown subcommand or wrong number of arguments for 'CAT'. Try ACL HELP."},
		{"GENPASS 0", "-ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096"},
		{"GENPASS x", "-ERR value is not an integer or out of range"},
		{"LOG x", "-ERR value is not an integer or out of range"},
		{"LOG -1", "*0 "},
		{"LOG RESET", "+OK "},
		{"LOAD", "-" + errNoFile.Error()},
		{"SAVE", "-" + errNoFile.Error()},
		{"DELUSER a default", "-ERR The 'default' user cannot be removed"},
		{"DELUSER a b", ":1 "},
	} {
		if got := ask(strings.Split(c.words, " ")...); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.words, got, c.want)
		}
	}
	if got := ask("SETUSER", "a b"); got != "-ERR Usernames can't contain spaces or null characters" {
		t.Error(got)
	}
	if got := ask("GENPASS", "5"); len(got) != len("$2 ab ") {
		t.Error(got)
	}
	us.Deny(Entry{Reason: DeniedAuth, Context: "toplevel", Object: "AUTH", User: "x", Client: "id=1"}, e.Now.Add(-1500*time.Millisecond))
	if got, want := ask("LOG"), "*1 *20 $5 count :1 $6 reason $4 auth $7 context $8 toplevel $6 object $4 AUTH $8 username $1 x "+
		"$11 age-seconds $3 1.5 $11 client-info $4 id=1 $8 entry-id :0 $17 timestamp-created :1998500 "+
		"$22 timestamp-last-updated :1998500 "; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if !slices.Equal(ended, []string{"a"}) || !slices.Equal(changed, []string{"a"}) {
		t.Errorf("ended %q, changed %q", ended, changed)
	}
}
