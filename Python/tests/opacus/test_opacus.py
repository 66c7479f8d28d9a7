"""FedSim's accountant in Opacus: by name, calibrated, saved, refused; beside their RDP and PRV."""

# ruff: noqa: E402, PT018

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("opacus.accountants")
pytestmark = pytest.mark.opacus

import opacus
import torch
from opacus.accountants import PRVAccountant, RDPAccountant, create_accountant
from opacus.accountants.utils import get_noise_multiplier
from opacus.utils.batch_memory_manager import BatchMemoryManager

import fedsim
from fedsim.opacus import FedSimAccountant, PrivacyEngine

DELTA = 1e-5
EXAMPLES, BATCH = 640, 64


def parts(
    seed: int = 0,
) -> tuple[torch.nn.Module, torch.optim.Optimizer, torch.utils.data.DataLoader[Any]]:
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    data = torch.utils.data.TensorDataset(
        torch.randn(EXAMPLES, 8), torch.randint(0, 3, (EXAMPLES,))
    )
    model = torch.nn.Linear(8, 3)
    return (
        model,
        torch.optim.SGD(model.parameters(), lr=0.1),
        torch.utils.data.DataLoader(data, batch_size=BATCH),
    )


def train(model: Any, optimizer: Any, loader: Any) -> int:
    """An epoch; how many batches it had."""
    count = 0
    for features, labels in loader:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(features), labels).backward()
        optimizer.step()
        count += 1
    return count


def test_by_name() -> None:
    accountant = create_accountant("fedsim")
    assert isinstance(accountant, FedSimAccountant) and accountant.mechanism() == "fedsim"
    assert len(accountant) == 0 and accountant.get_epsilon(DELTA) == 0
    with pytest.raises(fedsim.InvalidError, match="no step"):
        accountant.spending(DELTA)


@pytest.mark.parametrize("engine_type", [opacus.PrivacyEngine, PrivacyEngine])
def test_engine_counts_steps(engine_type: type[opacus.PrivacyEngine]) -> None:
    engine = engine_type(accountant="fedsim")
    model, optimizer, loader = parts()
    model, optimizer, loader = engine.make_private(
        module=model,
        optimizer=optimizer,
        data_loader=loader,
        noise_multiplier=1.3,
        max_grad_norm=1.0,
    )
    steps = train(model, optimizer, loader)
    assert steps == 10 and len(engine.accountant) == steps
    assert engine.accountant.history == [(1.3, 0.1, steps)]
    spent = fedsim.account(
        noise_multiplier=1.3, sampling_rate=0.1, rounds=steps, delta=DELTA, relation="add-or-remove"
    )
    assert engine.get_epsilon(DELTA) == spent.epsilon
    accountant = engine.accountant
    assert isinstance(accountant, FedSimAccountant)
    assert accountant.get_epsilon_lower_bound(DELTA) == spent.epsilon_lower_bound
    assert accountant.spending(DELTA).relation == "add-or-remove"
    assert accountant.spending(DELTA).sampling == "poisson"


def test_make_private_with_epsilon() -> None:
    """Opacus calibrates by a fresh accountant whose history it sets; then it trains within the
    target."""
    engine = PrivacyEngine()
    model, optimizer, loader = parts()
    model, optimizer, loader = engine.make_private_with_epsilon(
        module=model,
        optimizer=optimizer,
        data_loader=loader,
        target_epsilon=3.0,
        target_delta=DELTA,
        epochs=2,
        max_grad_norm=1.0,
    )
    steps = train(model, optimizer, loader) + train(model, optimizer, loader)
    assert steps == 20 and len(engine.accountant) == 20
    # Opacus's search ends within 0.01 of the target.
    assert 2.985 <= engine.get_epsilon(DELTA) <= 3.0


