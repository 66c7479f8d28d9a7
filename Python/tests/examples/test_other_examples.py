"""The language model, adapters, the trade-off, and a table of one's own."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from .conftest import load, run

pytestmark = pytest.mark.examples


@pytest.fixture
def torch_alone() -> None:
    pytest.importorskip("torch").set_num_threads(1)


@pytest.mark.usefixtures("torch_alone")
def test_text_of_clients_and_test_differ() -> None:
    example = load("language_model")
    clients, test = example.parts(60_000)
    assert clients.shape[1:] == test.shape[1:] == (8, example.WINDOW + 1)
    assert len(test) == (len(clients) + len(test)) // 10
    # A window begins with the character that the window before it predicts last.
    assert (clients[:, 1:, 0] == clients[:, :-1, -1]).all()
    assert not (clients[:, None] == test[None]).flatten(2).all(2).any()


@pytest.mark.usefixtures("torch_alone")
def test_the_transformer_does_not_see_what_comes() -> None:
    import torch

    example = load("language_model")
    model = example.Transformer(width=16, heads=2).eval()
    codes = torch.randint(0, 96, (1, example.WINDOW))
    other = codes.clone()
    other[0, 40:] = (other[0, 40:] + 1) % 96
    with torch.no_grad():
        first, second = model(codes), model(other)
    torch.testing.assert_close(first[0, :40], second[0, :40])
    assert not torch.allclose(first[0, 40:], second[0, 40:])


@pytest.mark.usefixtures("torch_alone")
def test_language_model(mnist: Path) -> None:
    small = ("--rounds", "2", "--cohort", "12", "--characters", "60000")
    printed = run("language_model", *small, mnist=mnist)
    assert re.search(r"^1,0\d\d,\d{3} parameters; 10\d clients with 512 characters", printed)
    before = float(re.findall(r"before: ([\d.]+) nats", printed)[0])
    losses = [float(text) for text in re.findall(r"loss ([\d.]+)", printed)]
    assert len(losses) == 2
    assert all(0 < loss < 2 * before for loss in losses)
    assert re.search(r"bits a client predicted", printed)
    assert "privacy  " in printed


@pytest.mark.usefixtures("torch_alone")
def test_an_adapter_adds_nothing_at_the_start() -> None:
    import torch

    example = load("adapters_of_a_frozen_model")
    data = example.load(seed=1)
    layers = example.pretrained(data, seed=1)
    start, logits = example.adapter(layers, rank=4)
    all_of_it, whole = example.whole(layers)
    assert len(start) == 4 * (64 + 128 + 128 + 128 + 128 + 10)
    assert len(all_of_it) == 64 * 128 + 128 + 128 * 128 + 128 + 128 * 10 + 10
    torch.testing.assert_close(logits(start, data.test), whole(all_of_it, data.test))
    moved = start + 0.1
    assert not torch.allclose(logits(moved, data.test), whole(all_of_it, data.test))
    torch.testing.assert_close(example.turned(data.public, 0), data.public, rtol=0, atol=1e-5)
    a_quarter = example.turned(data.public, 90).view(-1, 8, 8)
    expected = data.public.view(-1, 8, 8).rot90(1, (1, 2))
    torch.testing.assert_close(a_quarter, expected, rtol=0, atol=1e-5)


@pytest.mark.usefixtures("torch_alone")
def test_adapters(mnist: Path) -> None:
    printed = run("adapters_of_a_frozen_model", "--rounds", "30", "--epsilon", "8", mnist=mnist)
    rows = re.findall(
        r"^ *(adapter of rank 4|the whole model) +([\d,]+) +8"
        r" +([\d.]+) +([\d.]+) +([\d,]+) +([\d,]+)",
        printed,
        re.MULTILINE,
    )
    assert [row[0] for row in rows[:2]] == ["adapter of rank 4", "the whole model"]
    for _, numbers, before, after, bits, floats in rows[:2]:
        assert float(after) > float(before)
        assert int(bits.replace(",", "")) < 0.2 * int(floats.replace(",", ""))
        assert int(floats.replace(",", "")) == 32 * int(numbers.replace(",", ""))


def test_trade_off(tmp_path: Path, mnist: Path) -> None:
    pytest.importorskip("matplotlib")
    figure = tmp_path / "trade-off.svg"
    arguments = ("--rounds", "6", "--epsilon", "1", "16", "--out", str(figure))
    printed = run("trade_off", *arguments, mnist=mnist)
    rows = [line.split() for line in printed.splitlines() if re.match(r" +[\d.]+ ", line)]
    assert [round(float(row[0])) for row in rows] == [1, 16]
    bits = [int(row[2].replace(",", "")) for row in rows]
    assert bits[0] < bits[1] < 20_800
    assert "<svg" in figure.read_text("utf-8")


def test_the_trade_off_has_twelve_lines() -> None:
    import inspect

    pytest.importorskip("matplotlib")
    lines = inspect.getsource(load("trade_off").trade_off).splitlines()[1:]
    assert len([line for line in lines if line.strip()]) == 12


def test_a_table_of_ones_own(mnist: Path, tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    pytest.importorskip("sklearn")
    example = load("bring_your_data")
    train, test = example.table(seed=1)
    assert train["writer"].nunique() == 480
    assert "writer" not in test
    assert len(train) + len(test) == 1797
    assert np.bincount(train["writer"].value_counts()).max() < 480  # Some wrote more than others.
    folder = tmp_path / "run"
    printed = run("bring_your_data", "--rounds", "10", "--out", str(folder), mnist=mnist)
    assert re.search(r"round +10: accuracy [\d.]+%, epsilon [\d.]+", printed)
    assert (folder / "summary.json").is_file()
