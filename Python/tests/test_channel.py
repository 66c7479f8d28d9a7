"""The channel: what is refused, what is equal, and the law of the noise as a smoke test.

The proof of the law stays with `fedsim channel verify`. Here: n = 65,536 coordinates of fresh
messages; for exact noise each of 4 codecs x 3 statistics exceeds 5.5 standard errors with
probability 4e-8, all together 5e-7 < 1e-6.
"""

from __future__ import annotations

import copy
import hashlib
import pickle

import numpy as np
import pytest
from conftest import channel, key

import fedsim

EXACT = ["polar", "layered", "float32", "gprs"]


def test_a_message_is_the_vector_and_noise() -> None:
    one = channel(dimension=1000, noise_scale=0.01)
    payload = one.encode(np.full(1000, 0.02), key=key(2), round=0)
    noisy = one.decode(payload, key=key(2), round=0)
    assert noisy.dtype == np.float64
    assert noisy.shape == (1000,)
    # 0.01 / sqrt(1000) times 6 bounds the mean's error with probability above 1 - 1e-8.
    assert abs(noisy.mean() - 0.02) < 6 * 0.01 / 1000**0.5


@pytest.mark.parametrize("codec", EXACT)
def test_noise_has_its_moments(codec: str) -> None:
    d, messages, sigma = 4096, 16, 0.03
    one = channel(codec, d, noise_scale=sigma, threads=2)
    x = np.random.default_rng(5).normal(size=(messages, d))
    x /= np.linalg.norm(x, axis=1, keepdims=True) * 1.01  # Inside the clipping norm.
    keys = [key(n) for n in range(100, 100 + messages)]
    payloads = one.encode_many(x, keys=keys, round=3, secrets=[key(n) for n in range(messages)])
    z = np.stack([one.decode(p, key=k, round=3) for p, k in zip(payloads, keys, strict=True)])
    z = ((z - x.astype(np.float32)) / sigma).ravel()
    n = z.size
    assert abs(z.mean()) < 5.5 / n**0.5
    assert abs((z**2).mean() - 1) < 5.5 * (2 / n) ** 0.5
    # Noise is independent of the vector: their inner product has deviation sqrt(sum x^2).
    assert abs(z @ x.ravel()) < 5.5 * np.linalg.norm(x)


def test_a_long_vector_is_clipped() -> None:
    one = channel(dimension=16, noise_scale=1e-6)
    noisy = one.decode(one.encode(np.full(16, 100.0), key=key(2), round=0), key=key(2), round=0)
    assert abs(np.linalg.norm(noisy) - 1) < 1e-4


def test_keys_and_secret_decide_the_payload() -> None:
    x = np.linspace(-0.1, 0.1, 64)
    first = channel().encode(x, key=key(2), round=7, secret=key(3))
    assert first == channel().encode(x.astype(np.float32), key=key(2), round=7, secret=key(3))
    assert first != channel().encode(x, key=key(4), round=7, secret=key(3))
    assert first != channel().encode(x, key=key(2), round=8, secret=key(3))
    assert first != channel(rotation_key=key(9)).encode(x, key=key(2), round=7, secret=key(3))


#: Payloads of x = linspace(-0.2, 0.2, 64) as float32, C = 1, sigma = 0.05, rotation key(1), pair
#: key(2), secret key(3), round 7; of float32 the SHA-256.
GOLDEN: dict[str, str] = {
    "polar": "8deeb9b6544331c4e82d7eb08085",
    "layered": "22fe6d0370fbe3ccafb889a629899c6844",
    "float32": "e6dd04f33c7ec369bbd42a6faad08bc6d06076d18eb144eb8dec49534f5e1d24",
    "gprs": "5530abf297244fd51b3c138dc28ac2e66ebc",
    "pfr": "5702393e72ea8f29c892f64289007dba",
    "layered-shifted": "76e3ecee450b8b18aff21eadb75774ea4b6592319a2ab7a3034cdd255863e0068a540000",
    "ring-toss": "5f0d086309b1aa9c586429899c17d12a7f30d49519ed",
    "fast-gprs": "54f85e41255823e7d4c398a8859f672a3ea159678fe9dd0731",
}


