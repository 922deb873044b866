package rdb

// The parts of what a module stores, each announced by its code.
const (
	modEnd    = 0
	modSigned = 1
	modUint   = 2
	modFloat  = 3
	modDouble = 4
	modString = 5
)

// moduleAux skips what a module stored beside the keys.
func (in *input) moduleAux() {
	in.count() // module id
	in.count() // code of the next, always modUint
	in.count() // whether it was stored before or after the keys
	for in.err == nil {
		at := in.offset()
		switch part := in.count(); part {
		case modEnd:
			return
		case modSigned, modUint:
			in.count()
		case modFloat:
			in.take(4)
		case modDouble:
			in.take(8)
		case modString:
			in.string(nil)
		default:
			in.failf(at, "unknown part %d in the data of a module", part)
		}
	}
}

// moduleName returns the name in a module type's id: nine characters of six bits
// from the top, then ten bits of encoding version.
func moduleName(id uint64) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	var name [9]byte
	for i := range name {
		name[i] = letters[id>>(58-6*i)&63]
	}
	return string(name[:])
}
