"""Models as vectors and back."""

from __future__ import annotations

import numpy as np
import pytest

import fedsim
from fedsim.parameters import Layout


def test_a_list_and_a_dict_and_back() -> None:
    arrays = [np.arange(6.0).reshape(2, 3), np.array([7.0], np.float32), np.float64(8)]
    vector = fedsim.flatten(arrays)
    assert vector.dtype == np.float32
    assert vector.tolist() == [0, 1, 2, 3, 4, 5, 7, 8]
    back = fedsim.unflatten(vector, arrays)
    assert [one.shape for one in back] == [(2, 3), (1,), ()]
    assert [one.dtype for one in back] == [np.float64, np.float32, np.float64]
    named = {"w": arrays[0], "b": arrays[1]}
    again = fedsim.unflatten(fedsim.flatten(named) + 1, named)
    assert list(again) == ["w", "b"]
    assert again["w"].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert isinstance(fedsim.unflatten(vector, tuple(arrays)), tuple)


def test_trees_of_any_depth() -> None:
    tree = {"a": {"w": np.ones((2, 2)), "b": [np.zeros(1), (np.full(3, 2.0),)]}, "c": np.float64(5)}
    layout = Layout.of(tree)
    assert layout.names == ("a/w", "a/b/0", "a/b/1/0", "c")
    vector = fedsim.flatten(tree)
    assert vector.tolist() == [1, 1, 1, 1, 0, 2, 2, 2, 5]
    back = fedsim.unflatten(vector * 2, tree)
    assert back["a"]["w"].tolist() == [[2, 2], [2, 2]]
    assert back["a"]["b"][1][0].tolist() == [4, 4, 4]
    assert isinstance(back["a"]["b"][1], tuple)
    assert back["c"] == 10


def test_arrays_of_jax() -> None:
    jax = pytest.importorskip("jax")
    tree = {"w": jax.numpy.ones((2, 3)), "b": jax.numpy.zeros(2)}
    back = fedsim.unflatten(fedsim.flatten(tree) + 1, tree)
    assert isinstance(back["w"], jax.Array)
    assert back["w"].tolist() == [[2, 2, 2], [2, 2, 2]]


def test_a_vector_stays_one_and_is_copied() -> None:
    x = np.zeros(4, np.float32)
    vector = fedsim.flatten(x)
    vector[0] = 1
    assert x[0] == 0
    assert fedsim.flatten([1.0, 2.0]).tolist() == [1, 2]
    back = fedsim.unflatten(vector, x)
    back[1] = 5
    assert vector[1] == 0


def test_layouts_have_names_and_shapes() -> None:
    layout = Layout.of({"w": np.zeros((2, 3)), "b": np.zeros(2)})
    assert layout.tensors() == [{"name": "w", "shape": [2, 3]}, {"name": "b", "shape": [2]}]
    assert layout.count == 8


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"steps": np.array([1])}, r"parameters\['steps'\]: found elements of type int64"),
        ({1: np.zeros(2)}, "found a name 1"),
        ([np.array(["a"])], r"parameters\['0'\]"),
        ([], "found no arrays"),
        ({}, "found no arrays"),
    ],
)
def test_what_no_model_is(value: object, text: str) -> None:
    with pytest.raises(fedsim.InvalidError, match=text):
        fedsim.flatten(value)


def test_a_vector_of_another_size() -> None:
    with pytest.raises(fedsim.InvalidError, match=r"found shape \(3,\); allowed: \(4,\)"):
        fedsim.unflatten(np.zeros(3), np.zeros(4))


def test_torch_modules_and_states() -> None:
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(
        torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 1)
    )
    for parameter in model[0].parameters():
        parameter.requires_grad_(False)
    vector = fedsim.flatten(model)
    # Trained parameters alone: neither the frozen layer nor the running means.
    assert vector.shape == (2 + 2 + 2 + 1,)
    frozen = model[0].weight.detach().clone()
    assert fedsim.unflatten(vector + 1, model) is model
    assert np.array_equal(fedsim.flatten(model), vector + 1)
    assert torch.equal(model[0].weight, frozen)
    state = {name: value for name, value in model.state_dict().items() if "num" not in name}
    back = fedsim.unflatten(fedsim.flatten(state), state)
    assert all(torch.equal(back[name], state[name]) for name in state)
    assert back["2.weight"].dtype == torch.float32
    with pytest.raises(fedsim.InvalidError, match="num_batches_tracked"):
        fedsim.flatten(model.state_dict())
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    with pytest.raises(fedsim.InvalidError, match="nothing is trained"):
        fedsim.flatten(model)
    half = torch.ones(3, dtype=torch.bfloat16)
    assert fedsim.unflatten(fedsim.flatten(half), half).dtype == torch.bfloat16
