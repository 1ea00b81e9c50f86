package video_test

import "runtime"

// live is how much memory is in use.
func live() int64 {
	for range 2 { // pools are emptied by the second
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
