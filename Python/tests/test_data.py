"""Examples in memory: what is taken, and errors that name argument, index and value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fedsim
from fedsim.data import examples

X = np.arange(12.0).reshape(6, 2)
Y = np.array([0, 1, 2, 0, 1, 2])


def test_numpy_arrays() -> None:
    given = examples((X, Y))
    assert given.train.features.dtype == np.float32
    assert given.train.features.tolist() == X.tolist()
    assert given.train.labels is not None
    assert given.train.labels.tolist() == Y.tolist()
    assert (given.train.classes, given.train.image, given.train.owners) == (3, None, None)
    assert (given.class_names, given.client_names, given.test) == (None, None, None)


def test_float32_is_not_copied() -> None:
    x = X.astype(np.float32)
    assert np.shares_memory(examples((x, Y)).train.features, x)


def test_texts_are_numbered_in_sorted_order() -> None:
    given = examples((X, list("bcabca"), list("zyzyxx")), (X[:2], ["d", "a"], ["x", "w"]))
    assert given.class_names == ("a", "b", "c", "d")
    assert given.train.labels is not None
    assert given.train.labels.tolist() == [1, 2, 0, 1, 2, 0]
    assert given.test is not None
    assert given.test.labels is not None
    assert given.test.labels.tolist() == [3, 0]
    assert given.client_names == ("w", "x", "y", "z")
    assert given.train.owners is not None
    assert given.train.owners.tolist() == [3, 2, 3, 2, 1, 1]
    assert given.train.classes == 4


def test_clients_that_are_numbers_are_numbered_too() -> None:
    given = examples((X, Y, np.array([70, 5, 5, 70, 9, 9])))
    assert given.client_names == (5, 9, 70)
    assert given.train.owners is not None
    assert given.train.owners.tolist() == [2, 0, 0, 2, 1, 1]


def test_floating_point_is_a_regression() -> None:
    given = examples((X, Y + 0.5), (X, Y + 0.25))
    assert given.train.labels is None
    assert given.train.targets is not None
    assert given.train.targets.tolist() == (Y + 0.5).tolist()
    assert given.train.classes == 0
    assert examples((X, np.array([True, False] * 3))).train.classes == 2


def test_pictures() -> None:
    assert examples((np.zeros((6, 8, 9)), Y)).train.image == (8, 9, 1)
    given = examples((np.zeros((6, 8, 9, 3), np.uint8), Y))
    assert given.train.image == (8, 9, 3)
    assert given.train.features.shape == (6, 8 * 9 * 3)


@pytest.mark.parametrize(
    ("train", "test", "text"),
    [
        (X, None, r"train: found ndarray; allowed: \(X, y\)"),
        ((X,), None, "train: found 1 parts"),
        ((X, Y, Y, Y), None, "train: found 4 parts"),
        ({"X": X}, None, "train: found dict"),
        ((X, Y[:5]), None, r"train\[1\]: found 5 values of 6 examples"),
        ((X, Y, Y[:5]), None, r"train\[2\]: found 5 values of 6 examples"),
        ((X, Y.reshape(2, 3)), None, r"train\[1\]: found shape \(2, 3\)"),
        (
            (X, np.array([0, 1, -2, 0, 0, 0])),
            None,
            r"train\[1\]\[2\]: found -2; allowed: classes from 0",
        ),
        ((X, np.array([0, 1, 70000, 0, 0, 0])), None, r"train\[1\]\[2\]: found 70000"),
        ((X, Y + 0.5, Y + 0.5), None, r"train\[2\]\[0\]: found 0.5; allowed: integers or texts"),
        ((X, ["a", "b", 3, "d", "e", "f"]), None, r"train\[1\]\[2\]: found 3 of type int"),
        ((X, [0, 1, None, 0, 1, 2]), None, r"train\[1\]\[2\]: found None"),
        ((X, np.r_[Y[:5] + 0.5, np.nan]), None, r"train\[1\]\[5\]: found nan"),
        ((np.where(X == 7, np.nan, X), Y), None, r"train\[0\]\[3, 1\]: found nan"),
        (
            (np.where(X == 7, 1e39, X), Y),
            None,
            r"train\[0\]\[3, 1\]: found 1e\+39; allowed: finite 32-bit",
        ),
        ((X + 1j, Y), None, "complex128"),
        (([["a", "b"]] * 6, Y), None, r"train\[0\]"),
        ((np.zeros((6, 0)), Y), None, r"train\[0\]: found shape \(6, 0\)"),
        ((np.zeros((0, 3)), Y[:0]), None, r"train\[0\]: found shape \(0, 3\)"),
        ((np.zeros((6, 1, 1, 1, 1)), Y), None, r"train\[0\]: found shape"),
        ((X, "label"), None, r"train\[0\]: found ndarray beside the name of a column"),
        ((X, Y), (np.zeros((2, 3)), [0, 1]), "test.0.: found examples of 3 numbers; allowed: 2"),
        ((X, Y), (X, Y + 0.5), r"test\[1\]: found floats; allowed: integers"),
        ((X, Y), (X, Y, Y), "train: found no clients where test has some"),
        ((X, Y, Y), (X, Y, list("abcabc")), "integers beside texts"),
        ((X, Y), (X, None), "no labels where train has some"),
    ],
)
def test_what_no_examples_are(train: Any, test: Any, text: str) -> None:
    with pytest.raises(fedsim.InvalidError, match=text):
        examples(train, test)


def test_a_torch_tensor() -> None:
    torch = pytest.importorskip("torch")
    given = examples((torch.arange(12.0).reshape(6, 2).requires_grad_(), torch.tensor(Y)))
    assert given.train.features.tolist() == X.tolist()
    with pytest.raises(fedsim.InvalidError, match=r"permute\(0, 2, 3, 1\)"):
        examples((torch.zeros(6, 3, 8, 8), torch.tensor(Y)))


@pytest.mark.tables
def test_pandas_columns_by_name() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {"a": X[:, 0], "who": list("xyxyzz"), "b": [1, 0, 1, 0, 1, 0], "kind": list("uvuvuv")}
    )
    given = examples((frame, "kind", "who"))
    assert given.train.features.tolist() == [
        [a, b] for a, b in zip(X[:, 0], [1, 0] * 3, strict=True)
    ]
    assert (given.class_names, given.client_names) == (("u", "v"), ("x", "y", "z"))
    given = examples((frame[["a", "b"]], frame["kind"], frame["who"].astype("category")))
    assert given.client_names == ("x", "y", "z")
    with pytest.raises(fedsim.InvalidError, match=r"found no column 'kin'; allowed: 'a', 'who'"):
        examples((frame, "kin"))
    with pytest.raises(fedsim.InvalidError, match=r"train\[0\]\['who'\]"):
        examples((frame, "kind"))
    frame.loc[4, "a"] = None
    with pytest.raises(fedsim.InvalidError, match=r"train\[0\]\['a'\]\[4\]: found nan"):
        examples((frame, "kind", "who"))
    twice = pandas.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(fedsim.InvalidError, match="two columns 'a'"):
        examples((twice, [0]))


@pytest.mark.tables
def test_pandas_nullable_columns() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": pandas.array([1, 2, 3], dtype="Int64"), "y": [0, 1, 0]})
    assert examples((frame, "y")).train.features.tolist() == [[1], [2], [3]]
    frame.loc[1, "a"] = pandas.NA
    with pytest.raises(fedsim.InvalidError, match=r"train\[0\]\['a'\]\[1\]"):
        examples((frame, "y"))


@pytest.mark.tables
def test_arrow_tables() -> None:
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table(
        {
            "pixels": arrow.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
            "more": [7, 8, 9],
            "y": ["b", "a", "b"],
            "who": arrow.array(["m", "n", "m"]).dictionary_encode(),
        }
    )
    given = examples((table, "y", "who"))
    assert given.train.features.tolist() == [[1, 2, 7], [3, 4, 8], [5, 6, 9]]
    assert (given.class_names, given.client_names) == (("a", "b"), ("m", "n"))
    holes = arrow.table({"a": [1.0, None, 3.0], "y": [0, 1, 0]})
    with pytest.raises(fedsim.InvalidError, match=r"\['a'\]: found a missing value at 1"):
        examples((holes, "y"))
    assert examples(
        (arrow.array([1.0, 2.0, 3.0]), arrow.array([0, 1, 0]))
    ).train.features.shape == (
        3,
        1,
    )


@pytest.mark.tables
def test_hugging_face_data_sets() -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {
            "x": datasets.Sequence(datasets.Value("float32"), length=2),
            "y": datasets.ClassLabel(names=["no", "yes"]),
        }
    )
    data = datasets.Dataset.from_dict({"x": [[1, 2], [3, 4]], "y": [0, 1]}, features=features)
    given = examples((data, "y"))
    assert given.train.features.tolist() == [[1, 2], [3, 4]]
    assert given.class_names == ("no", "yes")


def test_columns_of_the_test_go_by_their_names() -> None:
    pandas = pytest.importorskip("pandas")
    train = pandas.DataFrame({"a": [1.0, 2], "b": [3.0, 4], "t": ["x", "y"]})
    turned = examples((train, "t"), (train[["t", "b", "a"]], "t"))
    assert turned.test is not None
    assert turned.test.features.tolist() == turned.train.features.tolist()
    with pytest.raises(fedsim.InvalidError, match="zzz"):
        examples((train, "t"), (train.rename(columns={"a": "zzz"}), "t"))
