package errno

import (
	"errors"
	"os"
	"testing"
)

func TestText(t *testing.T) {
	_, err := os.Open("/no/such/file")
	if text, ok := Text(err); !ok || text != "No such file or directory" {
		t.Errorf("%q, %v", text, ok)
	}
	if text, ok := Text(errors.New("something else")); ok || text != "" {
		t.Errorf("%q, %v", text, ok)
	}
}
