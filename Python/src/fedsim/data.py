"""Examples in memory: from NumPy, pandas, PyArrow, Hugging Face data sets and torch.

`train=(X, y)` or `train=(X, y, clients)`, and `test=(X, y)`:

* X: an array n x d, n x height x width, or n x height x width x channels; a DataFrame, Table or
  Dataset whose columns are numbers; a list of rows.
* y: n labels or targets; or the *name of a column* of X. Integers and truth values are classes from
  0 on; texts are numbered in sorted order and kept as names; floating point makes it a regression.
* clients: whose each example is, n integers or texts, or a column's name; numbered in sorted order.

With a column's name the columns that are left are the features. Everything is checked here, and an
error names the argument, the index and the value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _arrays, _library
from .errors import InvalidError

__all__ = ["Examples", "examples"]


@dataclass(frozen=True)
class Examples:
    """Examples as the library takes them.

    Shapes: features n x width, labels or targets n, owners n or None.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.int32] | None
    targets: NDArray[np.float32] | None
    owners: NDArray[np.int32] | None
    image: tuple[int, int, int] | None
    classes: int

    def handle(self) -> _library.Handle:
        """A copy in the library."""
        image = None if self.image is None else np.asarray(self.image, np.int64)
        return _library.Handle(
            "data set",
            "fs_data_new",
            _arrays.address(self.features),
            len(self.features),
            self.features.shape[1],
            _arrays.address(self.labels),
            _arrays.address(self.targets),
            _arrays.address(self.owners),
            self.classes,
            _arrays.address(image),
        )


@dataclass(frozen=True)
class Given:
    """Training and test examples, with the names that numbers stand for."""

    train: Examples
    test: Examples | None
    #: What the data call each class, or None where they are numbers already.
    class_names: tuple[str, ...] | None
    #: What the data call each client, or None where they name none.
    client_names: tuple[Any, ...] | None


@dataclass
class _Raw:
    """One split, before labels and clients are numbered."""

    name: str
    features: NDArray[np.float32]
    image: tuple[int, int, int] | None
    y: NDArray[Any] | None
    clients: NDArray[Any] | None
    class_names: list[str] | None = None
    #: Names of the features' columns; None of an array.
    columns: tuple[str, ...] | None = None


def examples(train: Any, test: Any = None) -> Given:
    """Checks and converts what was given as `train=` and `test=`.

    Raises:
        InvalidError: with the argument, the index and the value.
    """
    first = _raw(train, "train")
    second = None if test is None else _raw(test, "test", first.columns)
    splits = [first] if second is None else [first, second]
    if second is not None and (
        first.features.shape[1] != second.features.shape[1] or first.image != second.image
    ):
        raise InvalidError(
            f"test[0]: found examples of {second.features.shape[1]:,} numbers; allowed: "
            f"{first.features.shape[1]:,}, as in train[0]"
        )
    labels, class_names, regression = _numbered_labels(splits)
    client_names = _client_names(splits)
    owners = [_owners(split, client_names) for split in splits]
    classes = 0
    if not regression and first.y is not None:
        classes = (
            len(class_names)
            if class_names is not None
            else max(
                (int(one.max()) + 1 for one in labels if one is not None and one.size), default=0
            )
        )
    made = [
        Examples(
            split.features,
            None if regression or one is None else np.ascontiguousarray(one, np.int32),
            np.ascontiguousarray(one, np.float32) if regression and one is not None else None,
            owner,
            split.image,
            classes,
        )
        for split, one, owner in zip(splits, labels, owners, strict=True)
    ]
    return Given(
        made[0],
        made[1] if len(made) > 1 else None,
        None if class_names is None else tuple(class_names),
        client_names,
    )


# ---- One split