@pytest.mark.parametrize("codec", sorted(GOLDEN))
def test_payloads_are_golden(codec: str) -> None:
    x = np.linspace(-0.2, 0.2, 64).astype(np.float32)
    one = channel(codec, noise_scale=0.05)
    payload = one.encode(x, key=key(2), round=7, secret=key(3))
    found = hashlib.sha256(payload).hexdigest() if codec == "float32" else payload.hex()
    assert found == GOLDEN[codec]


def test_threads_change_no_byte() -> None:
    x = np.random.default_rng(1).normal(size=(9, 300)) / 30
    keys, secrets = [key(n) for n in range(9)], [key(50 + n) for n in range(9)]
    made = []
    for threads in (1, 2, 8):
        one = channel(dimension=300, threads=threads)
        payloads = one.encode_many(x, keys=keys, round=1, secrets=secrets)
        made.append((payloads, one.sum(payloads, keys=keys, round=1).tobytes()))
    assert made[0] == made[1] == made[2]
    one = channel(dimension=300)
    alone = [one.encode(x[i], key=keys[i], round=1, secret=secrets[i]) for i in range(9)]
    assert alone == made[0][0]


def test_sums_are_exact_in_any_order() -> None:
    one = channel(dimension=100, threads=2)
    x = np.random.default_rng(2).normal(size=(6, 100)) / 20
    keys = [key(n) for n in range(6)]
    payloads = one.encode_many(x, keys=keys, round=0)
    forward = one.sum(payloads, keys=keys, round=0, terms=10)
    backward = one.sum(payloads[::-1], keys=keys[::-1], round=0, terms=10)
    assert forward.tobytes() == backward.tobytes()
    parts = sum(one.decode(p, key=k, round=0) for p, k in zip(payloads, keys, strict=True))
    assert np.abs(forward - parts).max() < 1e-10
    assert not one.sum([], keys=[], round=0, terms=10).any()


def test_completion_adds_the_noise_that_is_missing() -> None:
    d, sigma, target = 65_536, 0.5, 2.0
    one = channel(dimension=d, noise_scale=sigma)
    total = np.zeros(d)
    completed = one.complete(total, arrived=3, noise=target, round=0, key=key(8))
    assert not total.any()
    variance = target**2 - 3 * sigma**2
    # 5.5 standard errors: a false alarm with probability 4e-8.
    assert abs((completed**2).mean() / variance - 1) < 5.5 * (2 / d) ** 0.5
    # 16 messages of sigma 0.5 have the noise already.
    assert not one.complete(total, arrived=16, noise=target, round=1).any()
    with pytest.raises(fedsim.PrivacyRefused, match="more than the target"):
        one.complete(total, arrived=17, noise=target, round=1)


def test_out_is_filled_and_checked() -> None:
    one = channel()
    payload = one.encode(np.zeros(64), key=key(2), round=0)
    out = np.full(64, np.nan)
    assert one.decode(payload, key=key(2), round=0, out=out) is out
    assert np.isfinite(out).all()
    locked = np.zeros(64)
    locked.flags.writeable = False
    wrong = [
        (np.zeros(64, np.float32), "float32"),
        (np.zeros(63), r"\(63,\)"),
        (np.zeros((64, 1)), r"\(64, 1\)"),
        (np.zeros(128)[::2], "strided"),
        (locked, "read-only"),
        (np.zeros(64, ">f8"), "allowed: float64"),
        ([0.0] * 64, "list"),
    ]
    for value, text in wrong:
        with pytest.raises(fedsim.InvalidError, match=text):
            one.decode(payload, key=key(2), round=0, out=value)  # type: ignore[arg-type]


