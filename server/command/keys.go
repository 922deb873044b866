package command

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// KeySpec says where a command's keys are among its words.
type KeySpec struct {
	Notes string      `json:"notes"` // "" for none
	Flags []string    `json:"flags"`
	Begin BeginSearch `json:"begin_search"`
	Find  FindKeys    `json:"find_keys"`
}

// BeginSearch is where the search for keys starts: exactly one field is set.
type BeginSearch struct {
	Index   *struct{ Pos int } `json:"index"`
	Keyword *struct {
		Keyword   string
		StartFrom int
	} `json:"keyword"`
	Unknown *json.RawMessage `json:"unknown"`
}

// FindKeys is how to go on from there: exactly one field is set.
type FindKeys struct {
	Range *struct {
		LastKey int
		Step    int
		Limit   int
	} `json:"range"`
	KeyNum *struct {
		KeyNumIdx int
		FirstKey  int
		Step      int
	} `json:"keynum"`
	Unknown *json.RawMessage `json:"unknown"`
}

// KeyRef is one key among a command's words.
type KeyRef struct {
	Pos   int
	Flags []string
}

// Keys finds the keys among args by the command's specifications. ok is false
// when the arguments do not fit them.
func (c *Command) Keys(args [][]byte) (refs []KeyRef, ok bool) {
	if c.Name == "MIGRATE" {
		return migrateKeys(args, c.Doc.KeySpecs[0].Flags)
	}
	for i := range c.Doc.KeySpecs {
		spec := &c.Doc.KeySpecs[i]
		if isNotKey(spec.Flags) {
			continue
		}
		first, found := spec.begin(args)
		if !found {
			continue
		}
		var fit bool
		if refs, fit = spec.find(refs, args, first); !fit {
			return nil, false
		}
	}
	switch c.Name {
	case "SORT":
		refs = appendSortStore(refs, args)
	case "SET":
		refs[0].Flags = setFlags(args)
	case "BITFIELD":
		refs[0].Flags = bitfieldFlags(args)
	}
	return refs, true
}

// migrateKeys finds the keys of MIGRATE: those behind KEYS, beside which the place of
// the one key is empty.
func migrateKeys(args [][]byte, flags []string) (refs []KeyRef, ok bool) {
	first, end := 3, 4
	for i := 6; i < len(args); i++ {
		switch {
		case fold(args[i], "AUTH"):
			i++
		case fold(args[i], "AUTH2"):
			i += 2
		case fold(args[i], "KEYS"):
			if len(args[3]) > 0 {
				return nil, false
			}
			if i+1 < len(args) {
				first, end = i+1, len(args)
			}
			i = len(args)
		}
	}
	for i := first; i < end; i++ {
		refs = append(refs, KeyRef{Pos: i, Flags: flags})
	}
	return refs, true
}

// bitfieldFlags are those of BITFIELD's key: to read it only if all it does is GET.
func bitfieldFlags(args [][]byte) []string {
	for i := 2; i < len(args); i++ {
		switch rest := len(args) - i - 1; {
		case fold(args[i], "GET") && rest >= 2:
			i += 2
		case fold(args[i], "OVERFLOW") && rest >= 1:
			i++
		default:
			return []string{"RW", "ACCESS", "UPDATE"}
		}
	}
	return []string{"RO", "ACCESS"}
}

// appendSortStore adds the destination of SORT: the one that the last STORE names.
func appendSortStore(refs []KeyRef, args [][]byte) []KeyRef {
	at := 0
	for i := 2; i < len(args); i++ {
		switch {
		case fold(args[i], "LIMIT"):
			i += 2
		case fold(args[i], "GET"), fold(args[i], "BY"):
			i++
		case fold(args[i], "STORE") && i+1 < len(args):
			at = i + 1
		}
	}
	if at == 0 {
		return refs
	}
	return append(refs, KeyRef{Pos: at, Flags: []string{"OW", "UPDATE"}})
}

// setFlags are those of SET's key, which it reads if asked for the old value.
func setFlags(args [][]byte) []string {
	for _, a := range args[min(3, len(args)):] {
		if fold(a, "GET") {
			return []string{"RW", "ACCESS", "UPDATE"}
		}
	}
	return []string{"OW", "UPDATE"}
}

// HasKeys reports whether any argument may be a key.
func (c *Command) HasKeys() bool {
	for i := range c.Doc.KeySpecs {
		if !isNotKey(c.Doc.KeySpecs[i].Flags) {
			return true
		}
	}
	return false
}

func isNotKey(flags []string) bool {
	for _, f := range flags {
		if f == "NOT_KEY" {
			return true
		}
	}
	return false
}

// begin is the position the keys are counted from.
func (k *KeySpec) begin(args [][]byte) (first int, found bool) {
	switch b := k.Begin; {
	case b.Index != nil:
		return b.Index.Pos, b.Index.Pos < len(args)
	case b.Keyword != nil:
		return findKeyword(args, b.Keyword.Keyword, b.Keyword.StartFrom)
	}
	return 0, false
}

func findKeyword(args [][]byte, word string, from int) (int, bool) {
	step, end := 1, len(args)-1
	if from < 0 {
		step, from, end = -1, len(args)+from, 1
	}
	for i := from; i > 0 && i < len(args) && i != end+step; i += step {
		if bytes.EqualFold(args[i], []byte(word)) {
			return i + 1, true
		}
	}
	return 0, false
}

// find appends the keys that start at first.
func (k *KeySpec) find(refs []KeyRef, args [][]byte, first int) ([]KeyRef, bool) {
	last, step := 0, 1
	switch f := k.Find; {
	case f.Range != nil:
		step = f.Range.Step
		last = lastOfRange(first, len(args), f.Range.LastKey, f.Range.Limit)
	case f.KeyNum != nil:
		at := first + f.KeyNum.KeyNumIdx
		if at >= len(args) {
			return nil, false
		}
		n, err := strconv.Atoi(string(args[at]))
		if err != nil || n < 1 || n > len(args) {
			return nil, false
		}
		step = f.KeyNum.Step
		first += f.KeyNum.FirstKey
		last = first + (n-1)*step
	default:
		return refs, true
	}
	if last >= len(args) {
		return nil, false
	}
	for i := first; i <= last; i += step {
		refs = append(refs, KeyRef{Pos: i, Flags: k.Flags})
	}
	return refs, true
}

// lastOfRange is the position of a range's last key: relative to the first, or,
// negative, to the last word; limit n takes the first 1/n of the rest.
func lastOfRange(first, argc, lastKey, limit int) int {
	switch {
	case lastKey >= 0:
		return first + lastKey
	case limit <= 1:
		return argc + lastKey
	}
	return first + (argc-first)/limit + lastKey
}