def test_get_noise_multiplier() -> None:
    arguments: dict[str, Any] = {
        "target_epsilon": 2.0,
        "target_delta": 1e-6,
        "sample_rate": 0.01,
        "steps": 1000,
    }
    fine = get_noise_multiplier(**arguments, accountant="fedsim", epsilon_tolerance=1e-3)
    coarse = get_noise_multiplier(
        **arguments, accountant="fedsim", epsilon_tolerance=1e-3, coarse=True
    )
    assert fine == pytest.approx(1.029, abs=1e-3) and coarse == pytest.approx(fine, rel=5e-3)
    for noise in (fine, coarse):
        spent = fedsim.account(noise_multiplier=noise, sampling_rate=0.01, rounds=1000, delta=1e-6)
        assert spent.epsilon <= 2
    # Renyi bounds need more noise for the same target.
    assert fine < get_noise_multiplier(**arguments, accountant="rdp", epsilon_tolerance=1e-3)


@pytest.mark.parametrize(
    ("z", "q", "steps"), [(1.0, 0.01, 1000), (1.0, 0.1, 100), (5.0, 1.0, 10), (0.7, 0.02, 300)]
)
def test_beside_theirs(z: float, q: float, steps: int) -> None:
    ours, prv, rdp = FedSimAccountant(), PRVAccountant(), RDPAccountant()
    for accountant in (ours, prv, rdp):
        accountant.history = [(z, q, steps)]
    upper, lower = ours.get_epsilon(DELTA), ours.get_epsilon_lower_bound(DELTA)
    assert lower <= upper <= lower * (1 + 1e-4)
    assert upper < rdp.get_epsilon(DELTA)
    # Theirs is the upper end of an interval that is 0.02 wide.
    assert lower <= prv.get_epsilon(DELTA) <= upper + 0.021 + 0.01 * upper


def test_history_of_several_kinds() -> None:
    accountant = FedSimAccountant()
    for z, q, steps in [(1.0, 0.1, 3), (2.0, 0.1, 2), (1.0, 0.1, 4)]:
        for _ in range(steps):
            accountant.step(noise_multiplier=z, sample_rate=q)
    assert (
        accountant.history == [(1.0, 0.1, 3), (2.0, 0.1, 2), (1.0, 0.1, 4)] and len(accountant) == 9
    )
    spent = fedsim.account(
        ledger=[fedsim.Event(1.0, 0.1, "poisson", 7), fedsim.Event(2.0, 0.1, "poisson", 2)],
        delta=DELTA,
        relation="add-or-remove",
    )
    assert accountant.get_epsilon(DELTA) == spent.epsilon


def test_no_noise_is_no_guarantee() -> None:
    accountant = FedSimAccountant()
    accountant.step(noise_multiplier=1, sample_rate=0.1)
    accountant.step(noise_multiplier=0, sample_rate=0.1)
    assert (
        accountant.get_epsilon(DELTA) == math.inf
        and accountant.get_epsilon_lower_bound(DELTA) == math.inf
    )
    with pytest.raises(fedsim.InvalidError, match="inf"):
        accountant.spending(DELTA)
    nobody = FedSimAccountant()
    nobody.step(noise_multiplier=0, sample_rate=0)
    assert nobody.get_epsilon(DELTA) == 0


@pytest.mark.parametrize(
    "values",
    [
        {"noise_multiplier": -1, "sample_rate": 0.1},
        {"noise_multiplier": math.nan, "sample_rate": 0.1},
        {"noise_multiplier": 1, "sample_rate": 1.01},
        {"noise_multiplier": 1, "sample_rate": math.nan},
    ],
)
def test_steps_are_checked(values: dict[str, float]) -> None:
    with pytest.raises(fedsim.InvalidError):
        FedSimAccountant().step(**values)


@pytest.mark.parametrize(
    "entry", [(1.0, 0.1), (1.0, 0.1, -1), (1.0, 0.1, 1.5), (1.0, 2.0, 1), "abc", None]
)
def test_histories_are_checked(entry: Any) -> None:
    accountant = FedSimAccountant()
    accountant.history = [entry]
    with pytest.raises(fedsim.InvalidError):
        accountant.get_epsilon(DELTA)


