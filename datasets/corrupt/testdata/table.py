"""Measures the PyPI package imagecorruptions for TestAgainstImagecorruptions.

    pip install imagecorruptions==1.1.2 "numpy<2" scipy scikit-image opencv-python-headless pillow "setuptools<81"
    python table.py path/to/I01.BMP > imagecorruptions.json

For every corruption and severity, on piq's I01.BMP and on the image that probe()
draws (and that probe_test.go repeats): over seeds 0…n−1 the mean and standard
deviation of the PSNR, the mean and variance of the residual (corrupted − clean)
of each channel, and the power of the residual's luma in rings of spatial
frequency. For corruptions without chance also some 370 bytes of the output, stride
bytes apart, and the SHA-256 of all of it.

The package's code is run as it is; what scikit-image renamed since (the argument
multichannel) is translated, and the generator that skimage.util.random_noise
draws from is seeded.

About ten minutes.
"""
import hashlib
import json
import math
import sys
import warnings

warnings.filterwarnings("ignore")

import cv2
import imagecorruptions
import imagecorruptions.corruptions as upstream
import numpy as np
import skimage
import skimage.filters
import skimage.util
from PIL import Image

DETERMINISTIC = {"defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate",
                 "jpeg_compression", "gaussian_blur", "saturate"}
# Weather draws large shapes, and spatter's first severity few drops, so that PSNR
# varies most between their seeds.
SEEDS = {"glass_blur": 3, "frost": 300, "fog": 100, "motion_blur": 100, "snow": 30, "spatter": 60,
         ("spatter", 1): 300}
RINGS = [0.0, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.5]  # cycles a pixel

rng = None


def gaussian(image, sigma=1, multichannel=False, **kw):
    return skimage.filters.gaussian(image, sigma, channel_axis=-1 if multichannel else None, **kw)


random_noise = skimage.util.random_noise


def seeded_noise(image, **kw):
    return random_noise(image, rng=rng, **kw)


upstream.gaussian = gaussian
skimage.util.random_noise = seeded_noise


def probe():
    """A ramp of each colour, a checkerboard, noise, grays, saturated disks."""
    w, h = 256, 192
    m = np.zeros((h, w, 3), np.uint8)
    state = 2463534242
    for y in range(h):
        for x in range(w):
            state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
            n = state >> 24
            if y < 64:
                p = (x, (x + 2 * y) % 256, 255 - x)
            elif y < 128 and x < 128:
                c = 230 if (x // 4 + y // 4) % 2 else 25
                p = (c, c, 255 - c)
            elif y < 128:
                p = (n, (n + x) // 3, (n * y) // 128)
            else:
                p = (x, x, x)
                for i, q in enumerate(((250, 20, 30), (20, 240, 60), (10, 40, 255), (0, 0, 0), (255, 255, 255))):
                    if (x - 28 - 50 * i) ** 2 + (y - 160) ** 2 <= 400:
                        p = q
            m[y, x] = p
    return m


def psnr(a, b):
    return 10 * math.log10(255**2 / np.mean((a.astype(float) - b.astype(float)) ** 2))


def rings(d):
    """Mean power of luma's residual in rings of frequency."""
    luma = d @ np.array([0.299, 0.587, 0.114])
    power = np.abs(np.fft.fft2(luma)) ** 2 / luma.size
    fy, fx = np.meshgrid(np.fft.fftfreq(d.shape[0]), np.fft.fftfreq(d.shape[1]), indexing="ij")
    r = np.hypot(fx, fy)
    return [float(power[(r >= lo) & (r < hi)].mean()) for lo, hi in zip(RINGS, RINGS[1:])]


def measure(img, name, severity):
    global rng
    n = 1 if name in DETERMINISTIC else SEEDS.get((name, severity), SEEDS.get(name, 10))
    scores, means, variances, spectra = [], [], [], []
    for seed in range(n):
        np.random.seed(seed)
        rng = seed
        out = imagecorruptions.corrupt(img, corruption_name=name, severity=severity)
        d = out.astype(float) - img
        scores.append(psnr(out, img))
        means.append(d.mean((0, 1)))
        variances.append(d.var((0, 1)))
        if seed < 30:
            spectra.append(rings(d))
    row = {"corruption": name, "severity": severity, "seeds": n,
           "psnr": round(float(np.mean(scores)), 4), "psnr_sd": round(float(np.std(scores)), 4),
           "mean": np.mean(means, 0).round(4).tolist(), "mean_sd": np.std(means, 0).round(4).tolist(),
           "variance": np.mean(variances, 0).round(3).tolist(),
           "rings": [float(f"{v:.5g}") for v in np.mean(spectra, 0)]}
    if name in DETERMINISTIC:
        row["stride"] = out.size // 371
        row["samples"] = out.reshape(-1)[:: row["stride"]].tolist()
        row["sha256"] = hashlib.sha256(out.tobytes()).hexdigest()
    return row


def main():
    cv2.setNumThreads(1)
    images = {"probe": probe(), "I01": np.array(Image.open(sys.argv[1]).convert("RGB"))}
    table = {"package": "imagecorruptions 1.1.2", "numpy": np.__version__, "skimage": skimage.__version__,
             "cv2": cv2.__version__, "rings": RINGS, "images": {}, "crops": []}
    for key, img in images.items():
        rows = []
        for name in imagecorruptions.get_corruption_names("all"):
            for severity in range(1, 6):
                rows.append(measure(img, name, severity))
                print(key, name, severity, rows[-1]["psnr"], rows[-1]["psnr_sd"], file=sys.stderr, flush=True)
        table["images"][key] = {"width": img.shape[1], "height": img.shape[0],
                                "sha256": hashlib.sha256(img.tobytes()).hexdigest(), "rows": rows}
    # Odd sizes, where what is exact must stay so: the probe's top left corners.
    for w, h in ((1, 1), (2, 5), (5, 2), (4, 4), (7, 9), (17, 31), (33, 35), (47, 64), (161, 90)):
        img = images["probe"][:h, :w]
        for name in ("brightness", "pixelate", "jpeg_compression", "saturate"):
            for severity in range(1, 6):
                if name == "pixelate" and min(w, h) < 4:
                    continue  # upstream shrinks it to nothing
                out = np.uint8(getattr(upstream, name)(Image.fromarray(np.ascontiguousarray(img)), severity))
                table["crops"].append({"corruption": name, "severity": severity, "width": w, "height": h,
                                       "sha256": hashlib.sha256(out.tobytes()).hexdigest()})
    text = json.dumps(table, indent=None)
    print(text.replace('{"corruption"', '\n{"corruption"'))


main()
