"""Makes the graphs that the tests run, and what ONNX Runtime computes on them.

    pip install onnx==1.23.2 onnxruntime==1.27.0 numpy
    python make_graphs.py            # in this folder

Weights are drawn with a fixed seed; nothing was trained. graphs.json holds, for
one fixed image, the outputs of onnxruntime's own Python package with the
pre- and postprocessing written out in numpy: the reference of the Go code.
"""

import json

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

rng = np.random.default_rng(4)


def const(name, a):
    return numpy_helper.from_array(np.asarray(a), name)


def value(name, dtype, *shape):
    return h.make_tensor_value_info(name, dtype, list(shape))


def save(path, nodes, inputs, outputs, weights):
    graph = h.make_graph(nodes, path.removesuffix(".onnx"), inputs, outputs, weights)
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8, producer_name="vtbench make_graphs.py")
    onnx.checker.check_model(model)
    onnx.save(model, path)


# A patch autoencoder: an orthonormal projection of 4x4 patches on 12 of its 48
# directions, as a strided convolution, and back as a transposed one.
q, _ = np.linalg.qr(rng.normal(size=(48, 48)))
# The mean of each colour comes first, so that the reconstruction looks like its image.
means = np.zeros((3, 48))
for c in range(3):
    means[c, 16 * c : 16 * c + 16] = 0.25
basis = np.concatenate([means, q.T])
basis, _ = np.linalg.qr(basis.T)
kernel = basis.T[:12].reshape(12, 3, 4, 4).astype(np.float32)

conv = h.make_node("Conv", ["image", "kernel"], ["latent"], strides=[4, 4], kernel_shape=[4, 4])
back = h.make_node("ConvTranspose", ["latent", "kernel"], ["reconstruction"], strides=[4, 4], kernel_shape=[4, 4])
tanh = h.make_node("Tanh", ["pre"], ["reconstruction"])
weights = [const("kernel", kernel)]
save("encoder.onnx", [conv], [value("image", T.FLOAT, "n", 3, "h", "w")], [value("latent", T.FLOAT, "n", 12, "h4", "w4")], weights)
save("decoder.onnx", [back], [value("latent", T.FLOAT, "n", 12, "h4", "w4")], [value("reconstruction", T.FLOAT, "n", 3, "h", "w")], weights)
save("autoencoder.onnx", [conv, back], [value("image", T.FLOAT, "n", 3, "h", "w")], [value("reconstruction", T.FLOAT, "n", 3, "h", "w")], weights)
# The same for one size and one batch.
save("fixed.onnx", [conv, back], [value("image", T.FLOAT, 2, 3, 16, 24)], [value("reconstruction", T.FLOAT, 2, 3, 16, 24)], weights)

# NHWC in bytes, with the conversion inside the graph: some exports look like this.
save(
    "bytes_nhwc.onnx",
    [
        h.make_node("Cast", ["pixels"], ["f"], to=T.FLOAT),
        h.make_node("Transpose", ["f"], ["image"], perm=[0, 3, 1, 2]),
        conv,
        h.make_node("ConvTranspose", ["latent", "kernel"], ["r"], strides=[4, 4], kernel_shape=[4, 4]),
        h.make_node("Round", ["r"], ["rr"]),
        h.make_node("Clip", ["rr", "lo", "hi"], ["c"]),
        h.make_node("Transpose", ["c"], ["t"], perm=[0, 2, 3, 1]),
        h.make_node("Cast", ["t"], ["out"], to=T.UINT8),
    ],
    [value("pixels", T.UINT8, "n", "h", "w", 3)],
    [value("out", T.UINT8, "n", "h", "w", 3)],
    [*weights, const("lo", np.float32(0)), const("hi", np.float32(255))],
)

# Vector quantisation of the latent: nearest of 32 codewords, ids as an output.
book = (rng.normal(size=(32, 12)) * np.array([2.0] * 3 + [0.3] * 9)).astype(np.float32)
save(
    "vq_encoder.onnx",
    [
        conv,
        h.make_node("Transpose", ["latent"], ["z"], perm=[0, 2, 3, 1]),
        # |z - e|^2 up to |z|^2, which is the same for all e.
        h.make_node("MatMul", ["z", "minus_2_book_t"], ["dot"]),
        h.make_node("Add", ["dot", "norms"], ["d"]),
        h.make_node("ArgMin", ["d"], ["ids"], axis=3, keepdims=0),
    ],
    [value("image", T.FLOAT, "n", 3, "h", "w")],
    [value("ids", T.INT64, "n", "h4", "w4"), value("latent", T.FLOAT, "n", 12, "h4", "w4")],
    [*weights, const("minus_2_book_t", -2 * book.T), const("norms", (book**2).sum(1))],
)
save(
    "vq_decoder.onnx",
    [
        h.make_node("Gather", ["book", "ids"], ["z"]),
        h.make_node("Transpose", ["z"], ["latent"], perm=[0, 3, 1, 2]),
        h.make_node("ConvTranspose", ["latent", "kernel"], ["pre"], strides=[4, 4], kernel_shape=[4, 4]),
        tanh,
    ],
    [value("ids", T.INT64, "n", "h4", "w4")],
    [value("reconstruction", T.FLOAT, "n", 3, "h", "w")],
    [*weights, const("book", book)],
)

