package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/vedette-ha/vedette/internal/client"
	"github.com/vedette-ha/vedette/internal/resp"
)

func pingCommand(std Streams) *cli.Command {
	return &cli.Command{
		Name:         "ping",
		Usage:        "ask a server or a sentinel whether it is alive; for health checks",
		UsageText:    "vedette ping [option ...]",
		Description:  pingDescription,
		OnUsageError: badUsage,
		HideHelp:     true, // -h is the host, as in redis-cli
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "host", Aliases: []string{"h"}, Value: "127.0.0.1", Usage: "host name or address"},
			&cli.IntFlag{Name: "port", Aliases: []string{"p"}, Value: 6379, Usage: "port"},
			&cli.StringFlag{Name: "socket", Aliases: []string{"s"}, Usage: "Unix socket, instead of host and port"},
			&cli.StringFlag{Name: "user", Usage: "user name"},
			&cli.StringFlag{Name: "pass", Aliases: []string{"a"}, Usage: "password", EnvVars: []string{"REDISCLI_AUTH"}},
			&cli.BoolFlag{Name: "tls", Usage: "connect over TLS"},
			&cli.BoolFlag{Name: "insecure", Usage: "with --tls, do not verify the certificate"},
			&cli.DurationFlag{Name: "timeout", Aliases: []string{"t"}, Value: time.Second, Usage: "for all of it"},
			&cli.BoolFlag{Name: "ready", Usage: "also fail while it loads its data or waits for its master"},
			&cli.BoolFlag{Name: "help", Usage: "show help"},
		},
		Action: func(c *cli.Context) error {
			if c.Bool("help") {
				return cli.ShowSubcommandHelp(c)
			}
			if err := optionsOnly(c); err != nil {
				return err
			}
			return statusError(ping(c, std))
		},
	}
}

const pingDescription = `The exit status is 0 if it answers, 1 if it does not in time or refuses. The
answer, or what went wrong, is printed.

A server that loads its data (-LOADING) or has lost its master (-MASTERDOWN) is
alive: restarting it would only make it start over. With --ready these fail, too, and
so does a sentinel that cannot reach its quorum.

    vedette ping
    vedette ping -p 26379 --timeout 500ms
    REDISCLI_AUTH=secret vedette ping -h 10.0.0.1 --ready`

// ping returns the exit status.
func ping(c *cli.Context, std Streams) int {
	ctx, cancel := context.WithTimeout(c.Context, c.Duration("timeout"))
	defer cancel()
	answer, err := askPing(ctx, c)
	var refused *resp.Error
	switch {
	case err == nil:
		fmt.Fprintln(std.Out, answer)
		return 0
	case errors.As(err, &refused):
		fmt.Fprintln(std.Out, refused.Error())
		if isAlive(refused.Prefix()) && !c.Bool("ready") {
			return 0
		}
		return 1
	}
	fmt.Fprintf(std.Err, "vedette ping: %v\n", err)
	return 1
}

// isAlive tells error replies of a process that works from those of one that
// does not let us in.
func isAlive(prefix string) bool { return prefix == "LOADING" || prefix == "MASTERDOWN" }

func askPing(ctx context.Context, c *cli.Context) (string, error) {
	network, addr := "tcp", net.JoinHostPort(c.String("host"), strconv.Itoa(c.Int("port")))
	if path := c.String("socket"); path != "" {
		network, addr = "unix", path
	}
	o := client.Options{Username: c.String("user"), Password: c.String("pass"),
		AuthOptional: true}
	if c.Bool("tls") {
		o.TLS = &tls.Config{ServerName: c.String("host"), InsecureSkipVerify: c.Bool("insecure")}
	}
	conn, err := client.Dial(ctx, network, addr, o)
	if err != nil {
		return "", describe(err)
	}
	defer conn.Close()
	v, err := conn.Do(ctx, "PING")
	if err != nil {
		return "", describe(err)
	}
	if c.Bool("ready") {
		if err := askQuorum(ctx, conn); err != nil {
			return "", err
		}
	}
	return string(v.Str), nil
}

// askQuorum returns an error if conn leads to a sentinel that is cut off from the others.
func askQuorum(ctx context.Context, conn *client.Conn) error {
	v, err := conn.Do(ctx, "INFO", "raft")
	if err != nil {
		return describe(err)
	}
	if strings.Contains(v.Text(), "raft_state:no-quorum") {
		return errors.New("the sentinel is cut off from the quorum")
	}
	return nil
}

// describe says timeout where the network says deadline.
func describe(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("no answer in time")
	}
	return err
}
