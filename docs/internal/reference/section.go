package reference

import (
	"fmt"
	"strings"
)

// Section replaces what a document has between two markers.
func Section(document, name, content string) (string, error) {
	begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->"
	i, j := strings.Index(document, begin), strings.Index(document, end)
	if i < 0 || j < i {
		return "", fmt.Errorf("replace section: the document has no section %q", name)
	}
	return document[:i+len(begin)] + content + document[j:], nil
}
