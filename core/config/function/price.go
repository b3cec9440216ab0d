package function

import "github.com/zclconf/go-cty/cty/function"

// pay is asked before work that shows in neither arguments nor results. A unit
// is about 20 ns of it; an error ends the call.
type pay = func(units int64) error

// free is for calls that nobody counts.
func free(int64) error { return nil }

// The prices, in units.
const (
	perDecoded = 200  // an element of JSON
	perFile    = 1000 // opening one
	perEntry   = 100  // looking at one in a folder
	perMember  = 16   // taking an element over from one set to another
	hashed     = 32   // bytes that are hashed for one unit
	matched    = 2    // steps of a regular expression for one unit
)

// Priced are the functions of the table whose work has to be paid for, by name.
// Each is made anew with what it has to ask.
func Priced(files Files) map[string]func(pay) function.Function {
	return map[string]func(pay) function.Function{
		"file":            func(p pay) function.Function { return read(files, p) },
		"fileexists":      func(p pay) function.Function { return exists(files, p) },
		"filesha256":      func(p pay) function.Function { return fileHash(files, p) },
		"fileset":         func(p pay) function.Function { return fileset(files, p) },
		"jsondecode":      jsonDecode,
		"regex":           regex,
		"regexall":        regexAll,
		"replace":         replace,
		"setintersection": setIntersection,
		"setproduct":      setProduct,
		"setsubtract":     setSubtract,
		"setunion":        setUnion,
		"toset":           toSet,
	}
}
