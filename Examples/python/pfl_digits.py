"""Ten private rounds on handwritten digits in pfl: 200 users, cohorts of 50, every update through
bytes.

    pip install 'fedsim[pfl]' torch scikit-learn
    python Examples/python/pfl_digits.py             # through the channel
    python Examples/python/pfl_digits.py --plain     # pfl's GaussianMechanism, as it is
    python Examples/python/pfl_digits.py --run       # the same settings in `fedsim run`

Set OMP_NUM_THREADS=1: torch's threads gain nothing here, and may spin for minutes. It prints the
accuracy on the test images, the mean bits of a message (650 parameters are 20,800 bits as 32-bit
floats), epsilon from above and below, and the seconds of CPU that the rounds took.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np
import torch
from pfl.aggregate.simulate import SimulatedBackend
from pfl.algorithm.base import NNAlgorithmParams
from pfl.algorithm.federated_averaging import FederatedAveraging
from pfl.data.dataset import Dataset
from pfl.data.federated_dataset import FederatedDataset
from pfl.data.sampling import get_user_sampler
from pfl.hyperparam.base import NNEvalHyperParams, NNTrainHyperParams
from pfl.metrics import Weighted
from pfl.model.pytorch import PyTorchModel
from pfl.privacy import CentrallyAppliedPrivacyMechanism, GaussianMechanism, PLDPrivacyAccountant
from sklearn.datasets import load_digits

import fedsim
from fedsim.pfl import ChannelBackend, ChannelPostprocessor, FedSimAccountant, UniformSampler

USERS, COHORT, ROUNDS, CLIPPING, DELTA = 200, 50, 10, 1.0, 1e-4
EPOCHS, BATCH, RATE, SERVER_RATE = 3, 4, 0.5, 2.0


class Softmax(torch.nn.Module):
    """Softmax regression, with the two functions that pfl asks a module for."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(64, 10)
        torch.nn.init.zeros_(self.linear.weight)
        torch.nn.init.zeros_(self.linear.bias)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.linear(images)
        return logits

    def loss(
        self, images: torch.Tensor, labels: torch.Tensor, is_eval: bool = False
    ) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(self(images), labels.long())

    @torch.no_grad()
    def metrics(self, images: torch.Tensor, labels: torch.Tensor) -> dict[str, Weighted]:
        right = (self(images).argmax(1) == labels).sum().item()
        return {"accuracy": Weighted(right, len(labels))}


