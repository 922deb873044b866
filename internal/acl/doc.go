// Package acl says who may do what: users, their passwords, and the commands, keys and
// channels they may use.
//
// It knows no connection and no file. A server describes its commands once
// ([NewCommands]), keeps the [Users], gives each connection the [User] it logged in as
// and asks [User.Check] before it runs a command. What ACL's subcommands answer is
// here, too ([Env.Run]), since both servers answer the same.
//
// A User may be asked by any goroutine while it is changed: what it may do is an
// immutable value behind one pointer, so a check takes no lock, and one for a user
// without limits is a load and a comparison ([User.Unlimited]).
//
// Source: https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/
package acl
