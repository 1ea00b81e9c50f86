// Package plugin is the other side of tokenizers/process: it serves a tokenizer, or
// the operations of a helper, written in Go over standard input and output.
//
// Its opinion: whoever can write Go can also compile the tokenizer in; this is
// for those who cannot or will not: a model behind cgo that may take its process
// with it, a closed library, a tokenizer in another repository.
//
//	func main() {
//		if err := plugin.Serve(context.Background(), myTokenizer{}, os.Stdin, os.Stdout); err != nil {
//			fmt.Fprintln(os.Stderr, err)
//			os.Exit(1)
//		}
//	}
//
// Nothing else may be written to standard output. Shared memory is not used: a
// pipe is enough for anything that computes.
package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/process/wire"
)

// Serve answers requests about a tokenizer until the host says bye or closes the
// stream.
func Serve(ctx context.Context, tok tokenizers.Tokenizer, in io.Reader, out io.Writer) error {
	return serve(in, out, func(req *wire.Request, body []byte) (*wire.Response, [][]byte) {
		return answer(ctx, tok, req, body)
	})
}

// An Op answers one operation of a helper: args is JSON, raw the bytes behind it. value
// is sent back as JSON, followed by out. An error fails the call and nothing else.
type Op func(ctx context.Context, args json.RawMessage, raw []byte) (value any, out []byte, err error)

// ServeHelper answers calls until the host says bye or closes the stream. info needs a
// name and a version.
func ServeHelper(ctx context.Context, info tokenizers.Info, ops map[string]Op, in io.Reader, out io.Writer) error {
	return serve(in, out, func(req *wire.Request, body []byte) (*wire.Response, [][]byte) {
		switch req.Type {
		case wire.Hello:
			resp, raw := greet(req, info)
			if resp.Type == wire.Hello {
				resp.Can, resp.Ops = []string{wire.CanCall}, slices.Sorted(maps.Keys(ops))
			}
			return resp, raw
		case wire.Ping:
			return &wire.Response{Type: wire.Result}, nil
		case wire.Call:
			return call(ctx, ops, req, body)
		}
		return refuse("unknown request %q: this is a helper, it answers calls of %q", req.Type, slices.Sorted(maps.Keys(ops)))
	})
}

func call(ctx context.Context, ops map[string]Op, req *wire.Request, body []byte) (*wire.Response, [][]byte) {
	op := ops[req.Op]
	if op == nil {
		return refuse("unknown operation %q: want one of %q", req.Op, slices.Sorted(maps.Keys(ops)))
	}
	if req.Bytes != len(body) {
		return refuse("the request describes %d raw bytes and carries %d", req.Bytes, len(body))
	}
	value, out, err := op(ctx, req.Args, body)
	if err != nil {
		return refuse("%v", err)
	}
	resp := &wire.Response{Type: wire.Result, Bytes: len(out)}
	if resp.Value, err = json.Marshal(value); err != nil {
		return refuse("encoding the answer: %v", err)
	}
	return resp, [][]byte{out}
}

// serve reads requests and writes what answer makes of them.
func serve(in io.Reader, out io.Writer, answer func(*wire.Request, []byte) (*wire.Response, [][]byte)) error {
	r := wire.NewReader(in)
	for {
		head, n, err := r.Next(wire.MaxFrame)
		if errors.Is(err, wire.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading a request: %w", err)
		}
		var req wire.Request
		if err := wire.Unmarshal(head, &req); err != nil {
			return fmt.Errorf("reading a request: %w", err)
		}
		body := make([]byte, n)
		if err := r.Body(body); err != nil {
			return fmt.Errorf("reading a request: %w", err)
		}
		if req.Type == wire.Bye {
			return nil
		}
		resp, raw := answer(&req, body)
		resp.ID = req.ID
		head, err = json.Marshal(resp)
		if err != nil {
			return fmt.Errorf("encoding an answer: %w", err)
		}
		if err := wire.Write(out, head, raw...); err != nil {
			return err
		}
	}
}

func refuse(format string, args ...any) (*wire.Response, [][]byte) {
	return &wire.Response{Type: wire.Failure, Error: fmt.Sprintf(format, args...)}, nil
}

func answer(ctx context.Context, tok tokenizers.Tokenizer, req *wire.Request, body []byte) (*wire.Response, [][]byte) {
	parts, err := wire.Split(req.Items, body)
	if err != nil {
		return refuse("the request: %v", err)
	}
	switch req.Type {
	case wire.Hello:
		return hello(tok, req)
	case wire.Ping:
		return &wire.Response{Type: wire.Result}, nil
	case wire.Reconstruct:
		return reconstruct(ctx, tok, req, parts)
	case wire.ReconstructClip:
		return reconstructClip(ctx, tok, req, parts)
	case wire.Decode:
		return decode(ctx, tok, req, parts)
	case wire.Latents:
		return latents(ctx, tok, req, parts)
	}
	return refuse("unknown request %q", req.Type)
}

// greet agrees on a version of the protocol.
func greet(req *wire.Request, info tokenizers.Info) (*wire.Response, [][]byte) {
	v := req.Protocol
	if v == nil || v.Max < wire.MinVersion || v.Min > wire.MaxVersion {
		return refuse("this plug-in speaks protocol versions %d to %d", wire.MinVersion, wire.MaxVersion)
	}
	return &wire.Response{Type: wire.Hello, Protocol: min(v.Max, wire.MaxVersion), Info: &info, SDK: "go"}, nil
}

