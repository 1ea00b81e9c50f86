"""Loads single files of IQA-PyTorch (pyiqa) without its many dependencies."""
import importlib.util
import os
import sys
import types

import numpy as np
import torch

PYIQA = importlib.util.find_spec("pyiqa").submodule_search_locations[0]


def load_arch(name):
    """One file of pyiqa's archs, without the imports of the whole package: a registry, a
    padding (of 2 for a kernel of 5) and a luma, which is given, are all they use."""
    registry = types.ModuleType("pyiqa.utils.registry")
    registry.ARCH_REGISTRY = types.SimpleNamespace(register=lambda: lambda c: c)
    util = types.ModuleType("pyiqa.matlab_utils")
    util.ExactPadding2d = lambda kernel, mode: lambda x: torch.tensor(
        np.pad(x.numpy(), ((0, 0), (0, 0), (2, 2), (2, 2)), mode=mode))
    colour = types.ModuleType("pyiqa.utils.color_util")
    colour.to_y_channel = lambda x, *_: x
    ssim_arch = types.ModuleType("pyiqa.archs.ssim_arch")
    ssim_arch.to_y_channel = colour.to_y_channel
    for key, module in {"pyiqa": types.ModuleType("pyiqa"), "pyiqa.utils": types.ModuleType("pyiqa.utils"),
                        "pyiqa.utils.registry": registry, "pyiqa.utils.color_util": colour,
                        "pyiqa.matlab_utils": util, "pyiqa.archs.ssim_arch": ssim_arch}.items():
        sys.modules[key] = module
    spec = importlib.util.spec_from_file_location(name, os.path.join(PYIQA, "archs", name + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
