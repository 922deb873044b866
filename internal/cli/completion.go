package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/vedette-ha/vedette/internal/conf"
	"github.com/vedette-ha/vedette/server"
)

func completionCommand(std Streams) *cli.Command {
	shells := map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}
	return &cli.Command{
		Name:        "completion",
		Usage:       "print a script that teaches a shell to complete vedette's arguments",
		UsageText:   "vedette completion bash|zsh|fish",
		Description: completionDescription,
		Action: func(c *cli.Context) error {
			script, ok := shells[c.Args().First()]
			if !ok || c.Args().Len() != 1 {
				return usagef("completion is for bash, zsh or fish (see vedette completion --help)")
			}
			fmt.Fprint(std.Out, strings.NewReplacer(
				"COMMANDS", strings.Join(completedCommands(c.App), " "),
				"DIRECTIVES", strings.Join(directiveWords(), " "),
				"PINGFLAGS", strings.Join(flagWords(pingCommand(std)), " "),
			).Replace(script))
			return nil
		},
	}
}

const completionDescription = `bash:  source <(vedette completion bash)
zsh:   vedette completion zsh > "${fpath[1]}/_vedette"
fish:  vedette completion fish > ~/.config/fish/completions/vedette.fish`

func completedCommands(app *cli.App) []string {
	var names []string
	for _, c := range app.Commands {
		if !c.Hidden {
			names = append(names, c.Name)
		}
	}
	return names
}

// directiveWords are the directives of a data server, with their dashes.
func directiveWords() []string {
	var words []string
	for _, p := range server.NewConfig().Get("*") {
		words = append(words, "--"+p.Name)
	}
	return words
}

func flagWords(c *cli.Command) []string {
	var words []string
	for _, f := range c.Flags {
		words = append(words, "--"+f.Names()[0])
	}
	return words
}

// nearestCommand is the subcommand somebody may have meant.
func nearestCommand(typed string, app *cli.App) string {
	return conf.Nearest(typed, commandNames(app))
}

const bashCompletion = `_vedette() {
    local cur=${COMP_WORDS[COMP_CWORD]}
    case $COMP_CWORD:${COMP_WORDS[1]} in
    1:*) COMPREPLY=($(compgen -W "COMMANDS" -- "$cur") $(compgen -f -- "$cur")) ;;
    *:server) case $cur in
        --*) COMPREPLY=($(compgen -W "DIRECTIVES" -- "$cur")) ;;
        *) COMPREPLY=($(compgen -f -- "$cur")) ;;
        esac ;;
    *:ping) COMPREPLY=($(compgen -W "PINGFLAGS" -- "$cur")) ;;
    *:completion) COMPREPLY=($(compgen -W "bash zsh fish" -- "$cur")) ;;
    *) COMPREPLY=($(compgen -f -- "$cur")) ;;
    esac
}
complete -o filenames -F _vedette vedette
`

const zshCompletion = `#compdef vedette
_vedette() {
    if (( CURRENT == 2 )); then
        compadd COMMANDS
        _files
        return
    fi
    case $words[2] in
    server)
        if [[ $words[CURRENT] == --* ]]; then
            compadd -- DIRECTIVES
        else
            _files
        fi ;;
    ping) compadd -- PINGFLAGS ;;
    completion) compadd bash zsh fish ;;
    *) _files ;;
    esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _vedette "$@"
else
    compdef _vedette vedette
fi
`

const fishCompletion = `complete -c vedette -n __fish_use_subcommand -a "COMMANDS"
complete -c vedette -n "__fish_seen_subcommand_from server" -a "DIRECTIVES"
complete -c vedette -n "__fish_seen_subcommand_from ping" -f -a "PINGFLAGS"
complete -c vedette -n "__fish_seen_subcommand_from completion" -f -a "bash zsh fish"
`
