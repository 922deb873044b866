// Package command holds the commands that work on keys, one file a family, and
// the table that describes every command of the data server.
//
// What a command is (arity, flags, key positions, ACL categories, arguments) is
// data: commands.jsonl, one line a command, read once by [NewTable]. What it does
// is a [Row]: a name and a function. A row without a line, or a second row of one
// name, is a bug that stops the start. Dispatch reads the description; a handler
// holds only what is its own.
//
// A handler gets a [Ctx]. It writes its reply to Ctx.Out, or returns an error and
// writes nothing; it says what it changed with [Ctx.Changed], and what replicas
// are to do, where that is not the command as received, with [Ctx.Effect].
//
// Handlers run on the server's loop: no locks, no waiting. A command that finds
// nothing to do and may wait for it calls [Ctx.Block] and returns:
//
//	timeout, err := c.TimeoutSeconds(c.Args[len(c.Args)-1])
//	if err != nil {
//		return err
//	}
//	… // serve the first key that has something, and return
//	if !c.Block(Wait{Kind: keyspace.List, Keys: keys, Timeout: timeout}) {
//		c.Out.NullArray()
//	}
//	return nil
//
// The server keeps the command. When [Ctx.Changed] (or the end of a load, SWAPDB, …)
// leaves a value of that kind under one of the keys, the handler runs again from its
// start; there is no second code path that serves a wait. What it declares with
// [Ctx.Effect] must therefore be the plain pop, as if a client had sent that.
package command
