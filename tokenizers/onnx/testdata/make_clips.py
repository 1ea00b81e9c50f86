"""Makes the graphs of clips that the tests run, and what ONNX Runtime computes on them.

    pip install onnx==1.23.2 onnxruntime==1.27.0 numpy
    python make_clips.py            # in this folder

A causal tokenizer of space and time: the first frame alone, then four frames at a time, by
a convolution over three repeats of the first frame and all frames; ids by the nearest of 64
codewords. Weights are drawn with a fixed seed; nothing was trained. clips.json holds, for one
fixed clip, what onnxruntime's own Python package computes: the reference of the Go code.
"""

import json

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

rng = np.random.default_rng(9)


def const(name, a):
    return numpy_helper.from_array(np.asarray(a), name)


def value(name, dtype, *shape):
    return h.make_tensor_value_info(name, dtype, list(shape))


def save(path, nodes, inputs, outputs, weights):
    graph = h.make_graph(nodes, path.removesuffix(".onnx"), inputs, outputs, weights)
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8, producer_name="vtbench make_clips.py")
    onnx.checker.check_model(model)
    onnx.save(model, path)


# Orthonormal directions of 4x4x4 patches: the mean of each colour, then nine at random.
means = np.zeros((3, 3 * 64))
for c in range(3):
    means[c, 64 * c : 64 * c + 64] = 1
basis, _ = np.linalg.qr(np.concatenate([means, rng.normal(size=(9, 192))]).T)
kernel = basis.T.reshape(12, 3, 4, 4, 4).astype(np.float32)
book = (rng.normal(size=(64, 12)) * np.array([6.0] * 3 + [0.3] * 9)).astype(np.float32)

weights = [
    const("kernel", kernel), const("zero", np.array([0])), const("one", np.array([1])), const("three", np.array([3])),
    const("end", np.array([1 << 40])), const("time", np.array([2])),
]
encode = [
    h.make_node("Slice", ["clip", "zero", "one", "time"], ["first"]),
    h.make_node("Concat", ["first", "first", "first", "clip"], ["padded"], axis=2),
    h.make_node("Conv", ["padded", "kernel"], ["latent"], strides=[4, 4, 4], kernel_shape=[4, 4, 4]),
]
decode = [
    h.make_node("ConvTranspose", ["latent", "kernel"], ["back"], strides=[4, 4, 4], kernel_shape=[4, 4, 4]),
    h.make_node("Slice", ["back", "three", "end", "time"], ["reconstruction"]),
]
clip = value("clip", T.FLOAT, "n", 3, "t", "h", "w")
latent = value("latent", T.FLOAT, "n", 12, "t4", "h4", "w4")
rec = value("reconstruction", T.FLOAT, "n", 3, "t", "h", "w")
save(
    "clips_encoder.onnx",
    [
        *encode,
        h.make_node("Transpose", ["latent"], ["z"], perm=[0, 2, 3, 4, 1]),
        # |z - e|^2 up to |z|^2, which is the same for all e.
        h.make_node("MatMul", ["z", "minus_2_book_t"], ["dot"]),
        h.make_node("Add", ["dot", "norms"], ["d"]),
        h.make_node("ArgMin", ["d"], ["ids"], axis=4, keepdims=0),
    ],
    [clip],
    [value("ids", T.INT64, "n", "t4", "h4", "w4"), latent],
    [*weights, const("minus_2_book_t", -2 * book.T), const("norms", (book**2).sum(1))],
)
save(
    "clips_decoder.onnx",
    [
        h.make_node("Gather", ["book", "ids"], ["z"]),
        h.make_node("Transpose", ["z"], ["latent"], perm=[0, 4, 1, 2, 3]),
        *decode,
    ],
    [value("ids", T.INT64, "n", "t4", "h4", "w4")],
    [rec],
    [*weights, const("book", book)],
)
# The same without ids, for windows of five frames and a batch of one.
save("clips_fixed.onnx", [*encode, *decode], [value("clip", T.FLOAT, 1, 3, 5, "h", "w")], [value("reconstruction", T.FLOAT, 1, 3, 5, "h", "w")], weights)
# Time before channels, in bytes.
save(
    "clips_bytes.onnx",
    [
        h.make_node("Cast", ["pixels"], ["f"], to=T.FLOAT),
        h.make_node("Transpose", ["f"], ["clip"], perm=[0, 4, 1, 2, 3]),
        *encode,
        *decode,
        h.make_node("Round", ["reconstruction"], ["rr"]),
        h.make_node("Clip", ["rr", "lo", "hi"], ["c"]),
        h.make_node("Transpose", ["c"], ["o"], perm=[0, 2, 3, 4, 1]),
        h.make_node("Cast", ["o"], ["out"], to=T.UINT8),
    ],
    [value("pixels", T.UINT8, "n", "t", "h", "w", 3)],
    [value("out", T.UINT8, "n", "t", "h", "w", 3)],
    [*weights, const("lo", np.float32(0)), const("hi", np.float32(255))],
)
# A clip in and an image out: to be refused.
save("clips_to_image.onnx", [h.make_node("Squeeze", ["clip", "time"], ["out"])], [value("clip", T.FLOAT, "n", 3, 1, "h", "w")], [value("out", T.FLOAT, "n", 3, "h", "w")], [const("time", np.array([2]))])

# -- what it should compute ------------------------------------------------

W, H, F = 16, 12, 9
t, y, x, c = np.meshgrid(np.arange(F), np.arange(H), np.arange(W), np.arange(3), indexing="ij")
frames = ((x * 9 + y * 5 + t * 11 + c * 40) % 256).astype(np.uint8)  # the test makes the same


def to_bytes(a):
    return np.clip(np.floor(a + 0.5), 0, 255).astype(int)


def session(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


pm1 = (frames.transpose(3, 0, 1, 2)[None].astype(np.float32)) / 127.5 - 1
out = {"width": W, "height": H, "frames": F}
ids, z = session("clips_encoder.onnx").run(["ids", "latent"], {"clip": pm1})
rec = session("clips_decoder.onnx").run(None, {"ids": ids})[0]
out["vq"] = to_bytes((rec[0].transpose(1, 2, 3, 0) + 1) * 127.5).ravel().tolist()
out["ids"] = {"shape": list(ids[0].shape), "data": ids[0].ravel().tolist()}
rec = session("clips_fixed.onnx").run(None, {"clip": pm1[:, :, :5]})[0]
out["fixed"] = to_bytes((rec[0].transpose(1, 2, 3, 0) + 1) * 127.5).ravel().tolist()
out["bytes"] = session("clips_bytes.onnx").run(None, {"pixels": frames[None]})[0].astype(int).ravel().tolist()

with open("clips.json", "w") as f:
    json.dump({"made_by": f"make_clips.py, onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}, numpy {np.__version__}", **out}, f, separators=(",", ":"))
    f.write("\n")
