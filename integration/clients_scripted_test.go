package integration

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// scriptedClient is a program in testdata/clients that writes with a client library. It
// takes its name, the master's and the sentinels, and prints the number of each
// acknowledged write.
type scriptedClient struct {
	name  string
	pkg   string   // Debian's package with the library
	probe []string // succeeds where the library is
	run   []string
	env   []string
}

func scriptedClients() []scriptedClient {
	const python, dir = "/usr/bin/python3", "testdata/clients/"
	node := []string{"NODE_PATH=/usr/share/nodejs"}
	return []scriptedClient{
		{name: "redis-py", pkg: "python3-redis",
			probe: []string{python, "-c", "import redis.sentinel"}, run: []string{python, dir + "writer.py"}},
		{name: "redis-py-asyncio", pkg: "python3-redis",
			probe: []string{python, "-c", "import redis.asyncio.sentinel"}, run: []string{python, dir + "writer_asyncio.py"}},
		{name: "node-redis", pkg: "node-redis",
			probe: []string{"node", "-e", "require('redis')"}, run: []string{"node", dir + "writer.js"}, env: node},
		{name: "phpredis", pkg: "php-redis",
			probe: []string{"php", "-r", "new ReflectionClass('RedisSentinel');"}, run: []string{"php", dir + "writer.php"}},
		{name: "predis", pkg: "php-predis",
			probe: []string{"php", "-r", "require 'Predis/autoload.php';"}, run: []string{"php", dir + "writer_predis.php"}},
		{name: "redis-rb", pkg: "ruby-redis",
			probe: []string{"ruby", "-e", "require 'redis'"}, run: []string{"ruby", dir + "writer.rb"}},
		{name: "Redis.pm", pkg: "libredis-perl",
			probe: []string{"perl", "-MRedis", "-e1"}, run: []string{"perl", dir + "writer.pl", "Redis"}},
		{name: "Redis::Fast", pkg: "libredis-fast-perl",
			probe: []string{"perl", "-MRedis::Fast", "-e1"}, run: []string{"perl", dir + "writer.pl", "Redis::Fast"}},
		{name: "redis-cli", pkg: "redis-tools",
			probe: []string{"redis-cli", "--version"}, run: []string{"sh", dir + "writer.sh"}},
		{name: "hiredis", pkg: "libhiredis-dev",
			probe: []string{"cc", "-E", "-include", "hiredis/hiredis.h", "-x", "c", os.DevNull}, run: []string{dir + "writer.c"}},
	}
}

// argv is the program to run and its first arguments; nil, and a subtest that was
// skipped, if the library is not there.
func (c scriptedClient) argv(t *testing.T) []string {
	t.Helper()
	probe := exec.Command(c.probe[0], c.probe[1:]...)
	probe.Env = append(os.Environ(), c.env...)
	if probe.Run() != nil {
		t.Run(c.name, func(t *testing.T) { t.Skipf("%s is not installed", c.pkg) })
		return nil
	}
	if filepath.Ext(c.run[0]) != ".c" {
		return c.run
	}
	bin := filepath.Join(t.TempDir(), c.name)
	if out, err := exec.Command("cc", "-O1", "-Wall", "-o", bin, c.run[0], "-lhiredis").CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", c.run[0], err, out)
	}
	return []string{bin}
}

// followScript runs a script that prints the number of each acknowledged write.
func followScript(cmd *exec.Cmd, c *client) error {
	var errs lockedBuffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return err
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if n, err := strconv.Atoi(lines.Text()); err == nil {
			c.wrote(n)
		}
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%w: %s", err, errs.String())
	}
	return errors.New("ended")
}
