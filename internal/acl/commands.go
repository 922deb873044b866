package acl

import (
	"slices"
	"strings"
)

// Command is what has to be known of a command.
type Command struct {
	Name       string   // "get"; "config|get" for a subcommand, after its container
	Categories []string // without @
	// Open is answered to everyone: AUTH, HELLO, QUIT, RESET.
	Open bool
}

// Commands is the command table as permissions see it. It does not change.
type Commands struct {
	list   []Command
	masks  []uint32 // categories of each, as bits of Categories
	parent []int    // -1: none
	subs   [][]int
	byName map[string]int
}

// Categories returns the names of the categories in the order ACL CAT lists them.
func Categories() []string {
	return []string{
		"keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap",
		"hyperloglog", "geo", "stream", "pubsub", "admin", "fast", "slow", "blocking",
		"dangerous", "connection", "transaction", "scripting",
	}
}

// NewCommands makes a table. Names are lower case; a subcommand comes after its
// container.
func NewCommands(list []Command) *Commands {
	c := &Commands{
		list: list, masks: make([]uint32, len(list)), parent: make([]int, len(list)),
		subs: make([][]int, len(list)), byName: make(map[string]int, len(list)),
	}
	for i, cmd := range list {
		c.byName[cmd.Name] = i
		c.parent[i] = -1
		for bit, name := range Categories() {
			if slices.Contains(cmd.Categories, name) {
				c.masks[i] |= 1 << bit
			}
		}
		if container, _, isSub := strings.Cut(cmd.Name, "|"); isSub {
			c.parent[i] = c.byName[container]
			c.subs[c.parent[i]] = append(c.subs[c.parent[i]], i)
		}
	}
	return c
}

// ID returns the number of a command, by its name in lower case; -1 if there is none.
func (c *Commands) ID(name string) int {
	if id, ok := c.byName[name]; ok {
		return id
	}
	return -1
}

// lookup finds a command as rules spell it.
func (c *Commands) lookup(name string) (id int, ok bool) {
	id, ok = c.byName[strings.ToLower(name)]
	return id, ok
}

// In returns the names of the commands of a category; false if there is no such.
func (c *Commands) In(category string) (names []string, ok bool) {
	bit := categoryBit(category)
	if bit < 0 {
		return nil, false
	}
	for i := range c.list {
		if c.masks[i]&(1<<bit) != 0 {
			names = append(names, c.list[i].Name)
		}
	}
	return names, true
}

// categoryBit is the category's place in Categories, -1 if there is none of that name.
func categoryBit(name string) int {
	return slices.IndexFunc(Categories(), func(c string) bool { return strings.EqualFold(c, name) })
}