def _raw(value: Any, name: str, like: Sequence[str] | None = None) -> _Raw:
    """One split; columns in the order of `like`, those of the other one."""
    if isinstance(value, Mapping) or not isinstance(value, (tuple, list)):
        raise InvalidError(
            f"{name}: found {type(value).__name__}; allowed: (X, y) or (X, y, clients), where y "
            "and clients may be "
            "names of columns of X"
        )
    parts = list(value)
    if len(parts) not in (2, 3):
        raise InvalidError(f"{name}: found {len(parts)} parts; allowed: (X, y) or (X, y, clients)")
    table, y = parts[0], parts[1]
    clients = parts[2] if len(parts) == 3 else None
    columns = _columns(table)
    names: list[str] | None = None
    if isinstance(y, str) or isinstance(clients, str):
        if columns is None:
            raise InvalidError(
                f"{name}[0]: found {type(table).__name__} beside the name of a column; allowed: a "
                "table with "
                "columns (DataFrame, Table, Dataset)"
            )
        taken = [one for one in (y, clients) if isinstance(one, str)]
        for one in taken:
            if one not in columns:
                known = ", ".join(map(repr, list(columns)[:20]))
                raise InvalidError(f"{name}: found no column {one!r}; allowed: {known}")
        if isinstance(y, str):
            names = _class_label(table, y)
            y = columns[y]
        if isinstance(clients, str):
            clients = columns[clients]
        columns = {key: column for key, column in columns.items() if key not in taken}
    if columns is not None:
        if like is not None:
            if set(like) != set(columns):
                strange = sorted(set(like) ^ set(columns))[:5]
                raise InvalidError(
                    f"{name}[0]: found columns that differ from those of train[0] in {strange}; "
                    f"allowed: {list(like)[:20]}"
                )
            columns = {key: columns[key] for key in like}
        features, image = _table_features(columns, f"{name}[0]")
    else:
        features, image = _array_features(table, f"{name}[0]")
    count = len(features)
    return _Raw(
        name,
        features,
        image,
        None if y is None else _values(y, f"{name}[1]", count),
        None if clients is None else _values(clients, f"{name}[2]", count),
        names,
        None if columns is None else tuple(columns),
    )


def _columns(table: Any) -> dict[str, Any] | None:
    """Columns by name, of what has them; None for arrays. Nothing is imported."""
    module = type(table).__module__.split(".")[0]
    if module == "pandas" and hasattr(table, "columns"):
        names = [str(name) for name in table.columns]
        _distinct(names)
        return {name: table.iloc[:, index] for index, name in enumerate(names)}
    if module == "pyarrow" and hasattr(table, "column_names"):
        _distinct(list(table.column_names))
        return {name: table.column(index) for index, name in enumerate(table.column_names)}
    if module == "polars" and hasattr(table, "get_columns"):
        return {column.name: column for column in table.get_columns()}
    if module == "datasets" and hasattr(table, "column_names"):
        whole = table.with_format("arrow")[:]
        return {name: whole.column(index) for index, name in enumerate(whole.column_names)}
    return None


def _distinct(names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidError(f"found two columns {name!r}; allowed: one of each name")
        seen.add(name)


def _class_label(table: Any, column: str) -> list[str] | None:
    """Names of a Hugging Face ClassLabel column."""
    features = getattr(table, "features", None)
    names = getattr(features[column], "names", None) if isinstance(features, Mapping) else None
    return None if names is None else [str(name) for name in names]


def _values(value: Any, name: str, count: int | None = None) -> NDArray[Any]:
    """A column as a vector: numbers, or texts as objects."""
    array = _plain(value, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise InvalidError(
            f"{name}: found shape {array.shape}; allowed: one value for each example"
        )
    if count is not None and len(array) != count:
        raise InvalidError(
            f"{name}: found {len(array):,} values of {count:,} examples; allowed: one for each"
        )
    return array


def _plain(value: Any, name: str) -> NDArray[Any]:
    module = type(value).__module__.split(".")[0]
    if module == "pandas" and hasattr(value, "to_numpy"):
        if str(value.dtype) == "category":
            value = value.astype(object)
        return np.asarray(value.to_numpy())
    if module == "pyarrow" and hasattr(value, "to_numpy"):
        if value.null_count:
            index = next(i for i, one in enumerate(value) if not one.is_valid)
            raise InvalidError(
                f"{name}: found a missing value at {index}; allowed: a value for each example"
            )
        kind = str(value.type)
        if kind.startswith(("list", "large_list", "fixed_size_list", "extension")):
            return np.asarray(value.to_pylist())
        if kind.startswith("dictionary"):
            return np.asarray(value.to_pylist(), dtype=object)
        if hasattr(value, "chunks"):
            return np.asarray(value.to_numpy())
        return np.asarray(value.to_numpy(zero_copy_only=False))
    if module == "polars" and hasattr(value, "to_numpy"):
        return np.asarray(value.to_numpy())
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], str):
        return np.asarray(value, dtype=object)
    return _arrays.as_array(value, name)


