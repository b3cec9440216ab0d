package view

import (
	"reflect"
	"strings"
	"unicode"
)

// Printable is text that cannot steer the terminal: what stages, plugins and
// commits say is hostile. Control characters go, and so do the marks that
// change the direction of writing; tabs and newlines stay.
func Printable(text string) string {
	if !strings.ContainsFunc(text, steers) {
		return strings.ToValidUTF8(text, "\uFFFD")
	}
	return strings.Map(func(r rune) rune {
		if steers(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

func steers(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r)
}

// harmless is a copy of a value in which every text is printable. Whatever
// field is added later, a view cannot forget it.
func harmless[T any](in T) T {
	var out T
	into := reflect.ValueOf(&out).Elem()
	into.Set(scrub(reflect.ValueOf(&in).Elem()))
	return out
}

func scrub(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.String:
		out.SetString(Printable(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(scrub(v.Elem()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(scrub(v.Field(i)))
			}
		}
	case reflect.Slice:
		if v.IsNil() || v.Type().Elem().Kind() == reflect.Uint8 {
			break
		}
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(scrub(v.Index(i)))
		}
	case reflect.Map:
		if v.IsNil() {
			break
		}
		out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
		for key, value := range v.Seq2() {
			out.SetMapIndex(scrub(key), scrub(value))
		}
	}
	return out
}
