// Package conf reads and rewrites configuration files in the grammar of
// redis.conf and sentinel.conf.
//
// A line is a directive: a name and its arguments, separated by blanks, quoted
// as in Redis ("…" with \n \r \t \b \a \xHH, '…' with \'). Lines that start
// with # are comments. [Parse] and [Load] return the directives in order, each
// with its position, and follow `include`. [SplitArgs] and [Quote] are the two
// directions of the quoting; [ParseBool], [ParseMemory] and [ParseMemoryPercent]
// read values.
//
// [File] is one file on its way to being rewritten: it keeps the operator's
// lines, comments and order, replaces values in place, and appends what is new
// after Redis's marker line. [WriteAtomic] puts the result on disk.
//
// The package knows the grammar, not the directives: which names exist, what
// they mean and what they may hold is the business of its callers.
//
// Source: https://redis.io/docs/latest/operate/oss_and_stack/management/config/
package conf
