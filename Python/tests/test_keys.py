"""Keys: agreement, run keys, and what must not leave."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from conftest import key

import fedsim


def test_both_ends_agree() -> None:
    client, server = fedsim.KeyPair(), fedsim.KeyPair()
    shared = client.session(server.public_key)
    assert len(shared) == 32
    assert shared == server.session(client.public_key, as_server=True)
    assert shared != client.session(fedsim.KeyPair().public_key)
    assert fedsim.KeyPair(seed=key(1)).public_key == fedsim.KeyPair(seed=key(1)).public_key


def test_random_keys_differ() -> None:
    assert len({fedsim.random_key() for _ in range(100)}) == 100


@pytest.mark.parametrize("peer", [b"", b"x" * 31, "x" * 32, bytes(32), None])
def test_public_keys_that_are_none(peer: object) -> None:
    with pytest.raises(fedsim.InvalidError, match="peer"):
        fedsim.KeyPair().session(peer)  # type: ignore[arg-type]


def test_a_pair_keeps_its_secret() -> None:
    pair = fedsim.KeyPair(seed=key(1))
    assert pair.public_key.hex() in repr(pair)
    assert key(1).hex() not in repr(pair)
    with pytest.raises(TypeError, match="secret"):
        pickle.dumps(pair)


def test_run_keys_follow_from_all_that_is_given() -> None:
    x = np.arange(12, dtype=np.float32)
    base = fedsim.run_key(1, data=[x, "code 1"])
    assert len(base) == 32
    assert base == fedsim.run_key(1, data=[x.copy(), "code 1"])
    others = [
        fedsim.run_key(2, data=[x, "code 1"]),
        fedsim.run_key(1, data=[x, "code 2"]),
        fedsim.run_key(1, data=["code 1", x]),
        fedsim.run_key(1, data=[x.reshape(3, 4), "code 1"]),
        fedsim.run_key(1, data=[x.astype(np.float64), "code 1"]),
        fedsim.run_key(1, data=[x.view(np.int32), "code 1"]),
        fedsim.run_key(1, data=[x, b"code 1"]),
        fedsim.run_key(1, data=[x, "code", " 1"]),
        fedsim.run_key(1, data=[x[:11], "code 1"]),
        fedsim.run_key(1, data=[x]),
    ]
    assert len({base, *others}) == 11
    # Order in memory and byte order are no data.
    y = x.reshape(3, 4)
    assert fedsim.run_key(1, data=[y]) == fedsim.run_key(1, data=[np.asfortranarray(y)])
    assert fedsim.run_key(1, data=[y]) == fedsim.run_key(1, data=[y.astype(">f4")])
    assert fedsim.run_key(1, data=y) == fedsim.run_key(1, data=[y])


def test_a_seed_alone_is_no_run_key() -> None:
    with pytest.raises(fedsim.InvalidError, match="all that decides the updates"):
        fedsim.run_key(1, data=[])
    with pytest.raises(fedsim.InvalidError, match="seed: found -1"):
        fedsim.run_key(-1, data=["x"])
    with pytest.raises(fedsim.InvalidError, match=r"data\[0\]\[0\]: found elements of type object"):
        fedsim.run_key(1, data=[[object()]])


def test_run_keys_differ_wherever_data_do() -> None:
    pytest.importorskip("numpy")
    x = np.arange(6.0)
    masked = [np.ma.array(x, mask=x > 2)]
    with pytest.raises(fedsim.InvalidError, match="masked"):
        fedsim.run_key(1, masked)
    groups: list[list[object]] = [
        [{"x": x}, {"x": x + 1}, {"y": x}, [x], [[x]], x, [{"x": x, "y": x}], [{"y": x, "x": x}]],
        [[2**53, 0.5], [2**53 + 1, 0.5], [2**63, -1], [2**63 + 1, -1], [True, 2], [1, 2], [1.0, 2]],
        [[[2**53, 0.5]], [[2**53 + 1, 0.5]], [["a", "b"]], [["ab"]], [b"ab"], ["ab"], [None]],
        [[x.astype(np.float32)], [x[:3], x[3:]], [x[:2], x[2:]], [x.reshape(2, 3)]],
    ]
    keys = [fedsim.run_key(1, one) for group in groups for one in group]  # type: ignore[arg-type]
    # Those that say the same: an array, and a list of it alone.
    assert fedsim.run_key(1, x) == fedsim.run_key(1, [x])
    assert len(set(keys)) == len(keys) - 1
    assert fedsim.run_key(1, {"x": x}) == fedsim.run_key(1, {"x": x.copy()})
    assert fedsim.run_key(1, [x[::2]]) == fedsim.run_key(1, [x[::2].copy()])


def test_run_keys_of_tables() -> None:
    pandas = pytest.importorskip("pandas")
    frames = [
        pandas.DataFrame({"a": [1.0, 2]}),
        pandas.DataFrame({"a": [1.0, 3]}),
        pandas.DataFrame({"b": [1.0, 2]}),
        pandas.DataFrame({"a": [2**53, 1], "b": [0.5, 1]}),
        pandas.DataFrame({"a": [2**53 + 1, 1], "b": [0.5, 1]}),
        pandas.DataFrame({"a": ["x", "yz"]}),
        pandas.DataFrame({"a": ["xy", "z"]}),
    ]
    assert len({fedsim.run_key(1, frame) for frame in frames}) == len(frames)
    assert len({fedsim.run_key(1, [frame]) for frame in frames}) == len(frames)
    assert fedsim.run_key(1, frames[0]) == fedsim.run_key(1, frames[0].copy())
