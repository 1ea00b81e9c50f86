#!/usr/bin/env python3
"""Exports LPIPS and DISTS to ONNX for vtbench.

    pip install torch torchvision onnx lpips DISTS-pytorch
    python3 metrics/network/export.py lpips-alex lpips_alex.onnx
    python3 metrics/network/export.py lpips-vgg  lpips_vgg.onnx
    python3 metrics/network/export.py dists      dists.onnx

The packages download their backbones when they are first used. --random skips
that and exports random weights, to try the way. Prints the SHA-256 to pin with
--option ID.sha256=...
"""

import argparse
import hashlib

import torch


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("metric", choices=["lpips-alex", "lpips-vgg", "dists"])
    p.add_argument("out")
    p.add_argument("--random", action="store_true", help="random backbone; the numbers mean nothing")
    a = p.parse_args()
    torch.manual_seed(0)
    if a.metric == "dists":
        from DISTS_pytorch import DISTS
        if a.random:
            p.error("DISTS always loads its backbone")
        net = DISTS()
    else:
        import lpips
        # Takes images in [-1, 1]; the scaling layer is part of the graph.
        net = lpips.LPIPS(net=a.metric.split("-")[1], version="0.1", pnet_rand=a.random, pretrained=not a.random)
    net.eval()
    x = torch.rand(1, 3, 64, 64)
    torch.onnx.export(
        net, (x, 1 - x), a.out, input_names=["reference", "distorted"], output_names=["distance"], opset_version=13,
        dynamic_axes={"reference": {0: "n", 2: "h", 3: "w"}, "distorted": {0: "n", 2: "h", 3: "w"}, "distance": {0: "n"}},
    )
    with open(a.out, "rb") as f:
        print(hashlib.sha256(f.read()).hexdigest(), a.out)


if __name__ == "__main__":
    main()
