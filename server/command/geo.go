package command

import (
	"math"
	"strconv"

	"github.com/vedette-ha/vedette/internal/geohash"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace/zset"
)

// GeoCommands: https://redis.io/docs/latest/commands/?group=geo
//
// A geographic index is a sorted set whose scores are hashes of places.
func GeoCommands() []Row {
	return []Row{
		{Name: "GEOADD", Run: cmdGeoAdd},
		{Name: "GEODIST", Run: cmdGeoDist},
		{Name: "GEOHASH", Run: cmdGeoHash},
		{Name: "GEOPOS", Run: cmdGeoPos},
		{Name: "GEORADIUS", Run: func(c *Ctx) error { return c.geoSearch(&geoForm{words: 6, storeWord: true}) }},
		{Name: "GEORADIUS_RO", Run: func(c *Ctx) error { return c.geoSearch(&geoForm{words: 6}) }},
		{Name: "GEORADIUSBYMEMBER", Run: func(c *Ctx) error { return c.geoSearch(&geoForm{byMember: true, words: 5, storeWord: true}) }},
		{Name: "GEORADIUSBYMEMBER_RO", Run: func(c *Ctx) error { return c.geoSearch(&geoForm{byMember: true, words: 5}) }},
		{Name: "GEOSEARCH", Run: func(c *Ctx) error { return c.geoSearch(&geoForm{search: true, words: 2}) }},
		{Name: "GEOSEARCHSTORE", Run: func(c *Ctx) error { return c.geoSearch(&geoForm{search: true, store: true, words: 3}) }},
	}
}

var wordZADD = []byte("zadd") // as Redis writes it to replicas

// GEOADD key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]
func cmdGeoAdd(c *Ctx) error {
	var o zaddOptions
	places := c.Args[2:]
	for len(places) > 0 && (fold(places[0], "NX") || fold(places[0], "XX") || fold(places[0], "CH")) {
		o.word(places[0])
		places = places[1:]
	}
	if len(places) == 0 || len(places)%3 != 0 || o.nx && o.xx {
		return resp.ErrSyntax
	}
	words := len(c.Args) - len(places)
	args := append(make([][]byte, 0, words+len(places)/3*2), wordZADD)
	args = append(args, c.Args[1:words]...)
	for ; len(places) > 0; places = places[3:] {
		p, err := parsePlace(places)
		if err != nil {
			return err
		}
		args = append(args, strconv.AppendUint(nil, geohash.Encode(p), 10), places[2])
	}
	c.Args = args
	if err := c.zadd(false); err != nil {
		return err
	}
	if c.Dirty() > 0 {
		c.Effect(args...)
	}
	return nil
}

// parsePlace reads a longitude and a latitude.
func parsePlace(args [][]byte) (p geohash.Point, err error) {
	var ok1, ok2 bool
	p.Lon, ok1 = resp.ParseFloat(args[0])
	p.Lat, ok2 = resp.ParseFloat(args[1])
	switch {
	case !ok1 || !ok2:
		return p, errNotFloat
	case !p.Valid():
		return p, resp.Errorf("ERR invalid longitude,latitude pair %s,%s", sixPlaces(p.Lon), sixPlaces(p.Lat))
	}
	return p, nil
}

func sixPlaces(f float64) string {
	if math.IsInf(f, 0) {
		return string(resp.AppendDouble(nil, f))
	}
	return strconv.FormatFloat(f, 'f', 6, 64)
}

var errUnit = resp.Errorf("ERR unsupported unit provided. please use M, KM, FT, MI")

// parseUnit returns a unit's length in meters.
func parseUnit(arg []byte) (float64, error) {
	switch {
	case fold(arg, "M"):
		return 1, nil
	case fold(arg, "KM"):
		return 1000, nil
	case fold(arg, "FT"):
		return 0.3048, nil
	case fold(arg, "MI"):
		return 1609.34, nil
	}
	return 0, errUnit
}

// placeOf is where the member of a sorted set is.
func placeOf(v zset.View, member []byte) (geohash.Point, bool) {
	score, ok := v.Score(member)
	return geohash.Decode(hashOf(score)), ok
}

// hashOf is a score as a hash. A score may be any number: what becomes of those that
// are none is what C makes of them on x86.
func hashOf(score float64) uint64 {
	switch {
	case score >= 1<<64:
		return 0
	case score < -1<<63:
		return 1 << 63
	case score < 0:
		return uint64(int64(score))
	}
	return uint64(score)
}

// GEODIST key member1 member2 [M | KM | FT | MI]
func cmdGeoDist(c *Ctx) error {
	unit := 1.0
	var err error
	switch {
	case len(c.Args) == 5:
		if unit, err = parseUnit(c.Args[4]); err != nil {
			return err
		}
	case len(c.Args) > 5:
		return resp.ErrSyntax
	}
	v, _, err := c.readZSet(c.Args[1])
	if err != nil {
		return err
	}
	a, ok1 := placeOf(v, c.Args[2])
	b, ok2 := placeOf(v, c.Args[3])
	if !ok1 || !ok2 {
		c.Out.Null()
		return nil
	}
	c.writeDistance(geohash.Distance(a, b) / unit)
	return nil
}

func (c *Ctx) writeDistance(d float64) {
	var text [32]byte
	c.Out.Bulk(strconv.AppendFloat(text[:0], d, 'f', 4, 64))
}

// GEOHASH key [member ...]
func cmdGeoHash(c *Ctx) error {
	v, _, err := c.readZSet(c.Args[1])
	if err != nil {
		return err
	}
	c.Out.Array(len(c.Args) - 2)
	for _, member := range c.Args[2:] {
		p, ok := placeOf(v, member)
		if !ok {
			c.Out.Null()
			continue
		}
		var text [16]byte
		c.Out.Bulk(geohash.AppendText(text[:0], p))
	}
	return nil
}

// GEOPOS key [member ...]
func cmdGeoPos(c *Ctx) error {
	v, _, err := c.readZSet(c.Args[1])
	if err != nil {
		return err
	}
	c.Out.Array(len(c.Args) - 2)
	for _, member := range c.Args[2:] {
		p, ok := placeOf(v, member)
		if !ok {
			c.Out.NullArray()
			continue
		}
		c.writePlace(p)
	}
	return nil
}

func (c *Ctx) writePlace(p geohash.Point) {
	c.Out.Array(2)
	c.writeCoordinate(p.Lon)
	c.writeCoordinate(p.Lat)
}

// writeCoordinate replies with a double of up to 17 places.
func (c *Ctx) writeCoordinate(f float64) {
	var scratch [40]byte
	text := strconv.AppendFloat(scratch[:0], f, 'f', 17, 64)
	for text[len(text)-1] == '0' {
		text = text[:len(text)-1]
	}
	if text[len(text)-1] == '.' {
		text = text[:len(text)-1]
	}
	if string(text) == "-0" {
		text = text[1:]
	}
	if !c.Out.RESP3 {
		c.Out.Bulk(text)
		return
	}
	c.Out.Raw(append(append([]byte{','}, text...), '\r', '\n'))
}
