#!/usr/bin/env python3
"""Makes filters.json: images resized by other filters than Lanczos. Needs Pillow, numpy,
torch (written with Pillow 9.4, torch 1.13).

    python3 pix/testdata/filters.py > pix/testdata/filters.json

With antialias the source is Pillow, of which the digests of the pixels are kept; without it
torch.nn.functional.interpolate(align_corners=False), of which the rounded pixels are kept.
"""

import base64
import hashlib
import json
import zlib

import numpy as np
import PIL
import torch
from PIL import Image

from lanczos import source

rows = []
for (w, h), (ow, oh) in [((64, 48), (32, 24)), ((64, 48), (17, 48)), ((37, 53), (96, 80)), ((120, 90), (7, 5)), ((5, 1), (3, 9)), ((31, 33), (30, 32)), ((2, 3), (9, 7))]:
    src = source(w, h)
    for name in ("bicubic", "bilinear", "box"):
        got = np.asarray(Image.fromarray(src).resize((ow, oh), getattr(Image.Resampling, name.upper())))
        rows.append({"filter": name, "antialias": True, "w": w, "h": h, "out_w": ow, "out_h": oh, "sha256": hashlib.sha256(got.tobytes()).hexdigest()})
    x = torch.from_numpy(src).permute(2, 0, 1)[None].double()
    for name in ("bicubic", "bilinear", "nearest"):
        kw = {} if name == "nearest" else {"align_corners": False}
        y = torch.nn.functional.interpolate(x, size=(oh, ow), mode=name, **kw)[0].permute(1, 2, 0)
        px = np.floor(y.numpy() + 0.5).clip(0, 255).astype(np.uint8)
        rows.append({"filter": name, "antialias": False, "w": w, "h": h, "out_w": ow, "out_h": oh, "pixels": base64.b64encode(zlib.compress(px.tobytes(), 9)).decode()})
print(json.dumps({"source": f"Pillow {PIL.__version__}, torch {torch.__version__}", "rows": rows}, indent=1))
