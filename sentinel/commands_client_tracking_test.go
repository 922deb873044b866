package sentinel

import (
	"fmt"
	"strings"
	"testing"
)

// Prefixes are bounded in number and in bytes, those of earlier commands included.
func TestTrackingPrefixesAreBounded(t *testing.T) {
	var many tracking
	for i := range prefixesMax {
		many.prefixes = append(many.prefixes, fmt.Sprintf("%04d", i))
	}
	more := &tracking{bcast: true, prefixes: []string{"x"}}
	if err := more.collides(&many); err == nil {
		t.Errorf("%d prefixes are accepted", prefixesMax+1)
	}
	many.prefixes = many.prefixes[1:]
	if err := more.collides(&many); err != nil {
		t.Errorf("%d prefixes: %v", prefixesMax, err)
	}
	long := &tracking{bcast: true, prefixes: []string{strings.Repeat("y", prefixBytesMax)}}
	if err := long.collides(&tracking{}); err != nil {
		t.Errorf("%d bytes: %v", prefixBytesMax, err)
	}
	if err := long.collides(more); err == nil {
		t.Errorf("%d bytes are accepted", prefixBytesMax+1)
	}
}