def test_checkpoint(tmp_path: Path) -> None:
    def private(seed: int) -> tuple[PrivacyEngine, Any, Any, Any]:
        engine = PrivacyEngine()
        model, optimizer, loader = parts(seed)
        made = engine.make_private(
            module=model,
            optimizer=optimizer,
            data_loader=loader,
            noise_multiplier=1.1,
            max_grad_norm=1.0,
        )
        return engine, *made

    engine, model, optimizer, loader = private(0)
    train(model, optimizer, loader)
    engine.save_checkpoint(path=tmp_path / "state.pt", module=model, optimizer=optimizer)
    other, model, optimizer, loader = private(1)
    other.load_checkpoint(path=tmp_path / "state.pt", module=model, optimizer=optimizer)
    assert other.accountant.history == engine.accountant.history
    assert other.get_epsilon(DELTA) == engine.get_epsilon(DELTA) > 0


def test_foreign_states_are_refused() -> None:
    accountant = FedSimAccountant()
    accountant.step(noise_multiplier=1, sample_rate=0.1)
    with pytest.raises(ValueError, match="rdp"):
        accountant.load_state_dict({"history": [], "mechanism": "rdp"})
    with pytest.raises(fedsim.InvalidError, match="history"):
        accountant.load_state_dict({"history": [(1.0, 7.0, 1)], "mechanism": "fedsim"})
    assert accountant.history == [(1.0, 0.1, 1)]


def test_large_batches_in_parts() -> None:
    """Opacus's memory manager splits a Poisson batch: still one step."""
    engine = PrivacyEngine()
    model, optimizer, loader = parts()
    model, optimizer, loader = engine.make_private(
        module=model,
        optimizer=optimizer,
        data_loader=loader,
        noise_multiplier=1.0,
        max_grad_norm=1.0,
    )
    with BatchMemoryManager(
        data_loader=loader, max_physical_batch_size=16, optimizer=optimizer
    ) as split:
        assert train(model, optimizer, split) > 20
    assert engine.accountant.history == [(1.0, 0.1, 10)]


class TestRefused:
    def test_shuffled_batches(self) -> None:
        model, optimizer, loader = parts()
        with pytest.raises(fedsim.PrivacyRefused, match="poisson_sampling"):
            PrivacyEngine().make_private(
                module=model,
                optimizer=optimizer,
                data_loader=loader,
                noise_multiplier=1.0,
                max_grad_norm=1.0,
                poisson_sampling=False,
            )
        with pytest.raises(fedsim.PrivacyRefused, match="poisson_sampling"):
            PrivacyEngine().make_private_with_epsilon(
                module=model,
                optimizer=optimizer,
                data_loader=loader,
                target_epsilon=3.0,
                target_delta=DELTA,
                epochs=1,
                max_grad_norm=1.0,
                poisson_sampling=False,
            )

    def test_batches_that_are_added_up(self) -> None:
        """Two batches in one step, which Opacus counts as one of twice the rate: an example may be
        in both."""
        engine = opacus.PrivacyEngine(accountant="fedsim")
        model, optimizer, loader = parts()
        private, optimizer, loader = engine.make_private(
            module=model,
            optimizer=optimizer,
            data_loader=loader,
            noise_multiplier=1.0,
            max_grad_norm=1.0,
            poisson_sampling=False,
        )
        before = model.weight.detach().clone()
        batches = iter(loader)
        for _ in range(2):
            features, labels = next(batches)
            torch.nn.functional.cross_entropy(private(features), labels).backward()
        with pytest.raises(fedsim.PrivacyRefused, match="2 batches"):
            optimizer.step()
        # Nothing was released.
        assert torch.equal(before, model.weight) and len(engine.accountant) == 0

    def test_adaptive_clipping(self) -> None:
        engine = PrivacyEngine()
        model, optimizer, loader = parts()
        private, optimizer, loader = engine.make_private(
            module=model,
            optimizer=optimizer,
            data_loader=loader,
            noise_multiplier=1.0,
            max_grad_norm=1.0,
            clipping="adaptive",
            target_unclipped_quantile=0.5,
            clipbound_learning_rate=0.2,
            max_clipbound=10.0,
            min_clipbound=0.1,
            unclipped_num_std=3.0,
        )
        before = model.weight.detach().clone()
        with pytest.raises(fedsim.PrivacyRefused, match="adaptive"):
            train(private, optimizer, loader)
        assert torch.equal(before, model.weight) and len(engine.accountant) == 0
