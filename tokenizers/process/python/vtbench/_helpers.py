"""Doors to the helpers, so that ``import vtbench`` needs numpy only."""

from __future__ import annotations

from typing import Any


def from_torch(module: Any, **options: Any) -> Any:
    """A tokenizer of a PyTorch module; see ``vtbench.torch_module``."""
    from .torch_module import TorchTokenizer

    return TorchTokenizer(module, **options)


def from_diffusers(source: Any, **options: Any) -> Any:
    """A tokenizer of a diffusers autoencoder; see ``vtbench.diffusers_model``."""
    from .diffusers_model import load

    return load(source, **options)


def from_zoo(name: str, **options: Any) -> Any:
    """A released tokenizer by the name of its preset; see ``vtbench.zoo``."""
    from .zoo import load

    return load(name, **options)


def from_command(*args: Any, **options: Any) -> Any:
    """A tokenizer of a command on image files; see ``vtbench.command``."""
    from .command import CommandTokenizer

    return CommandTokenizer(*args, **options)
