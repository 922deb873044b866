package integration

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What deploy/ promises of the image and the Compose file.
const (
	imageMax     = 20_000_000 // bytes
	healthyLimit = 30 * time.Second
	returnLimit  = 10 * time.Second
)

// The Compose file brings up a set that is healthy, fails over when the container of
// its master is killed, and takes it back when it is made anew with another address.
func TestCompose(t *testing.T) {
	oneCluster.Lock()
	defer oneCluster.Unlock()
	d := newDeployment(t)
	size, err := strconv.Atoi(d.docker("image", "inspect", "-f", "{{.Size}}", d.image))
	if err != nil || size > imageMax {
		t.Errorf("the image has %d bytes, at most %d are allowed (%v)", size, imageMax, err)
	}
	d.bringUp()
	master := "data1"
	d.awaitMaster(func(now string) bool { return now == master })
	d.write(master)

	was := d.address(master)
	victim := d.container(master)
	killed := time.Now()
	d.docker("kill", victim)
	next := d.awaitMaster(func(now string) bool { return now == "data2" || now == "data3" })
	t.Logf("%s is the master after %v", next, time.Since(killed))
	if r, err := askAt(d.at(next), "GET", "before"); err != nil || r.text != "kept" {
		t.Errorf("%s lost a write: %q, %v", next, r.raw, err)
	}

	d.compose("rm", "-f", master)
	d.occupy(was)
	d.compose("up", "-d", "--no-deps", master)
	began := time.Now()
	if is := d.address(master); is == was {
		t.Errorf("%s has its old address again: %s", master, is)
	}
	addrs := map[string]string{master: d.at(master), next: d.at(next)}
	eventually(t, patience, func() error { return follows(addrs, master, next) })
	took := time.Since(began)
	t.Logf("%s is a replica after %v", master, took)
	if took > returnLimit {
		t.Errorf("that is more than %v", returnLimit)
	}
	d.awaitMaster(func(now string) bool { return now == next })
}

// deployment is a copy of deploy/compose with an image and a project of its own.
type deployment struct {
	t       *testing.T
	image   string
	project string
	dir     string
	program []string // docker-compose, or docker compose
}

