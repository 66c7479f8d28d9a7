"""A model's parameters as one vector, and back.

FedSim sees a vector of 32-bit floats. `flatten` makes it of an array, of lists and dicts of arrays
as deep as they go (the trees of JAX), or of a torch module or state dict; `unflatten` takes it
apart again. Neither framework is imported here: an object that is of one has imported it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._arrays import as_array
from .errors import InvalidError

__all__ = ["Layout", "flatten", "unflatten"]

#: The name of a vector that has no parts.
WHOLE = "parameters"


def _is_module(value: Any) -> bool:
    return hasattr(value, "named_parameters") and hasattr(value, "state_dict")


def _is_numbers(value: Any) -> bool:
    """Whether a list is a vector, written down."""
    return bool(value) and all(isinstance(one, (int, float)) for one in value)


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Named arrays in the order of the vector; a name has its path, as `layer/weight`."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            if not isinstance(key, str):
                raise InvalidError(f"parameters: found a name {key!r}; allowed: texts")
            yield from _leaves(one, f"{name}/{key}" if name else key)
    elif isinstance(value, (list, tuple)) and not _is_numbers(value):
        for index, one in enumerate(value):
            yield from _leaves(one, f"{name}/{index}" if name else str(index))
    else:
        yield name or WHOLE, value


def _items(value: Any) -> list[tuple[str, Any]]:
    if _is_module(value):
        named = [(str(name), one) for name, one in value.named_parameters() if one.requires_grad]
        if not named:
            raise InvalidError(
                "parameters: found a module in which nothing is trained; allowed: one with "
                "parameters"
            )
        return named
    return list(_leaves(value, ""))


def split_leaves(value: Any) -> list[Any]:
    """The arrays of a tree, as they are, in the order of `Layout.of`."""
    return [one for _, one in _items(value)]


@dataclass(frozen=True)
class Layout:
    """Names and shapes of the arrays in a vector, in its order."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]

    @property
    def count(self) -> int:
        """Numbers of the vector."""
        return sum(_size(shape) for shape in self.shapes)

    @classmethod
    def of(cls, value: Any) -> Layout:
        """The layout that `flatten` gives to a value."""
        items = _items(value)
        return cls(
            tuple(name for name, _ in items),
            tuple(tuple(int(n) for n in _shape(one)) for _, one in items),
        )

    def tensors(self) -> list[dict[str, Any]]:
        """As the library reads it: names and shapes of model.safetensors."""
        return [
            {"name": name, "shape": list(shape)}
            for name, shape in zip(self.names, self.shapes, strict=True)
        ]

    def split(self, vector: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Views of a vector, in order."""
        if vector.shape != (self.count,):
            raise InvalidError(f"vector: found shape {vector.shape}; allowed: ({self.count},)")
        parts, start = [], 0
        for shape in self.shapes:
            end = start + _size(shape)
            parts.append(vector[start:end].reshape(shape))
            start = end
        return parts


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))


def _shape(value: Any) -> Any:
    return value.shape if hasattr(value, "shape") else np.shape(value)


def flatten(value: Any) -> NDArray[np.float32]:
    """All parameters as one new vector of 32-bit floats.

    Args:
        value: an array; lists and dicts of arrays, and of such (a state dict, a tree of JAX); or a
            torch module, of which the parameters that are trained count (`requires_grad`), in the
            order of `named_parameters`. Buffers, such as the running means of batch normalisation,
            do not: they would leave the clients without noise.

    Raises:
        InvalidError: for arrays that are not of floating point; it names the array.
    """
    parts: list[NDArray[np.float32]] = []
    for name, one in _items(value):
        array = as_array(one, f"parameters[{name!r}]")
        if array.dtype.kind != "f":
            raise InvalidError(
                f"parameters[{name!r}]: found elements of type {array.dtype}; allowed: "
                "floating point"
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
        for arrays, lists and dicts new ones of the same shapes, types and names; tensors for
        tensors, JAX's arrays for JAX's. **A torch module is written into and returned**; parameters
        that are not trained stay.
    """
    flat = np.array(as_array(vector, "vector"), dtype=np.float32, order="C")
    parts = Layout.of(like).split(flat)
    if _is_module(like):
        trained = [one for _, one in like.named_parameters() if one.requires_grad]
        for part, parameter in zip(parts, trained, strict=True):
            target = parameter.detach()
            target.copy_(_like(part, target))
        return like
    return _rebuilt(like, iter(parts))


def _rebuilt(like: Any, parts: Iterator[NDArray[np.float32]]) -> Any:
    if isinstance(like, Mapping):
        return {name: _rebuilt(one, parts) for name, one in like.items()}
    if isinstance(like, (list, tuple)) and not _is_numbers(like):
        values = [_rebuilt(one, parts) for one in like]
        if hasattr(like, "_fields"):  # A named tuple.
            return type(like)(*values)
        return tuple(values) if isinstance(like, tuple) else values
    return _like(next(parts), like)


def _like(part: NDArray[np.float32], like: Any) -> Any:
    if hasattr(like, "detach"):
        import torch

        return torch.from_numpy(part.copy()).to(dtype=like.dtype, device=like.device)
    if type(like).__module__.split(".")[0] in ("jax", "jaxlib"):
        import jax.numpy

        return jax.numpy.asarray(part, dtype=like.dtype)
    dtype = getattr(like, "dtype", np.float32)
    return part.astype(dtype if getattr(dtype, "kind", "f") == "f" else np.float32)
