package server

// Directive describes one row of the table of directives, for the documentation
// and the tests that hold it against the table.
type Directive struct {
	Name      string
	Alias     string // the older name, "" if it has none
	Default   string // as CONFIG GET shows it
	Immutable bool   // CONFIG SET refuses it
	Hidden    bool   // CONFIG GET with a pattern leaves it out
	Inert     bool   // kept and reported, but without meaning here
}

// Directives describes all directives by name.
func Directives() []Directive {
	c := NewConfig()
	all := make([]Directive, len(c.rows))
	for i := range c.rows {
		d := &c.rows[i]
		all[i] = Directive{
			Name: d.name, Alias: d.alias, Default: d.v.String(),
			Immutable: d.flags&immutable != 0, Hidden: d.flags&hidden != 0,
			Inert: d.flags&inert != 0,
		}
	}
	return all
}