// newDeployment builds the image. All that is made is taken down with the test.
func newDeployment(t *testing.T) *deployment {
	t.Helper()
	need(t, "docker")
	if exec.Command("docker", "version", "-f", "{{.Server.Version}}").Run() != nil {
		t.Skip("no Docker engine runs here")
	}
	name := fmt.Sprintf("vedettetest%d", rand.Uint64())
	d := &deployment{t: t, image: name + ":latest", project: name, dir: t.TempDir(), program: composeProgram(t)}
	t.Cleanup(func() { _ = exec.Command("docker", "rmi", "-f", d.image).Run() })
	if out, err := exec.Command("../deploy/image.sh", d.image).CombinedOutput(); err != nil {
		t.Fatalf("image.sh: %v\n%s", err, out)
	}
	for _, name := range []string{"docker-compose.yml", "sentinel.conf"} {
		text, err := os.ReadFile(filepath.Join("../deploy/compose", name))
		if err != nil {
			t.Fatal(err)
		}
		text = []byte(strings.ReplaceAll(string(text), "image: vedette:latest", "image: "+d.image))
		if err := os.WriteFile(filepath.Join(d.dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func composeProgram(t *testing.T) []string {
	t.Helper()
	if path, err := exec.LookPath("docker-compose"); err == nil {
		return []string{path}
	}
	if exec.Command("docker", "compose", "version").Run() != nil {
		t.Skip("neither docker-compose nor docker compose is installed")
	}
	return []string{"docker", "compose"}
}

// run runs a program in the folder of the deployment and returns what it printed.
func (d *deployment) run(args ...string) (string, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = d.dir
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, errs.String())
	}
	return strings.TrimSpace(string(out)), err
}

func (d *deployment) docker(args ...string) string {
	d.t.Helper()
	out, err := d.run(append([]string{"docker"}, args...)...)
	if err != nil {
		d.t.Fatal(err)
	}
	return out
}

func (d *deployment) compose(args ...string) string {
	d.t.Helper()
	out, err := d.run(slices.Concat(d.program, []string{"-p", d.project}, args)...)
	if err != nil {
		d.t.Fatal(err)
	}
	return out
}

// bringUp starts everything and waits until all is healthy.
func (d *deployment) bringUp() {
	d.t.Helper()
	d.t.Cleanup(d.takeDown)
	began := time.Now()
	d.compose("up", "-d")
	d.t.Logf("up after %v", time.Since(began))
	began = time.Now()
	services := strings.Fields(d.compose("config", "--services"))
	if len(services) != 7 {
		d.t.Errorf("services: %q", services)
	}
	eventually(d.t, healthyLimit, func() error {
		for _, line := range strings.Split(d.docker("ps", "-a", "--filter",
			"label=com.docker.compose.project="+d.project, "--format", "{{.Names}} {{.Status}}"), "\n") {
			if !strings.Contains(line, "(healthy)") {
				return errors.New(line)
			}
		}
		return nil
	})
	d.t.Logf("healthy %v later", time.Since(began))
}

// takeDown removes every container, volume and network of the project, also those
// Compose does not know of.
func (d *deployment) takeDown() {
	if d.t.Failed() {
		logs, _ := d.run(slices.Concat(d.program, []string{"-p", d.project, "logs", "--no-color", "--tail", "60"})...)
		d.t.Logf("the containers said:\n%s", logs)
	}
	_, _ = d.run("docker", "rm", "-f", "-v", d.project+"_occupant")
	if _, err := d.run(slices.Concat(d.program, []string{"-p", d.project, "down", "-v", "--remove-orphans", "-t", "1"})...); err != nil {
		d.t.Errorf("take down: %v", err)
	}
}

// container is the id of a service's container.
func (d *deployment) container(service string) string {
	d.t.Helper()
	return d.docker("ps", "-a", "-q", "--filter", "label=com.docker.compose.project="+d.project,
		"--filter", "label=com.docker.compose.service="+service)
}

// address is where a service's container is now.
func (d *deployment) address(service string) string {
	d.t.Helper()
	return d.docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", d.container(service))
}

// at is a data server's address with its port.
func (d *deployment) at(service string) string {
	return net.JoinHostPort(d.address(service), "6379")
}

// occupy takes an address that has become free, so that nobody gets it again.
func (d *deployment) occupy(addr string) {
	d.t.Helper()
	d.docker("run", "-d", "--name", d.project+"_occupant", "--network", d.project+"_vedette", d.image,
		"server", "--protected-mode", "no", "--port", "7000")
	if got := d.docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", d.project+"_occupant"); got != addr {
		d.t.Logf("the occupant has %s, not %s", got, addr)
	}
}

// awaitMaster waits until all sentinels name one master that is as wanted, and its
// replicas follow it.
func (d *deployment) awaitMaster(wanted func(name string) bool) (master string) {
	d.t.Helper()
	var sentinels []string
	for i := range 3 {
		sentinels = append(sentinels, net.JoinHostPort(d.address(fmt.Sprintf("sentinel%d", i+1)), "26379"))
	}
	eventually(d.t, patience, func() error {
		master = ""
		for _, addr := range sentinels {
			r, err := askAt(addr, "SENTINEL", "MASTER", setName)
			if err != nil {
				return err
			}
			m := pairs(r)
			if master == "" {
				master = m["ip"]
			}
			if m["ip"] != master || !wanted(master) || m["num-slaves"] != "2" || m["num-other-sentinels"] != "2" || m["flags"] != "master" {
				return fmt.Errorf("%s says %v", addr, m)
			}
			if r, err = askAt(addr, "INFO", "raft"); err != nil || !strings.Contains(r.text, "raft_voters:3\r\n") {
				return fmt.Errorf("%s is not formed: %q, %v", addr, r.text, err)
			}
		}
		r, err := askAt(d.at(master), "ROLE")
		if err == nil && r.elems[0].text != "master" {
			err = fmt.Errorf("%s has the role %q", master, r.strings())
		}
		return err
	})
	return master
}

// write stores a key that both replicas confirm to have.
func (d *deployment) write(master string) {
	d.t.Helper()
	eventually(d.t, patience, func() error {
		c, err := net.DialTimeout("tcp", d.at(master), 2*time.Second)
		if err != nil {
			return err
		}
		p := &peer{d.t, c, bufio.NewReader(c)}
		defer c.Close()
		p.do("SET", "before", "kept")
		if r := p.do("WAIT", "2", "5000"); r.raw != ":2\r\n" {
			return fmt.Errorf("WAIT: %q", r.raw)
		}
		return nil
	})
}

// follows is nil if a data server is a replica of another, and up to date.
func follows(addrs map[string]string, replica, master string) error {
	r, err := askAt(addrs[replica], "ROLE")
	if err != nil {
		return err
	}
	if got := strings.Join(r.strings(), " "); !strings.HasPrefix(got, "slave "+master+" 6379 connected ") {
		return fmt.Errorf("%s has the role %q", replica, got)
	}
	r, err = askAt(addrs[replica], "GET", "before")
	if err == nil && r.text != "kept" {
		err = fmt.Errorf("%s does not have the data: %q", replica, r.raw)
	}
	return err
}
