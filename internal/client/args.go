package client

import (
	"fmt"
	"strconv"

	"github.com/vedette-ha/vedette/internal/resp"
)

// appendArgs encodes one command. On an error dst is returned as it was.
func appendArgs(dst []byte, args []any) ([]byte, error) {
	if len(args) == 0 {
		return dst, fmt.Errorf("empty command")
	}
	out := resp.AppendArrayHeader(dst, len(args))
	for _, a := range args {
		switch a := a.(type) {
		case string:
			out = resp.AppendBulk(out, a)
		case []byte:
			out = resp.AppendBulk(out, a)
		case int:
			out = resp.AppendBulk(out, strconv.Itoa(a))
		case int64:
			out = resp.AppendBulk(out, strconv.FormatInt(a, 10))
		case uint64:
			out = resp.AppendBulk(out, strconv.FormatUint(a, 10))
		default:
			return dst, fmt.Errorf("command argument of type %T", a)
		}
	}
	return out, nil
}