func hello(tok tokenizers.Tokenizer, req *wire.Request) (*wire.Response, [][]byte) {
	resp, raw := greet(req, tok.Info())
	if resp.Type != wire.Hello {
		return resp, raw
	}
	if _, ok := tok.(tokenizers.ClipTokenizer); ok {
		resp.Can = append(resp.Can, wire.CanClips)
	} else {
		resp.Info.Clips = nil
	}
	if _, ok := tok.(tokenizers.Decoder); ok {
		resp.Can = append(resp.Can, wire.CanDecode)
	}
	if _, ok := tok.(tokenizers.LatentEncoder); ok {
		resp.Can = append(resp.Can, wire.CanLatents)
	}
	return resp, nil
}

func images(items []wire.Item, parts []wire.Payload) []pix.Image {
	in := make([]pix.Image, len(items))
	for i, it := range items {
		in[i] = pix.Image{W: it.W, H: it.H, Pix: parts[i].Pix}
	}
	return in
}

func reconstruct(ctx context.Context, tok tokenizers.Tokenizer, req *wire.Request, parts []wire.Payload) (*wire.Response, [][]byte) {
	in := images(req.Items, parts)
	out, err := tok.Reconstruct(ctx, in)
	if err == nil {
		err = tokenizers.Check(in, out)
	}
	if err != nil {
		return refuse("%v", err)
	}
	resp := &wire.Response{Type: wire.Result, Items: make([]wire.Item, len(out))}
	var raw [][]byte
	for i, r := range out {
		if r.Err != nil {
			resp.Items[i].Error = r.Err.Error()
			continue
		}
		it := wire.Item{
			W: r.Image.W, H: r.Image.H, Bits: r.Bits, FileBits: r.FileBits, Capacity: r.Capacity,
			EncodeNS: r.Encode.Nanoseconds(), DecodeNS: r.Decode.Nanoseconds(),
		}
		raw = append(raw, r.Image.Pix)
		resp.Items[i], raw = books(it, raw, r.Codes)
	}
	return resp, raw
}

// books appends codes to an item and to the raw bytes.
func books(it wire.Item, raw [][]byte, codes *tokenizers.Codes) (wire.Item, [][]byte) {
	if codes != nil {
		for _, b := range codes.Books {
			it.Books = append(it.Books, wire.Book{Size: b.Size, Shape: b.Shape})
			raw = append(raw, wire.AppendIDs(nil, b.IDs))
		}
	}
	return it, raw
}

func reconstructClip(ctx context.Context, tok tokenizers.Tokenizer, req *wire.Request, parts []wire.Payload) (*wire.Response, [][]byte) {
	ct, ok := tok.(tokenizers.ClipTokenizer)
	if !ok {
		return refuse("this plug-in codes images one by one")
	}
	resp := &wire.Response{Type: wire.Result, Items: make([]wire.Item, len(parts))}
	var raw [][]byte
	for i, in := range req.Items {
		clip := pix.Clip{Rate: in.Rate, Start: in.Start}
		frame := 3 * in.W * in.H
		for at := 0; at < len(parts[i].Pix); at += frame {
			clip.Frames = append(clip.Frames, pix.Image{W: in.W, H: in.H, Pix: parts[i].Pix[at : at+frame : at+frame]})
		}
		err := clip.Validate()
		var out tokenizers.ClipReconstruction
		if err == nil {
			out, err = ct.ReconstructClip(ctx, clip)
		}
		if err == nil {
			err = tokenizers.CheckClip(clip, &out)
		}
		if err != nil {
			resp.Items[i].Error = err.Error()
			continue
		}
		it := wire.Item{
			W: in.W, H: in.H, Frames: len(out.Frames), Bits: out.Bits, FileBits: out.FileBits, Capacity: out.Capacity,
			EncodeNS: out.Encode.Nanoseconds(), DecodeNS: out.Decode.Nanoseconds(),
		}
		for _, f := range out.Frames {
			raw = append(raw, f.Pix)
		}
		resp.Items[i], raw = books(it, raw, out.Codes)
	}
	return resp, raw
}

func decode(ctx context.Context, tok tokenizers.Tokenizer, req *wire.Request, parts []wire.Payload) (*wire.Response, [][]byte) {
	d, ok := tok.(tokenizers.Decoder)
	if !ok {
		return refuse("this plug-in cannot decode codes")
	}
	resp := &wire.Response{Type: wire.Result, Items: make([]wire.Item, len(parts))}
	var raw [][]byte
	for i, it := range req.Items {
		c := &tokenizers.Codes{}
		for b, book := range it.Books {
			c.Books = append(c.Books, tokenizers.Book{Size: book.Size, Shape: book.Shape, IDs: parts[i].IDs[b]})
		}
		err := c.Validate()
		var out []pix.Image
		if err == nil {
			out, err = d.Decode(ctx, []*tokenizers.Codes{c}, it.W, it.H)
		}
		if err != nil {
			resp.Items[i].Error = err.Error()
			continue
		}
		resp.Items[i] = wire.Item{W: out[0].W, H: out[0].H}
		raw = append(raw, out[0].Pix)
	}
	return resp, raw
}

func latents(ctx context.Context, tok tokenizers.Tokenizer, req *wire.Request, parts []wire.Payload) (*wire.Response, [][]byte) {
	l, ok := tok.(tokenizers.LatentEncoder)
	if !ok {
		return refuse("this plug-in has no latents")
	}
	out, err := l.Latents(ctx, images(req.Items, parts))
	if err != nil {
		return refuse("%v", err)
	}
	resp := &wire.Response{Type: wire.Result, Items: make([]wire.Item, len(out))}
	var raw [][]byte
	for i, z := range out {
		resp.Items[i].Floats = z.Shape
		raw = append(raw, wire.AppendFloats(nil, z.Data))
	}
	return resp, raw
}
