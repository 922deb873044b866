package cli

import (
	"fmt"

	"github.com/vedette-ha/vedette/server"
)

// showTitle has ps show the process as set-proc-title and proc-title-template ask for;
// mode is Redis's word for what is no ordinary data server.
func (p *process) showTitle(cfg *server.Config, port int, mode string) {
	if p.std.Title == nil || !cfg.SetProcTitle {
		return
	}
	name := p.args[0]
	if !p.inv.asRedis && len(p.args) > 1 {
		name += " " + p.args[1]
	}
	listen := cfg.UnixSocket
	if port > 0 {
		host := "*"
		if len(cfg.Bind) > 0 {
			host = cfg.Bind[0]
		}
		listen = fmt.Sprintf("%s:%d", host, port)
	}
	file := "-"
	if cfg.File() != "" {
		file = cfg.File()
	}
	title, _ := server.ExpandTitle(cfg.ProcTitleTemplate, map[string]string{
		"title": name, "listen-addr": listen, "server-mode": mode, "port": fmt.Sprint(port),
		"tls-port": "0", "unixsocket": cfg.UnixSocket, "config-file": file})
	p.std.Title(title)
}
