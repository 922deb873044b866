package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vedette-ha/vedette/internal/conf"
)

// A file with users is taken as far as it can be kept: never is a server more open than
// its file says.
func TestUsersOfAFile(t *testing.T) {
	const hashOfX = "#2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
	for text, want := range map[string]string{
		"":                                   "",
		"user default on nopass ~* &* +@all": "",
		"user default on sanitize-payload nopass allkeys allchannels allcommands": "",
		"user default on >x ~* +@all":                                "x",
		"requirepass x\nuser default on " + hashOfX + " ~* &* +@all": "x",
		"user default on >x ~* +@all\nrequirepass x":                 "x",
		"user alice on >y ~* +@all":                                  "",
		"user default on " + hashOfX + " ~* &* +@all":                "refused: " + hashOfX,
		"requirepass y\nuser default on >x ~* +@all":                 "x",
		"user default on nopass ~* +@all\nrequirepass x":             "",
		"user default on >x nopass ~* +@all":                         "",
		"user default on nopass >x ~* +@all":                         "x",
		"user default on >x resetpass >y ~* +@all":                   "y",
		"user default on >x >y ~* +@all":                             "refused: >(redacted)",
		"requirepass x\nuser default on ~* +@all":                    "refused: without a password or nopass",
		"user default on ~* +@all":                                   "refused: without a password or nopass",
		"user default off":                                           "refused: off",
		"user default on nopass ~app:* +@all":                        "refused: ~app:*",
		"user default on nopass ~* +@all -@dangerous":                "refused: -@dangerous",
		"user default on nopass ~*":                                  "refused: without +@all",
		"user default on nopass +@all":                               "refused: without ~*",
		"user default nopass ~* +@all":                               "refused: without on",
		"aclfile /etc/redis/users.acl":                               "refused: aclfile",
	} {
		ds, err := conf.Parse("redis.conf", text)
		if err != nil {
			t.Fatal(err)
		}
		c, err := LoadConfig("", ds)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := c.applyUsers(); err != nil {
			text := err.Error()
			got = "refused: " + text[strings.LastIndex(text, " enforce ")+len(" enforce "):]
			got = strings.Replace(got, "user default: ", "", 1)
		} else {
			got = c.RequirePass
		}
		if got != want {
			t.Errorf("%s\n is %q, want %q", text, got, want)
		}
	}
}

// A password that came with a user line is rewritten as requirepass, and can be changed.
func TestRewriteOfDefaultUser(t *testing.T) {
	path := filepath.Join(t.TempDir(), "redis.conf")
	if err := os.WriteFile(path, []byte("user default on >x ~* +@all\nuser alice off\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := loadFile(t, path)
	if err := c.Set([]Pair{{"requirepass", "y"}}, SetContext{}); err != nil {
		t.Fatal(err)
	}
	if err := c.Rewrite(); err != nil {
		t.Fatal(err)
	}
	if c = loadFile(t, path); c.RequirePass != "y" || len(c.Users) != 1 || c.Users[0].Name != "alice" {
		t.Errorf("read again: %q, %v", c.RequirePass, c.Users)
	}
}

// A line of a user that Redis would not take ends the start, though nobody can log in as
// that user.
func TestBadUserLines(t *testing.T) {
	for text, want := range map[string]string{
		"user a on >x ~app:* &* -@all +get +config|get +eval +get|x (%R~k +@read)": "",
		"user a +nosuch":        "'+nosuch': Unknown command or category name in ACL",
		"user a foo":            "'foo': Syntax error",
		"user a (+get":          "Unmatched parenthesis in acl selector starting at '(+get'.",
		"user a <x":             "'<x': The password you are trying to remove from the user does not exist",
		`user "a b" on`:         "Spaces not allowed in ACL usernames",
		"user a on\nuser a off": "Duplicate user found. A user can only be defined once in config files",
	} {
		ds, err := conf.Parse("redis.conf", text)
		if err != nil {
			t.Fatal(err)
		}
		_, err = LoadConfig("", ds)
		if got := fmt.Sprint(err); want == "" && err != nil || !strings.HasSuffix(got, want) {
			t.Errorf("%s\n is %v, want %s", text, got, want)
		}
	}
}
