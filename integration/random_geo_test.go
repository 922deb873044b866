package integration

import "strconv"

// geo draws a command of the geo family. It has keys of its own: sums of hashes are
// numbers that 7.0 and 7.2 print differently.
func (g *generator) geo() []string {
	switch g.r.IntN(10) {
	case 0, 1, 2:
		args := []string{"GEOADD", g.geoKey()}
		if g.oneIn(4) {
			args = append(args, g.pick("NX", "XX", "CH", "ch"))
		}
		for range 1 + g.r.IntN(8) {
			args = append(args, g.longitude(), g.latitude(), g.member())
		}
		return args
	case 3:
		return g.withMembers(g.pick("GEOPOS", "GEOHASH"), g.geoKey())
	case 4:
		args := []string{"GEODIST", g.geoKey(), g.member(), g.member()}
		if g.oneIn(2) {
			args = append(args, g.unit())
		}
		return args
	case 5:
		args := []string{g.pick("GEORADIUS", "GEORADIUS", "GEORADIUS_RO"), g.geoKey(), g.longitude(), g.latitude(), g.length(), g.unit()}
		return g.geoOptions(args, "STORE", g.geoKey())
	case 6:
		args := []string{g.pick("GEORADIUSBYMEMBER", "GEORADIUSBYMEMBER_RO"), g.geoKey(), g.member(), g.length(), g.unit()}
		return g.geoOptions(args, "STORE", g.geoKey())
	case 7:
		return g.geoWhere([]string{"GEOSEARCHSTORE", g.geoKey(), g.geoKey()})
	}
	return g.geoWhere([]string{"GEOSEARCH", g.geoKey()})
}

func (g *generator) geoKey() string { return "g" + strconv.Itoa(g.r.IntN(4)) }

func (g *generator) longitude() string { return g.degrees(180) }
func (g *generator) latitude() string  { return g.degrees(85) }

func (g *generator) degrees(most float64) string {
	if g.oneIn(60) {
		return g.pick("180", "-180", "85.05112878", "-85.05112878", "x", "200")
	}
	return strconv.FormatFloat((g.r.Float64()*2-1)*most, 'f', g.r.IntN(12), 64)
}

func (g *generator) length() string {
	if g.oneIn(30) {
		return g.pick("0", "-1", "x", "1e300", "inf")
	}
	return strconv.Itoa(1 << g.r.IntN(25))
}

func (g *generator) unit() string { return g.pick("m", "km", "km", "mi", "ft", "KM", "xx") }

func (g *generator) geoWhere(args []string) []string {
	if g.oneIn(2) {
		args = append(args, "FROMMEMBER", g.member())
	} else {
		args = append(args, "FROMLONLAT", g.longitude(), g.latitude())
	}
	if g.oneIn(2) {
		args = append(args, "BYRADIUS", g.length(), g.unit())
	} else {
		args = append(args, "BYBOX", g.length(), g.length(), g.unit())
	}
	return g.geoOptions(args)
}

func (g *generator) geoOptions(args []string, store ...string) []string {
	for g.oneIn(2) {
		args = append(args, g.pick("WITHDIST", "WITHHASH", "WITHCOORD", "ASC", "DESC"))
	}
	if g.oneIn(3) {
		args = append(args, "COUNT", g.pick("1", "2", "3", "0"))
		if g.oneIn(3) {
			args = append(args, "ANY")
		}
	}
	if g.oneIn(3) {
		args = append(args, store...)
	}
	return args
}

// alikeDistances compares replies with distances: the last digit is that of the sine
// and the arc sine, which are not the same in C and in Go.
func alikeDistances(a, b reply) bool {
	if a.kind != b.kind || len(a.elems) != len(b.elems) || a.null != b.null {
		return false
	}
	for i := range a.elems {
		if !alikeDistances(a.elems[i], b.elems[i]) {
			return false
		}
	}
	if len(a.elems) > 0 || a.raw == b.raw {
		return true
	}
	x, err1 := strconv.ParseFloat(a.text, 64)
	y, err2 := strconv.ParseFloat(b.text, 64)
	return err1 == nil && err2 == nil && a.kind == '$' && max(x-y, y-x) < 0.00015
}
