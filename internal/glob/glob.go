// Package glob matches strings against Redis's patterns, those of KEYS, SCAN,
// PSUBSCRIBE and CONFIG GET: "*" any bytes, "?" one byte, "[abc]", "[^abc]" and
// "[a-z]" one byte of a class, "\" takes the special meaning from the next byte.
//
// The semantics are Redis 7.2's to the letter, oddities included: a class need not
// be closed, a trailing "\" matches itself, and only the empty pattern matches the
// empty string. The work is bounded by the product of both lengths, whatever the
// pattern.
//
// Source: https://redis.io/docs/latest/commands/keys/
package glob

// Text is what patterns and subjects are made of.
type Text interface{ ~string | ~[]byte }

// Match reports whether pattern matches the whole of s.
func Match[P, S Text](pattern P, s S) bool { return match(pattern, s, false) }

// MatchFold is [Match] with ASCII letters compared regardless of case.
func MatchFold[P, S Text](pattern P, s S) bool { return match(pattern, s, true) }

// match walks both texts once. When it is stuck it goes back to the last "*" and
// lets that take one byte more. Going back further cannot help: whatever an
// earlier "*" could take, the last one can take too.
func match[P, S Text](pattern P, s S, fold bool) bool {
	if len(s) == 0 {
		return len(pattern) == 0
	}
	var (
		i, j  int      // offsets in pattern and s
		star  = -1     // offset behind the last "*", -1 without one
		taken = len(s) // offset in s where what the last "*" takes ends
	)
	for j < len(s) {
		if i < len(pattern) && pattern[i] == '*' {
			if i = skipStars(pattern, i); i == len(pattern) {
				return true
			}
			star, taken = i, j
			continue
		}
		if i < len(pattern) {
			if next, ok := matchOne(pattern, i, s[j], fold); ok {
				i, j = next, j+1
				continue
			}
		}
		if star < 0 {
			return false
		}
		taken++
		i, j = star, taken
	}
	return skipStars(pattern, i) == len(pattern)
}

func skipStars[P Text](pattern P, i int) int {
	for i < len(pattern) && pattern[i] == '*' {
		i++
	}
	return i
}

// matchOne matches c against the element at pattern[i], which is not a "*", and
// returns the offset behind that element.
func matchOne[P Text](pattern P, i int, c byte, fold bool) (next int, ok bool) {
	switch pattern[i] {
	case '?':
		return i + 1, true
	case '[':
		return matchClass(pattern, i+1, c, fold)
	case '\\':
		if i+1 < len(pattern) {
			i++
		}
	}
	return i + 1, equal(pattern[i], c, fold)
}

// matchClass matches c against the class whose first byte behind "[" is at
// pattern[i]. A class that is not closed ends with the pattern.
func matchClass[P Text](pattern P, i int, c byte, fold bool) (next int, ok bool) {
	negated := i < len(pattern) && pattern[i] == '^'
	if negated {
		i++
	}
	found := false
	for i < len(pattern) && pattern[i] != ']' {
		left := len(pattern) - i
		switch {
		case pattern[i] == '\\' && left >= 2:
			// Not folded, as in Redis.
			found = found || pattern[i+1] == c
			i += 2
		case left >= 3 && pattern[i+1] == '-':
			found = found || inRange(pattern[i], pattern[i+2], c, fold)
			i += 3
		default:
			found = found || equal(pattern[i], c, fold)
			i++
		}
	}
	if i < len(pattern) {
		i++ // the "]"
	}
	return i, found != negated
}

// inRange takes the ends of a range in either order. They are folded after being
// put in order, as in Redis.
func inRange(from, to, c byte, fold bool) bool {
	if from > to {
		from, to = to, from
	}
	if fold {
		from, to, c = lower(from), lower(to), lower(c)
	}
	return from <= c && c <= to
}

func equal(a, b byte, fold bool) bool {
	return a == b || fold && lower(a) == lower(b)
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