def test_arrays_in_any_form_that_fits() -> None:
    x = np.linspace(-0.2, 0.2, 64).astype(np.float32)

    def code(value: object) -> bytes:
        # With so little noise another vector has another code.
        one = channel(noise_scale=0.001)
        return one.encode(value, key=key(2), round=0, secret=key(3))  # type: ignore[arg-type]

    expected = code(x)
    assert code(x + np.float32(0.01)) != expected
    strided = np.repeat(x, 2)[::2]
    for value in (list(map(float, x)), x.astype(np.float64), strided, x.astype(">f4")):
        assert code(value) == expected
    rows = np.stack([x, -x])
    keys = [key(2), key(4)]
    codes = [
        channel(noise_scale=0.001).encode_many(form, keys=keys, round=0, secrets=keys)
        for form in (rows, np.asfortranarray(rows), list(rows), rows.astype(np.float64))
    ]
    assert codes[1:] == codes[:-1]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"update": np.zeros(63)}, "update: found shape"),
        ({"update": np.zeros((64, 1))}, "update: found shape"),
        ({"update": np.zeros(64, complex)}, "complex128"),
        ({"update": np.array(["a"] * 64)}, "allowed: real numbers"),
        ({"update": np.array([None] * 64)}, "object"),
        ({"update": "text"}, "allowed: real numbers"),
        ({"update": np.r_[np.zeros(63), np.nan]}, "coordinate 63"),
        ({"update": np.r_[np.inf, np.zeros(63)]}, "coordinate 0"),
        ({"update": np.r_[1e300, np.zeros(63)]}, "coordinate 0"),
        ({"key": b"x" * 31}, "key: found 31 bytes"),
        ({"key": b"x" * 33}, "key: found 33 bytes"),
        ({"key": "x" * 32}, "key: found str"),
        ({"key": None}, "key: found NoneType"),
        ({"secret": b""}, "secret: found 0 bytes"),
        ({"round": -1}, "round: found -1"),
        ({"round": 1.0}, "round: found 1.0"),
        ({"round": True}, "round: found True"),
        ({"round": 2**63}, "round: found 9223372036854775808"),
        ({"round": 2**63 - 1}, "round"),
    ],
)
def test_what_no_message_can_be_of(arguments: dict[str, object], text: str) -> None:
    values = {"update": np.zeros(64), "key": key(2), "round": 0, **arguments}
    one = channel()
    with pytest.raises(fedsim.InvalidError, match=text):
        one.encode(values.pop("update"), **values)  # type: ignore[arg-type]
    # Nothing was sent: the key is as fresh as before.
    assert one.encode(np.zeros(64), key=key(2), round=0)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"codec": "polaar"}, "polar"),
        ({"codec": 7}, "codec: found 7"),
        ({"dimension": 0}, "dimension: found 0"),
        ({"dimension": 2.5}, "dimension: found 2.5"),
        ({"dimension": 1 << 40}, "dimension"),
        ({"clipping_norm": -1.0}, "clippingNorm"),
        ({"clipping_norm": float("nan")}, "no JSON"),
        ({"noise_scale": -1.0}, "noiseScale"),
        ({"noise_scale": float("inf")}, "no JSON"),
        ({"rotation_key": b""}, "rotation_key: found 0 bytes"),
        ({"threads": 0}, "threads: found 0"),
        ({"threads": -1}, "threads: found -1"),
        ({"options": {"no-such": 1}}, "no such key"),
    ],
)
def test_settings_that_no_channel_has(settings: dict[str, object], text: str) -> None:
    with pytest.raises(fedsim.InvalidError, match=text):
        channel(**settings)  # type: ignore[arg-type]


def test_a_key_and_a_round_are_for_one_message() -> None:
    one = channel()
    one.encode(np.zeros(64), key=key(2), round=5)
    for again in (5, 4, 0):
        with pytest.raises(fedsim.StateError, match="used in round 5"):
            one.encode(np.ones(64), key=key(2), round=again)
        with pytest.raises(fedsim.StateError, match=r"keys\[1\]"):
            one.encode_many(np.ones((2, 64)), keys=[key(3), key(2)], round=again)
    # key(3) was not used by what was refused.
    one.encode(np.zeros(64), key=key(3), round=0)
    one.encode(np.zeros(64), key=key(2), round=6)
    with pytest.raises(fedsim.InvalidError, match=r"keys\[2\]: found a key that an earlier"):
        one.encode_many(np.ones((3, 64)), keys=[key(4), key(5), key(4)], round=9)
    one.complete(np.zeros(64), arrived=0, noise=1, round=0, key=key(2))
    with pytest.raises(fedsim.StateError):
        one.complete(np.zeros(64), arrived=0, noise=1, round=0, key=key(2))


