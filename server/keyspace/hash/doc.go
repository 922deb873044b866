// Package hash is the value of a big hash, and of any hash with fields that
// expire. Small ones without are listpacks: field, value, field, value, …
//
// A Hash knows when its fields expire, not what time it is: who asks says so. It
// deletes nothing by itself; see [Hash.Reap].
package hash
