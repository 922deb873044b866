package command

import "slices"

// MovableKeys reports whether the keys' positions depend on the arguments.
func (c *Command) MovableKeys() bool {
	for _, k := range c.Doc.KeySpecs {
		if k.Begin.Index == nil || k.Find.Range == nil {
			return true
		}
	}
	return false
}

// LegacyRange is the first key, the last key (negative: from the end) and the step
// of COMMAND INFO, which say less than the key specifications.
func (c *Command) LegacyRange() (first, last, step int) {
	specs := c.Doc.KeySpecs
	if len(specs) == 1 && specs[0].simple() {
		return specs[0].Begin.Index.Pos, specs[0].lastAbsolute(), specs[0].Find.Range.Step
	}
	prev := 0
	for i := range specs {
		k := &specs[i]
		if !k.simple() || k.Find.Range.Step != 1 || prev != 0 && prev != k.Begin.Index.Pos-1 {
			continue
		}
		if first == 0 {
			first, step = k.Begin.Index.Pos, 1
		}
		first = min(first, k.Begin.Index.Pos)
		last = int(int32(max(uint32(int32(last)), uint32(int32(k.lastAbsolute()))))) // negative is beyond all
		prev = last
	}
	return first, last, step
}

func (k *KeySpec) simple() bool { return k.Begin.Index != nil && k.Find.Range != nil }

func (k *KeySpec) lastAbsolute() int {
	if n := k.Find.Range.LastKey; n < 0 {
		return n
	}
	return k.Begin.Index.Pos + k.Find.Range.LastKey
}

// categoryNames are the ACL categories in the order Redis lists them, with the
// word that commands.jsonl uses.
var categoryNames = [...]struct{ data, wire string }{
	{"KEYSPACE", "@keyspace"}, {"READ", "@read"}, {"WRITE", "@write"}, {"SET", "@set"},
	{"SORTEDSET", "@sortedset"}, {"LIST", "@list"}, {"HASH", "@hash"}, {"STRING", "@string"},
	{"BITMAP", "@bitmap"}, {"HYPERLOGLOG", "@hyperloglog"}, {"GEO", "@geo"}, {"STREAM", "@stream"},
	{"PUBSUB", "@pubsub"}, {"ADMIN", "@admin"}, {"FAST", "@fast"}, {"SLOW", "@slow"},
	{"BLOCKING", "@blocking"}, {"DANGEROUS", "@dangerous"}, {"CONNECTION", "@connection"},
	{"TRANSACTION", "@transaction"}, {"SCRIPTING", "@scripting"},
}

// Categories lists the command's ACL categories: those it is said to be in, and
// those its flags imply.
func (c *Command) Categories() []string {
	in := slices.Clone(c.Doc.ACL)
	imply := func(f Flags, words ...string) {
		if c.Has(f) {
			in = append(in, words...)
		}
	}
	imply(Write, "WRITE")
	if !slices.Contains(in, "SCRIPTING") {
		imply(ReadOnly, "READ")
	}
	imply(Admin, "ADMIN", "DANGEROUS")
	imply(PubSub, "PUBSUB")
	imply(Fast, "FAST")
	imply(Blocking, "BLOCKING")
	if !c.Has(Fast) {
		in = append(in, "SLOW")
	}
	var words []string
	for _, n := range categoryNames {
		if slices.Contains(in, n.data) {
			words = append(words, n.wire)
		}
	}
	return words
}