# Two codebooks stacked in one output, and the reconstruction beside them.
save(
    "two_books.onnx",
    [
        conv,
        h.make_node("ArgMax", ["latent"], ["best"], axis=1, keepdims=1),
        h.make_node("ArgMin", ["latent"], ["worst"], axis=1, keepdims=1),
        h.make_node("Concat", ["best", "worst"], ["stacked"], axis=1),
        h.make_node("Cast", ["stacked"], ["ids"], to=T.INT32),
        back,
    ],
    [value("image", T.FLOAT, "n", 3, "h", "w")],
    [value("reconstruction", T.FLOAT, "n", 3, "h", "w"), value("ids", T.INT32, "n", 2, "h4", "w4")],
    weights,
)

# Divides by every image's first number: NaN where that is 0.
save(
    "nan.onnx",
    [
        h.make_node("Slice", ["image", "starts", "ends", "axes"], ["first"]),
        h.make_node("Div", ["image", "first"], ["ratio"]),
        h.make_node("Mul", ["ratio", "first"], ["reconstruction"]),
    ],
    [value("image", T.FLOAT, "n", 3, "h", "w")],
    [value("reconstruction", T.FLOAT, "n", 3, "h", "w")],
    [const("starts", np.array([0, 0, 0])), const("ends", np.array([1, 1, 1])), const("axes", np.array([1, 2, 3]))],
)

# Graphs that must be refused, each for one reason.
save("four_channels.onnx", [h.make_node("Identity", ["image"], ["out"])], [value("image", T.FLOAT, "n", 4, "h", "w")], [value("out", T.FLOAT, "n", 4, "h", "w")], [])
save("half.onnx", [h.make_node("Identity", ["image"], ["out"])], [value("image", T.FLOAT16, "n", 3, "h", "w")], [value("out", T.FLOAT16, "n", 3, "h", "w")], [])
save("rank3.onnx", [h.make_node("Identity", ["image"], ["out"])], [value("image", T.FLOAT, "n", "h", "w")], [value("out", T.FLOAT, "n", "h", "w")], [])
save(
    "two_inputs.onnx",
    [h.make_node("Add", ["image", "noise"], ["out"])],
    [value("image", T.FLOAT, "n", 3, "h", "w"), value("noise", T.FLOAT, "n", 3, "h", "w")],
    [value("out", T.FLOAT, "n", 3, "h", "w")],
    [],
)

# -- what it should compute ------------------------------------------------

W, H = 24, 16
y, x, c = np.meshgrid(np.arange(H), np.arange(W), np.arange(3), indexing="ij")
image = ((x * 9 + y * 5 + c * 40) % 256).astype(np.uint8)  # the test makes the same


def to_bytes(a):
    return np.clip(np.floor(a + 0.5), 0, 255).astype(int)


def session(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


nchw = image.transpose(2, 0, 1)[None].astype(np.float32)
pm1 = nchw / 127.5 - 1

out = {"width": W, "height": H}
rec = session("autoencoder.onnx").run(None, {"image": pm1})[0]
out["autoencoder"] = to_bytes((rec[0].transpose(1, 2, 0) + 1) * 127.5).ravel().tolist()

ids, latent = session("vq_encoder.onnx").run(["ids", "latent"], {"image": pm1})
rec = session("vq_decoder.onnx").run(None, {"ids": ids})[0]
out["vq"] = to_bytes((rec[0].transpose(1, 2, 0) + 1) * 127.5).ravel().tolist()
out["vq_ids"] = ids[0].ravel().tolist()
out["vq_latent"] = [float(v) for v in latent[0].ravel()]

# mean and std of ImageNet, BGR.
mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
normal = ((image[..., ::-1] / 255.0 - mean[::-1]) / std[::-1]).transpose(2, 0, 1)[None].astype(np.float32)
rec = session("autoencoder.onnx").run(None, {"image": normal})[0][0].transpose(1, 2, 0)
out["imagenet_bgr"] = to_bytes((rec * std[::-1] + mean[::-1])[..., ::-1] * 255).ravel().tolist()

out["bytes_nhwc"] = session("bytes_nhwc.onnx").run(None, {"pixels": image[None]})[0].astype(int).ravel().tolist()
rec, ids = session("two_books.onnx").run(["reconstruction", "ids"], {"image": pm1})
out["two_books_ids"] = [ids[0, b].ravel().tolist() for b in range(2)]

with open("graphs.json", "w") as f:
    json.dump({"made_by": f"make_graphs.py, onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}, numpy {np.__version__}", **out}, f, separators=(",", ":"))
    f.write("\n")
