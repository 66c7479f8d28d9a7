"""pfl's simulated backend, with what a guarantee asks of it checked before the first round."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pfl.aggregate.base import (
    SumAggregator,
    get_num_datapoints_weight_name,
    get_num_devices_weight_name,
)
from pfl.aggregate.simulate import SimulatedBackend
from pfl.algorithm.base import FederatedAlgorithm
from pfl.algorithm.scaffold import SCAFFOLD
from pfl.common_types import Population
from pfl.context import CentralContext
from pfl.data.dataset import AbstractDataset
from pfl.data.federated_dataset import FederatedDataset, FederatedDatasetBase
from pfl.metrics import Metrics, Weighted
from pfl.model.base import Model
from pfl.postprocessor.base import Postprocessor
from pfl.stats import TrainingStatistics

from ..errors import InvalidError, PrivacyRefused
from .channel import ChannelPostprocessor
from .samplers import PoissonSampler

__all__ = ["ChannelBackend", "PoissonDataset"]


class PoissonDataset(FederatedDataset):
    """A pfl dataset whose cohorts are Poisson: what `PoissonSampler` draws, however many there are.

    pfl's `train_cohort_size` must be the sampler's expected cohort: averages divide by it.

    Args:
        make_dataset: from a user's identifier to a pfl `Dataset`.
        sampler: draws the cohorts.
    """

    def __init__(self, make_dataset: Any, sampler: PoissonSampler[Any]) -> None:
        if not isinstance(sampler, PoissonSampler):
            raise InvalidError(
                f"sampler: found {type(sampler).__name__}; allowed: a PoissonSampler"
            )
        super().__init__(make_dataset, sampler)
        self._is_drawn = False

    def draw(self) -> int:
        """Draws the cohort that `get_cohort` gives next: how many users it has.

        pfl cannot go through a cohort of nobody, so a backend asks first.
        """
        self._is_drawn = True
        sampler: PoissonSampler[Any] = self.user_sampler
        return sampler.begin()

    def get_cohort(self, cohort_size: int) -> Iterable[tuple[AbstractDataset, int]]:
        """The users of the next round, with seeds for pfl's own use.

        Raises:
            InvalidError: where `cohort_size` is not the sampler's.
        """
        sampler: PoissonSampler[Any] = self.user_sampler
        if cohort_size != sampler.cohort:
            raise InvalidError(
                f"train_cohort_size: found {cohort_size}; allowed: {sampler.cohort}, the sampler's"
            )
        if not self._is_drawn:
            self.draw()
        self._is_drawn = False
        for user in sampler.hand_out():
            yield self.make_dataset_fn(user), self._get_seed()


class ChannelBackend(SimulatedBackend):
    """pfl's `SimulatedBackend` for a `ChannelPostprocessor`.

    It checks what the postprocessor alone sees too late or not at all, and releases the noise of a
    round that nobody took part in, where pfl would stop.

    Args:
        training_data: a `FederatedDataset` with the channel's sampler, or a `PoissonDataset`.
        val_data: as in pfl; with another sampler, or None.
        postprocessors: the channel is the last one.

    Raises:
        PrivacyRefused: where the channel is not the last postprocessor, or the data have another
            sampler.
    """

    def __init__(
        self,
        training_data: FederatedDatasetBase,
        val_data: FederatedDatasetBase | None,
        postprocessors: Sequence[Postprocessor[Any]],
    ) -> None:
        steps = list(postprocessors)
        if not steps or not isinstance(steps[-1], ChannelPostprocessor):
            found = type(steps[-1]).__name__ if steps else "none"
            raise PrivacyRefused(
                f"postprocessors: found {found} at the end; allowed: the ChannelPostprocessor. "
                f"What comes after it would "
                "change clipped updates, or their noise"
            )
        if sum(isinstance(step, ChannelPostprocessor) for step in steps) != 1:
            raise InvalidError("postprocessors: found several channels; allowed: one")
        channel = steps[-1]
        if channel.sampler is not None:
            found_sampler = getattr(training_data, "user_sampler", None)
            if found_sampler is not channel.sampler:
                raise PrivacyRefused(
                    f"training_data: found the sampler {type(found_sampler).__name__}; allowed: "
                    f"the channel's own, which "
                    "epsilon is about"
                )
            if getattr(val_data, "user_sampler", None) is channel.sampler:
                raise PrivacyRefused(
                    "val_data: found the sampler of the training data; allowed: another one"
                )
        super().__init__(training_data, val_data, steps, SumAggregator(), 0.0)
        self._channel = channel

    async def async_gather_results(
        self,
        model: Model,
        training_algorithm: FederatedAlgorithm[Any, Any, Any, Any, Any],
        *,
        central_context: CentralContext[Any, Any],
    ) -> tuple[TrainingStatistics[Any] | None, Metrics]:
        """As in pfl; a round of nobody releases noise."""
        if self._channel.epsilon is not None and isinstance(training_algorithm, SCAFFOLD):
            raise PrivacyRefused(
                "SCAFFOLD: what a user sends depends on whether it took part before, and the "
                "theorems on cohorts are "
                "of users without a state. Allowed: an algorithm without user states"
            )
        population = central_context.population
        data = self._training_dataset
        statistics: TrainingStatistics[Any] | None = None
        if population == Population.TRAIN and isinstance(data, PoissonDataset) and data.draw() == 0:
            metrics = Metrics()
            metrics[get_num_devices_weight_name(population)] = 0
            metrics[get_num_datapoints_weight_name(population)] = Weighted(0, 0)
        else:
            statistics, metrics = await super().async_gather_results(
                model, training_algorithm, central_context=central_context
            )
        if statistics is None and population == Population.TRAIN:
            released, own = self._channel.release_of_nobody(model, central_context)
            metrics |= own
            statistics = released
            for step in self._postprocessors[-2::-1]:
                statistics, own = step.postprocess_server(
                    stats=statistics, central_context=central_context, aggregate_metrics=metrics
                )
                metrics |= own
        return statistics, metrics