def test_keys_are_one_for_each_message() -> None:
    one = channel()
    for keys, text in [
        ([key(1)], "found 1 keys of 2"),
        (key(1) * 2, "found bytes"),
        ([key(1), b""], r"keys\[1\]: found 0 bytes"),
    ]:
        with pytest.raises(fedsim.InvalidError, match=text):
            one.encode_many(np.zeros((2, 64)), keys=keys, round=0)  # type: ignore[arg-type]
    assert one.encode_many([], keys=[], round=0) == []
    with pytest.raises(fedsim.InvalidError, match=r"updates: found shape \(2, 63\)"):
        one.encode_many(np.zeros((2, 63)), keys=[key(1), key(2)], round=0)
    with pytest.raises(fedsim.InvalidError, match="coordinate"):
        one.encode_many(np.full((2, 64), np.nan), keys=[key(1), key(2)], round=0)


def test_payloads_of_strangers() -> None:
    """Random bytes raise or decode to something finite; nothing worse happens."""
    random = np.random.default_rng(3)
    for codec in [one["name"] for one in fedsim.about()["codecs"]]:
        try:
            one = channel(codec)
        except fedsim.InvalidError:
            one = channel(codec, noise_scale=0.0)
        raised = 0
        for trial in range(300):
            data = random.bytes(int(random.integers(0, 60)))
            try:
                assert np.isfinite(one.decode(data, key=key(trial), round=0)).all()
            except fedsim.PayloadError:
                raised += 1
        assert raised > 0, codec
    one = channel()
    payload = one.encode(np.zeros(64), key=key(2), round=0)
    with pytest.raises(fedsim.InvalidError, match="payload: found str"):
        one.decode("text", key=key(2), round=0)  # type: ignore[arg-type]
    with pytest.raises(fedsim.PayloadError, match="payload 1"):
        one.sum([payload, payload + b"x" * 500], keys=[key(2), key(2)], round=0)


def test_a_channel_pickles_its_arguments_and_no_more() -> None:
    one = channel(threads=2, options={"effort": 1})
    x = np.zeros(64)
    one.encode(x, key=key(2), round=0)
    copy = pickle.loads(pickle.dumps(one))
    assert repr(copy) == repr(one)
    assert copy.threads == 2
    # Which keys were used does not travel: that is said in the help.
    assert copy.encode(x, key=key(2), round=0)
    assert "Copies in other processes" in str(fedsim.Channel.__doc__)
    assert key(2).hex() not in pickle.dumps(one).hex()
    assert key(2).hex() not in repr(one)


def test_what_a_channel_says_of_itself() -> None:
    one = channel(dimension=1000, noise_scale=0.1)
    assert (one.codec, one.dimension, one.clipping_norm, one.noise_scale) == (
        "polar",
        1000,
        1.0,
        0.1,
    )
    assert one.exact
    assert not one.one_length
    assert one.information_bits is not None
    assert one.lower_bound_bits is not None
    assert one.predicted_bits is not None
    assert 0 < one.information_bits <= one.lower_bound_bits + 1e-9 < one.predicted_bits
    sizes = [8 * len(one.encode(np.eye(1000)[n] * 5, key=key(n), round=0)) for n in range(40)]
    assert abs(np.mean(sizes) / one.predicted_bits - 1) < 0.25


def test_copies_know_which_keys_were_used() -> None:
    one = channel(dimension=4)
    pair = fedsim.random_key()
    one.encode(np.zeros(4), key=pair, round=0)
    for copied in (copy.copy(one), copy.deepcopy(one)):
        with pytest.raises(fedsim.StateError):
            copied.encode(np.ones(4), key=pair, round=0)
