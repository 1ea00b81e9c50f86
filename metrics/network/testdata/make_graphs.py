#!/usr/bin/env python3
"""Makes small graphs whose outputs can be computed by hand. Needs: onnx.

    python3 metrics/network/testdata/make_graphs.py     # writes beside itself

pair.onnx   mean((a - b)^2) of two images: shows the range they were fed
mean.onnx   mean over height and width: three features an image
clip.onnx   the same of every frame of a window (channels before frames): any number of frames
four.onnx   the same, frames before channels: four frames
"""

import os

import onnx
from onnx import TensorProto as T
from onnx import helper as h

here = os.path.dirname(os.path.abspath(__file__))


def save(name, nodes, inputs, out_shape, shape=("n", 3, "h", "w")):
    graph = h.make_graph(
        nodes, name,
        [h.make_tensor_value_info(i, T.FLOAT, list(shape)) for i in inputs],
        [h.make_tensor_value_info("out", T.FLOAT, out_shape)],
    )
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8, producer_name="vtbench make_graphs.py")
    onnx.checker.check_model(model)
    onnx.save(model, os.path.join(here, name + ".onnx"))


save("pair", [
    h.make_node("Sub", ["a", "b"], ["d"]),
    h.make_node("Mul", ["d", "d"], ["s"]),
    h.make_node("ReduceMean", ["s"], ["out"], axes=[1, 2, 3], keepdims=1),
], ["a", "b"], ["n", 1, 1, 1])
save("mean", [h.make_node("ReduceMean", ["x"], ["out"], axes=[2, 3], keepdims=0)], ["x"], ["n", 3])
over = h.make_node("ReduceMean", ["x"], ["out"], axes=[3, 4], keepdims=0)
save("clip", [over], ["x"], ["n", 3, "t"], ("n", 3, "t", "h", "w"))
save("four", [over], ["x"], ["n", 4, 3], ("n", 4, 3, "h", "w"))
