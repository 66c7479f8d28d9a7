"""Cohorts are what the account assumes: independent coins, or uniform subsets, and a uniform
cut."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from flower_cases import SIGMAS, SMALL, varied

from fedsim.flower._cohort import CohortSampler

ROUNDS = 4000
KEY = bytes(range(32))


def draws(**changes: object) -> tuple[np.ndarray, np.ndarray]:
    """Who was drawn in each of 4000 rounds, as rows of 0 and 1, and how many before the cut."""
    commitment = varied(SMALL, **changes)
    sampler = CohortSampler(commitment, KEY)
    rows, counts = np.zeros((ROUNDS, commitment.clients)), np.zeros(ROUNDS)
    for round in range(ROUNDS):
        cohort, counts[round] = sampler.draw(round + 1)
        assert cohort == sorted(set(cohort))
        rows[round, cohort] = 1
    return rows, counts


def test_poisson_cohorts_are_independent_coins() -> None:
    rows, counts = draws(largest_cohort=40)
    q, n = 0.25, rows.size
    # Each statistic is normal with variance 1 to a good approximation; 1 + 40 + 780 of them, false
    # alarms 1e-6 each.
    assert abs(rows.mean() - q) < SIGMAS * (q * (1 - q) / n) ** 0.5
    assert np.abs(rows.mean(axis=0) - q).max() < SIGMAS * (q * (1 - q) / ROUNDS) ** 0.5
    centred = (rows - q) / (q * (1 - q)) ** 0.5
    pairs = (centred.T @ centred / ROUNDS)[np.triu_indices(40, 1)]
    assert np.abs(pairs).max() < 6 * ROUNDS**-0.5
    assert counts.min() < 3
    assert counts.max() > 17


def test_the_cut_is_uniform_and_favours_nobody() -> None:
    rows, counts = draws(largest_cohort=8)
    sizes = rows.sum(axis=1)
    assert (sizes == np.minimum(counts, 8)).all()
    assert (counts > 8).mean() > 0.5
    rate = sizes.mean() / 40
    each = rows.mean(axis=0)
    # A cut by number would leave the last clients with half of the first ones' rate.
    assert np.abs(each - rate).max() < SIGMAS * (rate * (1 - rate) / ROUNDS) ** 0.5


def test_fixed_size_cohorts_are_uniform_subsets() -> None:
    rows, counts = draws(sampling="fixed-size", cohort=10.0)
    assert (counts == 10).all()
    assert (rows.sum(axis=1) == 10).all()
    each = rows.mean(axis=0)
    assert np.abs(each - 0.25).max() < SIGMAS * (0.25 * 0.75 / ROUNDS) ** 0.5
    assert len({tuple(row) for row in rows}) > 0.999 * ROUNDS


def test_everyone_is_everyone() -> None:
    sampler = CohortSampler(varied(SMALL, sampling="everyone", cohort=40.0, largest_cohort=40))
    assert sampler.draw(1) == (list(range(40)), 40)


def test_cohorts_follow_from_a_secret_that_stays() -> None:
    one, same, other = CohortSampler(SMALL, KEY), CohortSampler(SMALL, KEY), CohortSampler(SMALL)
    assert [one.draw(r) for r in range(20)] == [same.draw(r) for r in range(20)]
    assert [one.draw(r) for r in range(20)] != [other.draw(r) for r in range(20)]
    assert len({tuple(one.draw(r)[0]) for r in range(20)}) > 15
    with pytest.raises(TypeError):
        pickle.dumps(one)
