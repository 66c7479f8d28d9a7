"""A model's parameters as one vector, and back.

FedSim sees a vector of 32-bit floats. `flatten` makes it of an array, a list of arrays, a dict of
named arrays, or a torch module or state dict; `unflatten` takes it apart again. torch is not
imported here: an object that is of torch has imported it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._arrays import as_array
from .errors import InvalidError

__all__ = ["Layout", "flatten", "unflatten"]


def _is_module(value: Any) -> bool:
    return hasattr(value, "named_parameters") and hasattr(value, "state_dict")


def _items(value: Any) -> list[tuple[str, Any]]:
    """Named arrays, in the order of the vector."""
    if _is_module(value):
        named = [(str(name), one) for name, one in value.named_parameters() if one.requires_grad]
        if not named:
            raise InvalidError(
                "parameters: found a module in which nothing is trained; allowed: one with "
                "parameters"
            )
        return named
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                raise InvalidError(f"parameters: found a name {name!r}; allowed: texts")
        return list(value.items())
    if isinstance(value, (list, tuple)):
        if value and all(isinstance(one, (int, float)) for one in value):
            return [("parameters", value)]
        return [(str(index), one) for index, one in enumerate(value)]
    return [("parameters", value)]


@dataclass(frozen=True)
class Layout:
    """Names and shapes of the arrays in a vector, in its order."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]

    @property
    def count(self) -> int:
        """Numbers of the vector."""
        return sum(int(np.prod(shape, dtype=np.int64)) for shape in self.shapes)

    @classmethod
    def of(cls, value: Any) -> Layout:
        """The layout that `flatten` gives to a value."""
        items = _items(value)
        return cls(
            tuple(name for name, _ in items),
            tuple(tuple(int(n) for n in np.shape(_shaped(one))) for _, one in items),
        )

    def tensors(self) -> list[dict[str, Any]]:
        """As the library reads it: names and shapes of model.safetensors."""
        return [{"name": n, "shape": list(s)} for n, s in zip(self.names, self.shapes, strict=True)]

    def split(self, vector: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Views of a vector, by name."""
        if vector.shape != (self.count,):
            raise InvalidError(f"vector: found shape {vector.shape}; allowed: ({self.count},)")
        parts, start = {}, 0
        for name, shape in zip(self.names, self.shapes, strict=True):
            end = start + int(np.prod(shape, dtype=np.int64))
            parts[name] = vector[start:end].reshape(shape)
            start = end
        return parts


def _shaped(value: Any) -> Any:
    return value if hasattr(value, "shape") else np.asarray(value)


def flatten(value: Any) -> NDArray[np.float32]:
    """All parameters as one new vector of 32-bit floats.

    Args:
        value: an array, a list of arrays, a dict of named arrays (a state dict too), or a torch
            module, of which the parameters that are trained count (`requires_grad`), in the order
            of `named_parameters`. Buffers, such as the running means of batch normalisation, do
            not: they would leave the clients without noise.

    Raises:
        InvalidError: for arrays that are not of floating point; it names the array.
    """
    parts: list[NDArray[np.float32]] = []
    for name, one in _items(value):
        array = as_array(one, f"parameters[{name!r}]")
        if array.dtype.kind != "f":
            raise InvalidError(
                f"parameters[{name!r}]: found elements of type {array.dtype}; allowed: floating "
                "point"
            )
        with np.errstate(over="ignore"):
            parts.append(np.asarray(array, dtype=np.float32).reshape(-1))
    if not parts:
        raise InvalidError("parameters: found no arrays; allowed: one or more")
    return np.concatenate(parts)


def unflatten(vector: Any, like: Any) -> Any:
    """A vector in the form of `like`: the inverse of `flatten`.

    Args:
        vector: as many numbers as `flatten(like)` has.
        like: what the form is taken from.

    Returns:
        for an array, a list or a dict a new one of the same shapes, types and names, with arrays of
        NumPy for arrays and tensors of torch for tensors. **A torch module is written into and
        returned**; parameters that are not trained stay.
    """
    flat = np.array(as_array(vector, "vector"), dtype=np.float32, order="C")
    parts = Layout.of(like).split(flat)
    if _is_module(like):
        for name, parameter in like.named_parameters():
            if name in parts:
                target = parameter.detach()
                target.copy_(_like(parts[name], target))
        return like
    if isinstance(like, Mapping):
        return {name: _like(part, like[name]) for name, part in parts.items()}
    if isinstance(like, (list, tuple)) and tuple(parts) != ("parameters",):
        values = [_like(part, one) for part, one in zip(parts.values(), like, strict=True)]
        return tuple(values) if isinstance(like, tuple) else values
    return _like(parts["parameters"], like)


def _like(part: NDArray[np.float32], like: Any) -> Any:
    if hasattr(like, "detach"):
        import torch

        return torch.from_numpy(part.copy()).to(dtype=like.dtype, device=like.device)
    dtype = getattr(like, "dtype", np.float32)
    return part.astype(dtype if getattr(dtype, "kind", "f") == "f" else np.float32)
