package resp

// Peek looks at the next command without taking it: it returns the first arguments
// behind the command's name, nil for those it does not have, and the length of the
// command. n == 0 stands for whatever is not a complete, small command as clients write
// it, or has no argument; it may be a good command all the same. What is returned points
// into buf.
func Peek(buf []byte) (args [3][]byte, n int) {
	if len(buf) == 0 || buf[0] != '*' {
		return args, 0
	}
	count, pos := shortNumber(buf, 0)
	if count < 2 || count > keepArgs {
		return args, 0
	}
	for i := range count {
		if pos >= len(buf) || buf[pos] != '$' {
			return args, 0
		}
		size, from := shortNumber(buf, pos)
		if from == 0 {
			return args, 0
		}
		pos = from + size + len("\r\n")
		if pos > len(buf) {
			return args, 0
		}
		if i >= 1 && i <= len(args) {
			args[i-1] = buf[from : from+size : from+size]
		}
	}
	return args, pos
}
