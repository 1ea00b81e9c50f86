package process

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/process/wire"
)

// pluginMode is the variable that turns the test binary into a plug-in: the
// classic way to get a real process without building one.
const pluginMode = "VTBENCH_TEST_MODE"

// runMark finds the processes of one test.
const runMark = "VTBENCH_TEST_RUN"

func TestMain(m *testing.M) {
	switch mode := os.Getenv(pluginMode); mode {
	case "":
	case "host":
		host()
	case "serve-go":
		if err := serveGo(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	case "serve-clips":
		if err := serveClips(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	case "helper":
		if err := helper(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	default:
		hostile(mode)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// host is the test binary as vtbench itself: it opens a plug-in, says so and waits
// to be killed.
func host() {
	exe, err := os.Executable()
	must(err)
	tok, err := Open(context.Background(), tokenizers.Options{"command": quote(exe), "env": pluginMode + "=hang-always"})
	must(err)
	fmt.Println("open", tok.Info().Name)
	_, err = tok.Reconstruct(context.Background(), images(1))
	panic(err)
}

// pidFile is the variable that names the file for the number of an unmarked process.
const pidFile = "VTBENCH_TEST_PID"

// unmarked is the test binary in a session of its own, without the plug-in's environment.
func unmarked(mode string) *exec.Cmd {
	child := exec.Command(os.Args[0])
	child.Env = []string{pluginMode + "=" + mode, pidFile + "=" + os.Getenv(pidFile)}
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return child
}

// bad is the first pixel of an image that the hostile plug-ins stumble over.
const bad = 13

// A talker is the plug-in's end of the protocol, with every rule left to break.
type talker struct {
	r   *wire.Reader
	out *bufio.Writer
}

func (t *talker) next() (wire.Request, []byte) {
	head, n, err := t.r.Next(wire.MaxFrame)
	if err != nil {
		os.Exit(0) // the host has gone
	}
	var req wire.Request
	if err := json.Unmarshal(head, &req); err != nil {
		panic(err)
	}
	body := make([]byte, n)
	if err := t.r.Body(body); err != nil {
		os.Exit(0)
	}
	return req, body
}

func (t *talker) say(resp any, body ...[]byte) {
	head, err := json.Marshal(resp)
	if err != nil {
		panic(err)
	}
	t.raw(head, body...)
}

func (t *talker) raw(head []byte, body ...[]byte) {
	if err := wire.Write(t.out, head, body...); err != nil {
		os.Exit(0)
	}
	if err := t.out.Flush(); err != nil {
		os.Exit(0)
	}
}

// bytes writes what is no frame.
func (*talker) bytes(b []byte) {
	if _, err := os.Stdout.Write(b); err != nil {
		os.Exit(0)
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func forever() {
	for {
		time.Sleep(time.Hour)
	}
}

// hostile is a plug-in that misbehaves in one way.
func hostile(mode string) {
	t := &talker{r: wire.NewReader(os.Stdin), out: bufio.NewWriter(os.Stdout)}
	info := tokenizers.Info{Name: "hostile", Version: "1", Deterministic: true}
	hello := wire.Response{Type: wire.Hello, ID: 1, Protocol: 1, Info: &info}
	switch mode {
	case "sleeper": // the child that outlives its parent
		forever()
	case "forker": // its grandchild, in a session of its own, which nothing marks
		child := unmarked("sleeper")
		must(child.Start())
		must(os.WriteFile(os.Getenv(pidFile), []byte(strconv.Itoa(child.Process.Pid)), 0o644))
		os.Exit(0)
	case "exit-at-start":
		fmt.Fprintln(os.Stderr, "Traceback (most recent call last):\nModuleNotFoundError: No module named 'torch'")
		os.Exit(7)
	case "hang-at-start":
		fmt.Fprintln(os.Stderr, "downloading 12 GB")
		forever()
	case "print-in-body":
		fmt.Println("Loading weights from /models/vae.ckpt ...")
	case "print-two-bytes":
		fmt.Print("ok")
		forever()
	case "binary-garbage":
		t.bytes([]byte{8, 0, 0, 0, 3, 0, 0, 0, 0xff, 0xfe, 0xfd, 0xfc})
		forever()
	case "tiny-length":
		t.bytes([]byte{1, 0, 0, 0, 9, 9, 9, 9})
		forever()
	case "header-longer-than-frame":
		t.bytes([]byte{20, 0, 0, 0, 200, 0, 0, 0, '{'})
		forever()
	case "closed-stdout":
		must(os.Stdout.Close())
		forever()
	case "wrong-version":
		hello.Protocol = 99
	case "refuses":
		t.next()
		t.say(wire.Response{Type: wire.Failure, ID: 1, Error: "licence key \x1b[31mmissing\x1b[0m"})
		forever()
	case "no-info":
		hello.Info = nil
	case "clips-unable":
		info.Clips = &tokenizers.ClipInfo{Multiple: 4}
	case "clips-contradict":
		info.Clips, hello.Can = &tokenizers.ClipInfo{Fixed: 16, Max: 8}, []string{wire.CanClips}
	case "clips-change":
		info.Clips, hello.Can = &tokenizers.ClipInfo{Multiple: 1 + os.Getpid()%100_000}, []string{wire.CanClips}
	case "bad-info":
		info.Codebooks = []int{1024, -5}
	case "name-with-escapes":
		info.Name = "evil\x1b]0;owned\x07"
	case "flood-at-start":
		junk := strings.Repeat("all work and no play makes jack a dull boy\n", 1<<14)
		for {
			if _, err := os.Stdout.WriteString(junk); err != nil {
				os.Exit(0)
			}
		}
	case "other-weights-each-start":
		info.Weights = fmt.Sprint(os.Getpid())
	case "echo-config":
		dir, err := os.Getwd()
		if err != nil {
			panic(err)
		}
		info.Params = map[string]string{"dir": dir, "gpu": os.Getenv("GPU"), "replica": os.Getenv("VTBENCH_REPLICA"), "replicas": os.Getenv("VTBENCH_REPLICAS"), "args": strings.Join(os.Args[1:], "|")}
	case "many-codes":
		info.Codebooks = []int{16, 16, 16, 16}
	case "ids-beyond-codebook", "codes-shape-lies":
		info.Codebooks = []int{16}
	case "codes-undeclared":
	case "likes-two":
		info.BatchSize = 2
	case "calls-with-items", "calls-with-lies", "calls-beyond-bound", "calls-without-value":
		hello.Can, hello.Ops = []string{wire.CanCall}, []string{"echo"}
	case "nan-latents":
		hello.Can = []string{wire.CanLatents}
	case "all-abilities":
		info.Codebooks = []int{4}
		hello.Can = []string{wire.CanDecode, wire.CanLatents, wire.CanCodebook}
	case "bad-codebook":
		info.Codebooks = []int{4}
		hello.Can = []string{wire.CanCodebook}
	case "many-codebooks":
		info.Codebooks = make([]int, 500_000)
		for i := range info.Codebooks {
			info.Codebooks[i] = 4
		}
	case "many-abilities":
		hello.Can = make([]string, 300_000)
		for i := range hello.Can {
			hello.Can[i] = "decode"
		}
	case "some-codebooks":
		info.Codebooks = make([]int, 1000)
		for i := range info.Codebooks {
			info.Codebooks[i] = 4
		}
	}
	if strings.HasPrefix(mode, "clip-") {
		info.Clips, info.Codebooks, hello.Can = &tokenizers.ClipInfo{Multiple: 4, Causal: true, Max: 17}, []int{16}, []string{wire.CanClips}
	}
	if req, _ := t.next(); req.Type != wire.Hello {
		panic("no hello: " + req.Type)
	}
	t.say(hello)
	if mode == "flood-after-hello" {
		for {
			t.say(wire.Response{Type: wire.Result, ID: 1})
		}
	}
	if mode == "child-outlives" {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), pluginMode+"=sleeper")
		child.Stdout, child.Stderr = os.Stdout, os.Stderr // holds the pipes open
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := child.Start(); err != nil {
			panic(err)
		}
	}
	if mode == "child-escapes" {
		must(unmarked("forker").Run())
	}
	if mode == "child-stays-unmarked" {
		child := unmarked("sleeper")
		must(child.Start())
		must(os.WriteFile(os.Getenv(pidFile), []byte(strconv.Itoa(child.Process.Pid)), 0o644))
	}
	for batch := 0; ; batch++ {
		req, body := t.next()
		switch req.Type {
		case wire.Bye:
			if mode == "hang-at-shutdown" {
				forever()
			}
			if mode == "fails-at-shutdown" {
				fmt.Fprintln(os.Stderr, "double free")
				os.Exit(9)
			}
			os.Exit(0)
		case wire.Ping:
			if mode != "no-pong" {
				t.say(wire.Response{Type: wire.Result, ID: req.ID})
			}
			continue
		case wire.ReconstructClip:
			t.window(mode, req, body)
			continue
		case wire.Call:
			resp := wire.Response{Type: wire.Result, ID: req.ID, Bytes: len(body)}
			switch mode {
			case "calls-with-items":
				resp.Items, resp.Bytes = []wire.Item{{Floats: []int{1}}}, 0
				body = make([]byte, 4)
			case "calls-with-lies":
				resp.Bytes++
			case "calls-beyond-bound":
				resp.Bytes, body = 1<<20, make([]byte, 1<<20)
			}
			t.say(resp, body)
			continue
		case wire.Latents:
			resp := wire.Response{Type: wire.Result, ID: req.ID}
			var raw []byte
			for range req.Items {
				resp.Items = append(resp.Items, wire.Item{Floats: []int{2, 1, 1}})
				second := float32(2.5)
				if mode == "nan-latents" {
					second = float32(math.NaN())
				}
				raw = wire.AppendFloats(raw, []float32{1, second})
			}
			t.say(resp, raw)
			continue
		case wire.Codebook:
			k := 4
			if mode == "bad-codebook" {
				k = 3
			}
			v := []float32{0, 0, 1, 0, 5, 5, 5, 6}
			t.say(wire.Response{Type: wire.Result, ID: req.ID, Items: []wire.Item{{Floats: []int{k, 2}}}}, wire.AppendFloats(nil, v[:2*k]))
			continue
		case wire.Decode:
			resp := wire.Response{Type: wire.Result, ID: req.ID}
			var raw []byte
			parts, err := wire.Split(req.Items, body)
			if err != nil {
				panic(err)
			}
			for i, it := range req.Items {
				resp.Items = append(resp.Items, wire.Item{W: it.W, H: it.H})
				for range 3 * it.W * it.H {
					raw = append(raw, byte(parts[i].IDs[0][0]*10))
				}
			}
			t.say(resp, raw)
			continue
		}
		t.batch(mode, batch, req, body)
	}
}

// batch answers one batch as an identity, but for what the mode breaks.
func (t *talker) batch(mode string, batch int, req wire.Request, body []byte) {
	if req.Shm != nil {
		panic("shared memory was used although the hello had no cookie")
	}
	parts, err := wire.Split(req.Items, body)
	if err != nil {
		panic(err)
	}
	hit := -1 // the bad image of the batch
	for i, p := range parts {
		if p.Pix[0] == bad {
			hit = i
		}
	}
	resp := wire.Response{Type: wire.Result, ID: req.ID, Items: make([]wire.Item, len(req.Items))}
	var raw []byte
	for i, it := range req.Items {
		out := wire.Item{W: it.W, H: it.H}
		pix := parts[i].Pix
		switch {
		case i != hit:
		case mode == "wrong-width":
			out.W, pix = it.W/2, pix[:len(pix)/2]
		case mode == "item-error":
			out, pix = wire.Item{Error: "cannot \x1b[1mread\x1b[0m this\nimage"}, nil
		case mode == "negative-times":
			out.EncodeNS = -5
		case mode == "empty-result":
			out, pix = wire.Item{}, nil
		}
		raw = append(raw, pix...)
		switch mode {
		case "ids-beyond-codebook":
			id := int32(3)
			if i == hit {
				id = 16
			}
			out.Books = []wire.Book{{Size: 16, Shape: []int{1, 2}}}
			raw = wire.AppendIDs(raw, []int32{0, id})
		case "codes-shape-lies":
			out.Books = []wire.Book{{Size: 16, Shape: []int{1 << 20, 1 << 20}}}
		case "many-codes":
			for range 4 {
				out.Books = append(out.Books, wire.Book{Size: 16, Shape: []int{it.H, it.W}})
				raw = append(raw, make([]byte, 4*it.W*it.H)...)
			}
		case "codes-undeclared":
			out.Books = []wire.Book{{Size: 16, Shape: []int{1}}}
			raw = wire.AppendIDs(raw, []int32{1})
		case "all-abilities":
			out.Books = []wire.Book{{Size: 4, Shape: []int{1}}}
			raw = wire.AppendIDs(raw, []int32{1})
		case "impossible-times":
			out.EncodeNS = int64(time.Hour)
		case "overflowing-times":
			out.EncodeNS, out.DecodeNS = math.MaxInt64, math.MaxInt64
		case "impossible-bits":
			if i == hit {
				out.Bits = 1 << 60
			}
		}
		resp.Items[i] = out
	}
	switch mode {
	case "slow":
		time.Sleep(2 * time.Second)
	case "exit-mid-batch":
		if hit >= 0 {
			fmt.Fprintln(os.Stderr, "Segmentation fault (core dumped)")
			os.Exit(139)
		}
	case "killed-mid-batch":
		if hit >= 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // as the kernel does when memory runs out
			forever()
		}
	case "dies-on-large-batches":
		if len(req.Items) > 2 {
			fmt.Fprintln(os.Stderr, "CUDA out of memory")
			os.Exit(1)
		}
	case "always-dies":
		os.Exit(2)
	case "hang-in-batch":
		if hit >= 0 {
			forever()
		}
	case "hang-always":
		forever()
	case "flood-stderr":
		line := strings.Repeat("warning: tensor is not contiguous. ", 30) + "\n"
		for range 20000 { // 21 MB
			fmt.Fprint(os.Stderr, line)
		}
		fmt.Fprintln(os.Stderr, "the last line")
		if hit >= 0 {
			os.Exit(3)
		}
	case "print-in-batch":
		if hit >= 0 {
			fmt.Println("step 1/50 done")
		}
	case "truncated":
		if hit >= 0 {
			head, err := json.Marshal(resp)
			if err != nil {
				panic(err)
			}
			var lead [8]byte
			binary.LittleEndian.PutUint32(lead[:], uint32(4+len(head)+len(raw)))
			binary.LittleEndian.PutUint32(lead[4:], uint32(len(head)))
			t.bytes(lead[:])
			t.bytes(head)
			t.bytes(raw[:len(raw)/2])
			os.Exit(0)
		}
	case "oversize":
		if hit >= 0 {
			t.say(resp, append(raw, make([]byte, 64<<20)...))
			return
		}
	case "oversize-claim":
		if hit >= 0 {
			t.bytes([]byte{0xff, 0xff, 0xff, 0x1f, 2, 0, 0, 0, '{', '}'})
			forever()
		}
	case "header-lies":
		if hit >= 0 {
			resp.Items[hit].W = 1000
		}
	case "header-lies-without-body":
		if hit >= 0 {
			raw = nil
		}
	case "header-not-json":
		if hit >= 0 {
			t.raw([]byte(`{"type":"result","id":2,"items":[{"encode_ns":NaN}]}`))
			return
		}
	case "wrong-type":
		if hit >= 0 {
			resp.Type = "reslut"
		}
	case "many-items":
		if hit >= 0 {
			head := fmt.Appendf(nil, `{"type":"result","id":%d,"items":[{}`, req.ID)
			head = append(head, strings.Repeat(",{}", (wire.MaxHeader-len(head)-2)/3)...)
			t.raw(append(head, "]}"...))
			return
		}
	case "many-books":
		if hit >= 0 {
			head := fmt.Appendf(nil, `{"type":"result","id":%d,"items":[{"books":[{}`, req.ID)
			head = append(head, strings.Repeat(",{}", (wire.MaxHeader-len(head)-4)/3)...)
			t.raw(append(head, "]}]}"...))
			return
		}
	case "binary-in-batch": // the first four bytes happen to be printable
		if hit >= 0 {
			t.bytes([]byte("abcd\x00\x01\x02\x03\xff\xfe"))
			forever()
		}
	case "wrong-count":
		if hit >= 0 {
			it := resp.Items[hit]
			resp.Items = append(resp.Items, it)
			raw = append(raw, raw[:3*it.W*it.H]...)
		}
	case "duplicate-id":
		t.say(resp, raw)
		if hit >= 0 {
			t.say(resp, raw)
		}
		return
	case "stale-id":
		if hit >= 0 {
			resp.ID--
		}
	case "unknown-id":
		if hit >= 0 {
			resp.ID = 4711
		}
	case "shm-lies":
		if hit >= 0 {
			resp.Shm = &wire.Span{Off: 1 << 40, Len: 12}
			raw = nil
		}
	case "batch-error":
		if hit >= 0 {
			t.say(wire.Response{Type: wire.Failure, ID: req.ID, Error: "RuntimeError: index out of bounds"})
			return
		}
	case "ends-between-batches":
		t.say(resp, raw)
		os.Exit(0)
	case "closed-stdin":
		must(os.Stdin.Close())
		t.say(resp, raw)
		forever()
	}
	t.say(resp, raw)
	if mode == "drains" {
		_, _ = io.Copy(io.Discard, os.Stdin) // reads on, answers no more
	}
}
