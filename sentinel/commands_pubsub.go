package sentinel

import (
	"context"

	"github.com/vedette-ha/vedette/internal/resp"
)

// pubsubCommands: https://redis.io/docs/latest/commands/?group=pubsub
func pubsubCommands() []command {
	flags := []string{"pubsub", "noscript", "loading", "stale"}
	cats := []string{"@pubsub", "@slow"}
	row := func(name string, arity int, about string, run func(context.Context, *session, [][]byte) error) command {
		return command{name: name, arity: arity, flags: flags, cats: cats, group: "pubsub",
			since: "2.0.0", about: about, pubsub: true, run: run}
	}
	return []command{
		row("SUBSCRIBE", -2, "Listens for events of the given names.", cmdSubscribe),
		row("UNSUBSCRIBE", -1, "Stops listening for events of the given names.", cmdUnsubscribe),
		row("PSUBSCRIBE", -2, "Listens for events whose names match patterns.", cmdPSubscribe),
		row("PUNSUBSCRIBE", -1, "Stops listening for events whose names match patterns.", cmdPUnsubscribe),
		{name: "PUBLISH", arity: 3, flags: []string{"pubsub", "loading", "stale", "fast", "may_replicate"},
			cats: []string{"@pubsub", "@fast"}, group: "pubsub", since: "2.0.0",
			about: "Takes the hello message of another sentinel.", unpaused: true, run: cmdPublish},
	}
}

// PUBLISH __sentinel__:hello message: how sentinels introduce themselves to each
// other directly.
func cmdPublish(ctx context.Context, c *session, args [][]byte) error {
	if string(args[1]) != helloChannel {
		return resp.Errorf("ERR Only HELLO messages are accepted by Sentinel instances.")
	}
	if h, err := parseHello(args[2]); err == nil {
		c.s.reported(ctx, helloHeard{h})
	}
	c.w.Int(1)
	return nil
}