def digits(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images and labels to train on, and every fifth image to test on."""
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)
    order = np.random.default_rng(seed).permutation(len(labels))
    test = order[::5]
    train = np.setdiff1d(order, test, assume_unique=True)
    return (
        images[train],
        labels[train].astype(np.int64),
        images[test],
        labels[test].astype(np.int64),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Makes the rounds that the arguments ask for, and prints what came of them."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--epsilon", type=float, default=8.0)
    options.add_argument("--codec", default="polar")
    options.add_argument(
        "--seed", type=int, default=0, help="of the split and of pfl; never of noise"
    )
    options.add_argument(
        "--plain", action="store_true", help="pfl's Gaussian mechanism and sampler, without fedsim"
    )
    options.add_argument(
        "--run", action="store_true", help="the same settings by the built-in trainer"
    )
    chosen = options.parse_args(arguments)

    features, labels, test_features, test_labels = digits(chosen.seed)
    owners = np.arange(len(labels)) % USERS
    np.random.seed(chosen.seed)
    torch.manual_seed(chosen.seed)

    # z for epsilon, over the ten rounds of cohorts of one size.
    start = time.process_time()
    accountant = FedSimAccountant(
        num_compositions=ROUNDS,
        sampling_probability=COHORT / USERS,
        mechanism="gaussian",
        epsilon=chosen.epsilon,
        delta=DELTA,
        # As `fedsim run` does: a tenth of delta pays for floating point.
        numerical_delta=DELTA / 10,
    )
    print(f"{accountant}\n  in {time.process_time() - start:.2f} s of CPU")
    if chosen.run:
        builtin(accountant, features, labels, owners, test_features, test_labels, chosen)
        return

    data = {user: [features[owners == user], labels[owners == user]] for user in range(USERS)}

    def make_dataset(user: int) -> Dataset:
        return Dataset(raw_data=data[user], user_id=user)  # type: ignore[arg-type]

    module = Softmax()
    model = PyTorchModel(
        module, torch.optim.SGD, torch.optim.SGD(module.parameters(), lr=SERVER_RATE)
    )
    channel = None
    if chosen.plain:
        print("pfl's own sampler goes through the users in order: no epsilon is about its cohorts")
        mechanism = GaussianMechanism.from_privacy_accountant(accountant, CLIPPING)
        backend = SimulatedBackend(
            FederatedDataset(make_dataset, get_user_sampler("minimize_reuse", list(range(USERS)))),
            None,
            [CentrallyAppliedPrivacyMechanism(mechanism)],
        )
    else:
        sampler = UniformSampler(USERS, COHORT)
        channel = ChannelPostprocessor.from_privacy_accountant(
            accountant, CLIPPING, sampler=sampler, codec=chosen.codec
        )
        backend = ChannelBackend(FederatedDataset(make_dataset, sampler), None, [channel])

    start = time.process_time()
    FederatedAveraging().run(
        NNAlgorithmParams(ROUNDS, ROUNDS, COHORT, None),
        backend,
        model,
        NNTrainHyperParams(
            local_batch_size=BATCH, local_num_epochs=EPOCHS, local_learning_rate=RATE
        ),
        NNEvalHyperParams(local_batch_size=None),
        send_metrics_to_platform=False,
    )
    seconds = time.process_time() - start

    right = module(torch.from_numpy(test_features)).argmax(1).numpy() == test_labels
    print(f"accuracy {right.mean():.1%} after {ROUNDS} rounds in {seconds:.2f} s of CPU")
    if channel is not None:
        bits = np.average(
            [one.bits for one in channel.records], weights=[one.arrived for one in channel.records]
        )
        print(
            f"{bits:.1f} bits of {650 * 32} a message; epsilon {accountant.epsilon} at delta "
            f"{DELTA}"
        )

    # What pfl's accountant would say of the same noise: it is about Poisson cohorts.
    start = time.process_time()
    theirs = PLDPrivacyAccountant(
        ROUNDS, COHORT / USERS, "gaussian", delta=DELTA, noise_parameter=accountant.noise_parameter
    )
    print(
        f"pfl's PLDPrivacyAccountant, for Poisson cohorts: epsilon {theirs.epsilon:.4f} in "
        f"{time.process_time() - start:.2f} s of CPU"
    )


def builtin(
    accountant: FedSimAccountant,
    features: np.ndarray,
    labels: np.ndarray,
    owners: np.ndarray,
    test_features: np.ndarray,
    test_labels: np.ndarray,
    chosen: argparse.Namespace,
) -> None:
    """The same users, model, steps, cohorts and noise in `fedsim run`."""
    scenario = {
        "version": 1,
        "name": "pfl-digits",
        "seed": chosen.seed,
        "task": "classification",
        "rounds": ROUNDS,
        "data": {"source": "given"},
        "partition": {"kind": "natural"},
        "model": {"kind": "softmax-regression"},
        "training": {"epochs": EPOCHS, "batchSize": BATCH, "learningRate": RATE},
        "server": {"optimizer": "fedavg", "learningRate": SERVER_RATE},
        "cohort": {"sampling": "fixed-size", "size": COHORT},
        "privacy": {"clippingNorm": CLIPPING, "targetEpsilon": chosen.epsilon, "delta": DELTA},
        "channel": {"codec": chosen.codec},
    }
    start = time.process_time()
    run = fedsim.run(scenario, train=(features, labels, owners), test=(test_features, test_labels))
    seconds = time.process_time() - start
    summary = run.summary
    print(
        f"accuracy {summary['finalAccuracy']:.1%} after {ROUNDS} rounds in {seconds:.2f} s of CPU"
    )
    print(
        f"{summary['payloadBitsPerClientRound']:.1f} bits of {650 * 32} a message; epsilon "
        f"{summary['epsilon']:.6f} at delta {DELTA}, z = {summary['noiseMultiplier']:.5f}"
    )


if __name__ == "__main__":
    main()
