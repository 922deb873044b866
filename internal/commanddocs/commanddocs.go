// Package commanddocs writes the reply to COMMAND DOCS: what is known of commands and
// their arguments. It knows no command.
//
// Source: https://redis.io/docs/latest/commands/command-docs/
package commanddocs

import (
	"encoding/json"
	"strings"

	"github.com/vedette-ha/vedette/internal/resp"
)

// Doc describes one command. What is empty is left out of the reply.
type Doc struct {
	Name            string          // as replies write it: "config|get"
	Summary         string          // one sentence
	Since           string          // the version that brought it
	Group           string          // words joined by _ or -
	Complexity      string          // in big O notation
	DeprecatedSince string          // the version that replaced it
	ReplacedBy      string          // Markdown
	Arguments       json.RawMessage // a list of arguments in the form of Redis's source
	Subs            []Doc
}

// argument is one node of the tree of arguments.
type argument struct {
	Name            string     `json:"name"`
	Type            string     `json:"type"`
	KeySpecIndex    *int       `json:"key_spec_index"`
	Token           string     `json:"token"`
	Since           string     `json:"since"`
	DeprecatedSince string     `json:"deprecated_since"`
	Optional        bool       `json:"optional"`
	Multiple        bool       `json:"multiple"`
	MultipleToken   bool       `json:"multiple_token"`
	Arguments       []argument `json:"arguments"`
}

// Write writes a map from names to descriptions.
func Write(o *resp.Writer, docs []Doc) {
	o.Map(len(docs))
	for i := range docs {
		o.BulkString(docs[i].Name)
		docs[i].write(o)
	}
}

func (d *Doc) write(o *resp.Writer) {
	var m pendingMap
	m.text("summary", d.Summary)
	m.text("since", d.Since)
	m.text("group", strings.ReplaceAll(d.Group, "_", "-"))
	m.text("complexity", d.Complexity)
	if d.DeprecatedSince != "" {
		m.words("doc_flags", []string{"deprecated"})
	}
	m.text("deprecated_since", d.DeprecatedSince)
	m.text("replaced_by", d.ReplacedBy)
	var args []argument
	if json.Unmarshal(d.Arguments, &args) == nil && len(args) > 0 {
		m.add("arguments", func(o *resp.Writer) { writeArguments(o, args) })
	}
	if len(d.Subs) > 0 {
		m.add("subcommands", func(o *resp.Writer) { Write(o, d.Subs) })
	}
	m.write(o)
}

func writeArguments(o *resp.Writer, args []argument) {
	o.Array(len(args))
	for i := range args {
		a := &args[i]
		var m pendingMap
		m.text("name", a.Name)
		m.text("type", a.Type)
		if a.KeySpecIndex != nil {
			m.add("key_spec_index", func(o *resp.Writer) { o.Int(int64(*a.KeySpecIndex)) })
		}
		m.text("token", a.Token)
		m.text("since", a.Since)
		m.text("deprecated_since", a.DeprecatedSince)
		if flags := a.flags(); len(flags) > 0 {
			m.words("flags", flags)
		}
		if len(a.Arguments) > 0 {
			m.add("arguments", func(o *resp.Writer) { writeArguments(o, a.Arguments) })
		}
		m.write(o)
	}
}

func (a *argument) flags() []string {
	var words []string
	if a.Optional {
		words = append(words, "optional")
	}
	if a.Multiple {
		words = append(words, "multiple")
	}
	if a.MultipleToken {
		words = append(words, "multiple_token")
	}
	return words
}

// pendingMap writes a map whose length is known only at its end.
type pendingMap []func(*resp.Writer)

func (m *pendingMap) add(name string, write func(*resp.Writer)) {
	*m = append(*m, func(o *resp.Writer) {
		o.BulkString(name)
		write(o)
	})
}

func (m *pendingMap) text(name, value string) {
	if value != "" {
		m.add(name, func(o *resp.Writer) { o.BulkString(value) })
	}
}

func (m *pendingMap) words(name string, words []string) {
	m.add(name, func(o *resp.Writer) {
		o.Set(len(words))
		for _, w := range words {
			o.Status(w)
		}
	})
}

func (m pendingMap) write(o *resp.Writer) {
	o.Map(len(m))
	for _, f := range m {
		f(o)
	}
}