def _numbers(array: NDArray[Any], name: str) -> NDArray[np.float32]:
    """Finite 32-bit floats."""
    if array.dtype.kind == "O":
        # Columns of pandas that may lack values, or of texts.
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            index, found = next(
                (i, one) for i, one in enumerate(array.ravel()) if not _is_number(one)
            )
            raise InvalidError(
                f"{name}[{index}]: found {found!r}; allowed: numbers. Texts are made numbers by "
                "the caller, or by a "
                'scenario with "source": "csv"'
            ) from error
    if array.dtype.kind not in "fiub":
        raise InvalidError(f"{name}: found elements of type {array.dtype}; allowed: real numbers")
    with np.errstate(over="ignore"):
        result = np.ascontiguousarray(array, dtype=np.float32)
    if not np.isfinite(result).all():
        place = np.argwhere(~np.isfinite(result))[0]
        found = array[tuple(place)]
        where = ", ".join(str(int(i)) for i in place)
        raise InvalidError(f"{name}[{where}]: found {found}; allowed: finite 32-bit numbers")
    return result


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _table_features(
    columns: Mapping[str, Any], name: str
) -> tuple[NDArray[np.float32], tuple[int, int, int] | None]:
    if not columns:
        raise InvalidError(f"{name}: found no column of features; allowed: one or more")
    blocks, image = [], None
    for column, value in columns.items():
        place = f"{name}[{column!r}]"
        block = _numbers(_plain(value, place), place)
        if block.ndim > 2 and len(columns) == 1:
            return _shaped(block, place)
        blocks.append(block.reshape(len(block), -1))
    return np.ascontiguousarray(np.concatenate(blocks, axis=1)), image


def _array_features(
    value: Any, name: str
) -> tuple[NDArray[np.float32], tuple[int, int, int] | None]:
    is_tensor = hasattr(value, "detach")
    array = _numbers(_plain(value, name), name)
    if array.ndim == 4 and is_tensor and array.shape[1] in (1, 3) and array.shape[3] not in (1, 3):
        raise InvalidError(
            f"{name}: found a tensor of shape {array.shape}, with channels first; allowed: "
            "channels last, "
            "X.permute(0, 2, 3, 1)"
        )
    return _shaped(array, name)


def _shaped(
    array: NDArray[np.float32], name: str
) -> tuple[NDArray[np.float32], tuple[int, int, int] | None]:
    """n x width, and the shape of a picture."""
    if array.ndim not in (1, 2, 3, 4) or array.size == 0:
        raise InvalidError(
            f"{name}: found shape {array.shape}; allowed: n x d, n x height x width, n x height x "
            "width x channels"
        )
    count = array.shape[0]
    image = None
    if array.ndim == 3:
        image = (int(array.shape[1]), int(array.shape[2]), 1)
    elif array.ndim == 4:
        image = (int(array.shape[1]), int(array.shape[2]), int(array.shape[3]))
    return np.ascontiguousarray(array.reshape(count, -1)), image


# ---- Labels and clients of both splits


