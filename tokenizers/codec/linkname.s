// This file is empty. Its presence lets the compiler accept the functions that
// library.go declares without a body and binds with go:linkname.
