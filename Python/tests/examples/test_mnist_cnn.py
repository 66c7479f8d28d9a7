"""The convolutional network on images in MNIST's format."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from .conftest import load, run

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.examples, pytest.mark.torch]


@pytest.fixture(scope="module")
def example() -> ModuleType:
    torch.set_num_threads(1)
    return load("mnist_cnn")


def test_images_and_clients(example: ModuleType, mnist: Path) -> None:
    data = example.load(mnist, seed=1)
    assert data.images.shape == (80, 10, 1, 28, 28)
    assert data.labels.shape == (80, 10)
    assert data.test_images.shape == (200, 1, 28, 28)
    assert 0 <= data.images.min() < data.images.max() <= 1
    other = example.load(mnist, seed=2)
    assert not torch.equal(data.labels, other.labels)


def test_missing_images_are_named(example: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="has no t10k-images"):
        example.load(tmp_path, seed=1)


def test_updates_are_those_of_each_client_alone(example: ModuleType, mnist: Path) -> None:
    data, network, settings = example.load(mnist, 1), example.Network(1), example.Settings()
    together = network.updates(network.start, data.images[:3], data.labels[:3], settings)
    for client in range(3):
        module = network.module
        torch.nn.utils.vector_to_parameters(network.start.clone(), module.parameters())
        optimizer = torch.optim.SGD(module.parameters(), lr=settings.learning_rate)
        for _ in range(settings.steps):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(
                module(data.images[client]), data.labels[client]
            )
            loss.backward()
            optimizer.step()
        alone = torch.nn.utils.parameters_to_vector(module.parameters()) - network.start
        torch.testing.assert_close(together[client], alone, rtol=1e-3, atol=1e-5)


def test_both_ways_are_one_computation_without_noise(example: ModuleType, mnist: Path) -> None:
    """All clients in each round and no noise: what differs is the arithmetic alone."""
    data = example.load(mnist, seed=3)
    settings = example.Settings(rounds=2, sampling_rate=1.0)
    federated = example.through_the_channel(data, settings, None, seed=3)
    plain = example.central(data, settings, 0.0, seed=3)
    moved = (plain.parameters - example.Network(3).start).norm()
    assert (federated.parameters - plain.parameters).norm() < 1e-3 * moved
    assert federated.bits == federated.float32_bits == 32 * len(plain.parameters)


def test_one_seed_gives_one_run_and_privacy_costs_bits_nothing(
    example: ModuleType, mnist: Path
) -> None:
    data, settings = example.load(mnist, 1), example.Settings(rounds=2)
    first = example.through_the_channel(data, settings, 8.0, seed=1)
    again = example.through_the_channel(data, settings, 8.0, seed=1)
    other = example.through_the_channel(data, settings, 8.0, seed=2)
    assert torch.equal(first.parameters, again.parameters)
    assert first.bits == again.bits
    assert not torch.equal(first.parameters, other.parameters)
    assert first.noise_multiplier > 0
    assert first.bits < 0.02 * first.float32_bits
    assert "epsilon" in first.guarantee.lower()


def test_it_learns(example: ModuleType, mnist: Path) -> None:
    data, settings = example.load(mnist, 1), example.Settings(rounds=12, learning_rate=0.1)
    assert example.through_the_channel(data, settings, None, seed=1).accuracy > 0.5


def test_the_table(mnist: Path) -> None:
    printed = run(
        "mnist_cnn", "--rounds", "2", "--seeds", "2", "--epsilon", "8", "none", mnist=mnist
    )
    table = printed.splitlines()
    head = next(line for line in table if "central DP, %" in line)
    row = table[table.index(head) + 1].split()
    assert row[0] == "8"
    assert "+-" in row
    assert any(line.split()[0] == "none" for line in table if line.strip())
    assert "epsilon 8: " in printed
