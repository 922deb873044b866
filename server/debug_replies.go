package server

import (
	"fmt"
	"strings"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
)

// DEBUG ERROR string: a reply like any other, which counts as no failure
func cmdDebugError(c *command.Ctx) error {
	if len(c.Args) != 3 {
		return debugUnknown(c)
	}
	c.Out.Error(string(c.Args[2]))
	return nil
}

// DEBUG LOG message
func (s *Server) cmdDebugLog(c *command.Ctx) error {
	if len(c.Args) != 3 {
		return debugUnknown(c)
	}
	s.log.Warn().Msgf("DEBUG LOG: %s", c.Args[2])
	c.Out.Status("OK")
	return nil
}

// protocolReplies are DEBUG PROTOCOL's examples, in the order its error lists them.
func protocolReplies() []protocolReply {
	aggregate := func(header func(o *resp.Writer), element func(o *resp.Writer, i int)) func(*resp.Writer) {
		return func(o *resp.Writer) {
			header(o)
			for i := range 3 {
				element(o, i)
			}
		}
	}
	number := func(o *resp.Writer, i int) { o.Int(int64(i)) }
	return []protocolReply{
		{"string", func(o *resp.Writer) { o.BulkString("Hello World") }},
		{"integer", func(o *resp.Writer) { o.Int(12345) }},
		{"double", func(o *resp.Writer) { o.Double(3.141) }},
		{"bignum", func(o *resp.Writer) { o.BigNumber("1234567999999999999999999999999999999") }},
		{"null", func(o *resp.Writer) { o.Null() }},
		{"array", aggregate(func(o *resp.Writer) { o.Array(3) }, number)},
		{"set", aggregate(func(o *resp.Writer) { o.Set(3) }, number)},
		{"map", aggregate(func(o *resp.Writer) { o.Map(3) }, func(o *resp.Writer, i int) {
			o.Int(int64(i))
			o.Bool(i == 1)
		})},
		{"attrib", attributeReply},
		{"push", pushReply},
		{"verbatim", func(o *resp.Writer) { o.Verbatim("txt", "This is a verbatim\nstring") }},
		{"true", func(o *resp.Writer) { o.Bool(true) }},
		{"false", func(o *resp.Writer) { o.Bool(false) }},
	}
}

type protocolReply struct {
	name  string
	write func(*resp.Writer)
}

func attributeReply(o *resp.Writer) {
	if o.RESP3 {
		o.Attribute(1)
		o.BulkString("key-popularity")
		o.Array(2)
		o.BulkString("key:123")
		o.Int(90)
	}
	o.BulkString("Some real reply following the attribute")
}

func pushReply(o *resp.Writer) {
	o.Push(2)
	o.BulkString("server-cpu-usage")
	o.Int(42)
	o.BulkString("Some real reply following the push reply")
}

// DEBUG PROTOCOL type
func cmdDebugProtocol(c *command.Ctx) error {
	if len(c.Args) != 3 {
		return debugUnknown(c)
	}
	var names []string
	for _, r := range protocolReplies() {
		if !equalFold(c.Args[2], r.name) {
			names = append(names, r.name)
			continue
		}
		if r.name == "push" && !c.Out.RESP3 {
			return resp.Errorf("ERR RESP2 is not supported by this command")
		}
		r.write(c.Out)
		return nil
	}
	return resp.NewError(fmt.Sprintf("ERR Wrong protocol type name. Please use one of the following: %s", strings.Join(names, "|")))
}

// DEBUG REPLICATE target argument [argument ...]
func cmdDebugReplicate(c *command.Ctx) error {
	if len(c.Args) < 3 {
		return debugUnknown(c)
	}
	c.Effect(c.Args[2:]...)
	c.Out.Status("OK")
	return nil
}