def _kind(array: NDArray[Any], name: str) -> str:
    if array.dtype.kind in "biu":
        return "integer"
    if array.dtype.kind == "f":
        return "float"
    if array.dtype.kind in "US":
        return "text"
    if array.dtype.kind == "O":
        kinds = {_object_kind(value) for value in array}
        if len(kinds) == 1 and None not in kinds:
            return str(kinds.pop())
        for index, value in enumerate(array):
            if _object_kind(value) is None or _object_kind(value) != _object_kind(array[0]):
                raise InvalidError(
                    f"{name}[{index}]: found {value!r} of type {type(value).__name__}; allowed: "
                    "integers, texts or "
                    "floating point, all of one kind"
                )
    raise InvalidError(
        f"{name}: found elements of type {array.dtype}; allowed: integers, texts, floating point"
    )


def _object_kind(value: Any) -> str | None:
    if isinstance(value, str):
        return "text"
    if isinstance(value, (bool, int, np.bool_, np.integer)):
        return "integer"
    if isinstance(value, (float, np.floating)) and value == value:
        return "float"
    return None


def _numbered_labels(
    splits: Sequence[_Raw],
) -> tuple[list[NDArray[Any] | None], list[str] | None, bool]:
    if any(split.y is None for split in splits):
        if not all(split.y is None for split in splits):
            raise InvalidError("test[1]: found no labels where train has some, or the reverse")
        return [None for _ in splits], None, False
    kinds = [_kind(_present(split.y), f"{split.name}[1]") for split in splits]
    if len(set(kinds)) > 1:
        raise InvalidError(f"test[1]: found {kinds[1]}s; allowed: {kinds[0]}s, as in train[1]")
    kind = kinds[0]
    if kind == "text":
        names = sorted({str(one) for split in splits for one in _present(split.y)})
        index = {name: number for number, name in enumerate(names)}
        return (
            [
                np.asarray([index[str(one)] for one in _present(split.y)], np.int32)
                for split in splits
            ],
            names,
            False,
        )
    if kind == "float":
        return [_numbers(_present(split.y), f"{split.name}[1]") for split in splits], None, True
    labels: list[NDArray[Any] | None] = []
    names_given = splits[0].class_names
    most = 65_535 if names_given is None else len(names_given) - 1
    for split in splits:
        array = _present(split.y).astype(np.int64)
        wrong = np.flatnonzero((array < 0) | (array > most))
        if wrong.size:
            place = int(wrong[0])
            raise InvalidError(
                f"{split.name}[1][{place}]: found {array[place]}; allowed: classes from 0 to "
                f"{most} (texts are "
                "numbered here, floating point makes it a regression)"
            )
        labels.append(array.astype(np.int32))
    return labels, names_given, False


def _present(array: NDArray[Any] | None) -> NDArray[Any]:
    assert array is not None
    return array


def _client_names(splits: Sequence[_Raw]) -> tuple[Any, ...] | None:
    """All clients of both splits, in sorted order: their numbers are their places."""
    named = [split for split in splits if split.clients is not None]
    if not named:
        return None
    if splits[0].clients is None:
        raise InvalidError("train: found no clients where test has some; allowed: (X, y, clients)")
    names: set[Any] = set()
    kinds = set()
    for split in named:
        clients = _present(split.clients)
        kind = _kind(clients, f"{split.name}[2]")
        if kind == "float":
            raise InvalidError(
                f"{split.name}[2][0]: found {clients[0]}; allowed: integers or texts, one for each "
                "example"
            )
        kinds.add(kind)
        names.update(str(one) if kind == "text" else int(one) for one in clients)
    if len(kinds) > 1:
        raise InvalidError(
            "test[2]: found integers beside texts; allowed: one kind, as in train[2]"
        )
    return tuple(sorted(names))


def _owners(split: _Raw, names: tuple[Any, ...] | None) -> NDArray[np.int32] | None:
    if split.clients is None or names is None:
        return None
    index = {name: number for number, name in enumerate(names)}
    text = isinstance(names[0], str) if names else False
    return np.asarray([index[str(one) if text else int(one)] for one in split.clients], np.int32)
