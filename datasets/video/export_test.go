package video

import "time"

// SetIdle changes how long ffmpeg may hang, until what it returns is called.
func SetIdle(d time.Duration) (restore func()) {
	was := idle
	idle = d
	return func() { idle = was }
}
