package web

import (
	"reflect"

	"github.com/vtbench/vtbench/reports/format"
)

// Clean returns a copy of what a page shows in which no text holds characters that act
// instead of being seen: html/template escapes markup and leaves these. Texts that are
// marked as safe (styles, drawings, addresses) are our own.
func Clean[T any](v T) T {
	return cleaned(reflect.ValueOf(&v)).Elem().Interface().(T)
}

func cleaned(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.String:
		if v.Type().PkgPath() != "html/template" {
			out := reflect.New(v.Type()).Elem()
			out.SetString(format.Text(v.String()))
			return out
		}
	case reflect.Pointer:
		if !v.IsNil() {
			out := reflect.New(v.Type().Elem())
			out.Elem().Set(cleaned(v.Elem()))
			return out
		}
	case reflect.Interface:
		if !v.IsNil() {
			out := reflect.New(v.Type()).Elem()
			out.Set(cleaned(v.Elem()))
			return out
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 && !v.IsNil() {
			out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			for i := range v.Len() {
				out.Index(i).Set(cleaned(v.Index(i)))
			}
			return out
		}
	case reflect.Array:
		out := reflect.New(v.Type()).Elem()
		for i := range v.Len() {
			out.Index(i).Set(cleaned(v.Index(i)))
		}
		return out
	case reflect.Map:
		if !v.IsNil() {
			out := reflect.MakeMapWithSize(v.Type(), v.Len())
			for k, x := range v.Seq2() {
				out.SetMapIndex(cleaned(k), cleaned(x))
			}
			return out
		}
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		out.Set(v)
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(cleaned(v.Field(i)))
			}
		}
		return out
	}
	return v
}
