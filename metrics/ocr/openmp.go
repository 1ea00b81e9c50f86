//go:build cgo

package ocr

/*
#cgo linux LDFLAGS: -ldl
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>

static int  (*levels_get)(void);
static void (*levels_set)(int);

// Looked up, not linked: the OpenMP runtime is the one Tesseract brought, or
// there is none and nothing to limit.
static int openmp_find(void) {
	levels_get = (int (*)(void))dlsym(RTLD_DEFAULT, "omp_get_max_active_levels");
	levels_set = (void (*)(int))dlsym(RTLD_DEFAULT, "omp_set_max_active_levels");
	return levels_get != 0 && levels_set != 0;
}

static int openmp_levels(void) { return levels_get(); }

static int openmp_swap_levels(int n) {
	int old = levels_get();
	levels_set(n);
	return old;
}
*/
import "C"

import (
	"runtime"
	"sync"
)

var openMP = sync.OnceValue(func() bool { return C.openmp_find() != 0 })

// serially runs f with OpenMP's parallel regions switched off on this thread.
//
// Tesseract asks for four threads in every layer of its network. On a word crop
// that costs eight times the time of one thread (47 against 6 ms on 2 cores),
// and with a client a core it only gets worse. The usual advice, OMP_THREAD_LIMIT=1,
// is no use from within: the runtime reads its environment once, when the
// dynamic loader maps it, before main. max-active-levels 0 says the same
// (OpenMP 5.0, 2.5.1: every parallel region is inactive), can be set at any
// time, and belongs to the calling thread, hence the locking; it is put back for
// whoever uses the thread next.
func serially(f func()) {
	if !openMP() {
		f()
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	old := C.openmp_swap_levels(0)
	defer C.openmp_swap_levels(old)
	f()
}

// activeLevels is how many nested parallel regions of this thread may be active.
func activeLevels() int { return int(C.openmp_levels()) }
