//go:build nodemo

package cli

import (
	"errors"

	"github.com/urfave/cli/v2"
)

// demoCommand of a build without the demo (for images: its client library is a
// third of the binary).
func demoCommand(Streams) *cli.Command {
	return &cli.Command{
		Name:   "demo",
		Usage:  "not in this build",
		Hidden: true,
		Action: func(*cli.Context) error {
			return errors.New("demo: this build is without it; run \"make demo\" in the source")
		},
	}
}
