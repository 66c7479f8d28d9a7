"""A convolutional network of PyTorch, trained privately on MNIST, beside plain PyTorch.

Model, training and data are PyTorch's. `fedsim.Federation` draws the clients of a round, clips and
codes their updates, adds the noise through the code, and accounts for it. Then the same settings
are trained by a plain PyTorch loop whose server adds the noise (central DP, without a channel or a
line of FedSim). So the table shows what the channel costs and saves: accuracies have one
distribution, updates take a thousandth of the bits, and coding takes time.

Measured on the 10,000 images (mean and standard error over five seeds; a tenth of the uploads was
written, `--coded 0.1`):

    epsilon      z  FedSim, %     central DP, %  bits a client  of float32
          2  3.295  89.7 +- 0.4   89.1 +- 0.3               29      0.004%
          8  1.208  91.5 +- 0.4   91.8 +- 0.3              146      0.020%
       none      0  93.0 +- 0.1   92.5 +- 0.5          731,712

With all uploads written, half of the processor time is FedSim's (47 % at epsilon 8 and 55 % at 2,
in the first three rounds), about 4 ms an update of 22,866 numbers.

Any files in MNIST's format will do: a folder with `t10k-images-idx3-ubyte.gz` and
`t10k-labels-idx1-ubyte.gz`, the 10,000 images of the published test half.
`torchvision.datasets.MNIST("data", download=True)` leaves them in `data/MNIST/raw`; FEDSIM_MNIST or
--mnist says where they are.

    OMP_NUM_THREADS=1 python mnist_cnn.py --mnist data/MNIST/raw --epsilon 2 8 none --seeds 5
"""

# %%
import argparse
import gzip
import math
import os
import pathlib
import statistics
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import fedsim
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

# %% [markdown]
# ## Data
# Four fifths of the images belong to clients, ten images each; the others are the test.


# %%
@dataclass
class Data:
    """Images (clients, examples, 1, 28, 28) in 0 ... 1, labels (clients, examples); and a test."""

    images: Tensor
    labels: Tensor
    test_images: Tensor
    test_labels: Tensor


def read_idx(path: pathlib.Path) -> Tensor:
    """The bytes of a gzipped file of MNIST's format: number of axes, their lengths, values."""
    content = gzip.decompress(path.read_bytes())
    axes = content[3]
    lengths = [int.from_bytes(content[4 * i : 4 * i + 4], "big") for i in range(1, axes + 1)]
    return torch.frombuffer(bytearray(content[4 * axes + 4 :]), dtype=torch.uint8).reshape(lengths)


def load(folder: pathlib.Path, seed: int, examples: int = 10) -> Data:
    """The images of a folder, shuffled by the seed."""
    names = ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")
    for name in names:
        if not (folder / name).is_file():
            raise SystemExit(
                f"{folder} has no {name}: the beginning of this example says where to get it"
            )
    images = read_idx(folder / names[0]).float().unsqueeze(1) / 255
    labels = read_idx(folder / names[1]).long()
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(1000 + seed))
    clients = len(images) * 4 // 5 // examples
    own, test = order[: clients * examples], order[len(images) * 4 // 5 :]
    shape = (clients, examples)
    return Data(
        images[own].unflatten(0, shape), labels[own].unflatten(0, shape), images[test], labels[test]
    )


# %% [markdown]
# ## Model, and training of clients
# The parameters are one vector: clients get it, and their updates are differences of it. `vmap`
# trains many clients at once, each from the same start on its own images.


# %%
@dataclass
class Settings:
    """What both ways of training share.

    They were chosen on a split that is none of those that are measured; choosing by accuracies is
    outside every guarantee.
    """

    rounds: int = 50
    sampling_rate: float = 0.25
    steps: int = 3
    learning_rate: float = 0.5
    clipping_norm: float = 1.0
    delta: float = 1e-4
    coded: float = 1.0  # Share of the uploads that are written; the others' noise is the server's.


class Network:
    """A small convolutional network, its parameters as one vector."""

    def __init__(self, seed: int) -> None:
        torch.manual_seed(1000 + seed)
        self.module = nn.Sequential(
            nn.Conv2d(1, 16, 5, stride=2),
            nn.ReLU(),
            nn.Conv2d(16, 40, 5, stride=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(40 * 4 * 4, 10),
        )
        self.shapes = {name: tensor.shape for name, tensor in self.module.named_parameters()}
        self.start = nn.utils.parameters_to_vector(self.module.parameters()).detach()
        self.gradients = vmap(grad(self.loss))

    def logits(self, parameters: Tensor, images: Tensor) -> Tensor:
        pieces = parameters.split([shape.numel() for shape in self.shapes.values()])
        tensors = {
            name: piece.view(self.shapes[name])
            for name, piece in zip(self.shapes, pieces, strict=True)
        }
        return functional_call(self.module, tensors, (images,))

    def loss(self, parameters: Tensor, images: Tensor, labels: Tensor) -> Tensor:
        return nn.functional.cross_entropy(self.logits(parameters, images), labels)

    def updates(
        self, parameters: Tensor, images: Tensor, labels: Tensor, settings: Settings
    ) -> Tensor:
        """What steps of gradient descent on all its images change, for n clients: (n, d)."""
        models = parameters.expand(len(images), -1)
        for _ in range(settings.steps):
            models = models - settings.learning_rate * self.gradients(models, images, labels)
        return models - parameters

    @torch.no_grad()
    def accuracy(self, parameters: Tensor, data: Data) -> float:
        found = self.logits(parameters, data.test_images).argmax(1)
        return (found == data.test_labels).float().mean().item()


# %% [markdown]
# ## Two ways to train


# %%
@dataclass
class Result:
    """A run: seconds of all rounds, and of those in FedSim; bits of an update; the guarantee."""

    parameters: Tensor
    accuracy: float
    seconds: float
    channel_seconds: float = 0.0
    bits: float = math.nan
    float32_bits: int = 1
    noise_multiplier: float = 0.0
    guarantee: str = ""


def through_the_channel(data: Data, settings: Settings, epsilon: float | None, seed: int) -> Result:
    """Updates are clipped, coded with their share of the noise, decoded, and added up."""
    network = Network(seed)
    population = len(data.images)
    # The key of all noise follows from everything that decides an update: two runs that differ
    # never share noise. Without `run_key` a fresh one is drawn, and the run cannot be repeated.
    decided_by = [
        data.images.numpy(),
        data.labels.numpy(),
        network.start.numpy(),
        f"{settings} {epsilon}",
    ]
    federation = fedsim.Federation(
        network.start.numpy(),
        population=population,
        cohort=round(settings.sampling_rate * population),
        rounds=settings.rounds,
        clipping_norm=settings.clipping_norm if epsilon else None,
        epsilon=epsilon,
        delta=settings.delta if epsilon else None,
        codec="auto" if epsilon else "float32",
        run_key=fedsim.run_key(seed, data=decided_by),
        name="mnist-cnn",
        scenario={"channel": {"coded": settings.coded}} if epsilon and settings.coded < 1 else None,
    )
    began, training = time.perf_counter(), 0.0
    for opened in progress(federation, settings.rounds):
        parameters = torch.from_numpy(opened.parameters)
        for clients in batches(torch.tensor(opened.cohort)):
            start = time.perf_counter()
            updates = network.updates(
                parameters, data.images[clients], data.labels[clients], settings
            )
            training += time.perf_counter() - start
            opened.send_many(clients.numpy(), updates.numpy())
    seconds = time.perf_counter() - began
    summary, trained = federation.summary(), torch.from_numpy(federation.parameters)
    return Result(
        trained,
        network.accuracy(trained, data),
        seconds,
        seconds - training,
        summary["payloadBitsPerClientRound"],
        summary["float32BitsPerClientRound"],
        summary["noiseMultiplier"] or 0.0,
        summary["guaranteeStatement"],
    )


def central(data: Data, settings: Settings, noise_multiplier: float, seed: int) -> Result:
    """Plain PyTorch: clipped updates are added up, and the server adds the noise to their sum.

    Its generator is no cryptographic one: enough for a comparison, and too little for a release.
    """
    network = Network(seed)
    parameters = network.start
    generator = torch.Generator().manual_seed(2000 + seed)
    began = time.perf_counter()
    for _ in progress(range(settings.rounds), settings.rounds):
        drawn = torch.rand(len(data.images), generator=generator) < settings.sampling_rate
        total = torch.zeros_like(parameters)
        for clients in batches(drawn.nonzero()[:, 0]):
            updates = network.updates(
                parameters, data.images[clients], data.labels[clients], settings
            )
            if noise_multiplier > 0:
                updates *= (settings.clipping_norm / updates.norm(dim=1, keepdim=True)).clamp(max=1)
            total += updates.sum(0)
        deviation = noise_multiplier * settings.clipping_norm
        total += deviation * torch.randn(len(total), generator=generator)
        parameters = parameters + total / round(settings.sampling_rate * len(data.images))
    return Result(parameters, network.accuracy(parameters, data), time.perf_counter() - began)


def batches(cohort: Tensor, size: int = 50) -> Iterator[Tensor]:
    """A cohort in parts, so that the updates of all its clients are never in memory at once."""
    return (part for part in cohort.split(size) if len(part))


def progress(rounds: Iterable[Any], total: int) -> Iterable[Any]:
    """The rounds, with a bar where tqdm is there."""
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return rounds
    return tqdm(rounds, total=total, leave=False, mininterval=1)


# %% [markdown]
# ## The comparison


# %%
def mean(values: Iterable[float], digits: int = 1) -> str:
    """Mean and, of several values, its standard error."""
    values = list(values)
    text = f"{statistics.mean(values):.{digits}f}"
    if len(values) < 2:
        return text
    return f"{text} +- {statistics.stdev(values) / math.sqrt(len(values)):.{digits}f}"


def compare(
    folder: pathlib.Path, epsilon: float | None, seeds: int, settings: Settings
) -> dict[str, str]:
    """Both ways at one epsilon: a row of the table, and the guarantee in words."""
    pairs = []
    for seed in range(1, seeds + 1):
        data = load(folder, seed)
        run = through_the_channel(data, settings, epsilon, seed)
        pairs.append((run, central(data, settings, run.noise_multiplier, seed)))
        both = f"{run.accuracy:.1%}, central {pairs[-1][1].accuracy:.1%}"
        print(f"epsilon {epsilon or 'none'}, seed {seed}: {both}", flush=True)
    runs, plain = zip(*pairs, strict=True)
    share = sum(run.channel_seconds for run in runs) / sum(run.seconds for run in runs)
    return {
        "epsilon": "none" if epsilon is None else f"{epsilon:g}",
        "z": f"{runs[0].noise_multiplier:.3f}",
        "FedSim, %": mean(100 * run.accuracy for run in runs),
        "central DP, %": mean(100 * run.accuracy for run in plain),
        "bits a client": f"{statistics.mean(run.bits for run in runs):,.0f}",
        "of float32": f"{statistics.mean(run.bits for run in runs) / runs[0].float32_bits:.3%}",
        "in FedSim": f"{share:.0%}",
        "seconds": mean((run.seconds for run in runs), 0),
        "central": mean((run.seconds for run in plain), 0),
        "guarantee": runs[0].guarantee,
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description="PyTorch CNN on MNIST: through the channel, and by central DP"
    )
    parser.add_argument(
        "--mnist", default=os.environ.get("FEDSIM_MNIST", "data/mnist"), metavar="FOLDER"
    )
    parser.add_argument("--epsilon", nargs="+", default=["8"], help="one or several, or none")
    parser.add_argument("--rounds", type=int, default=Settings.rounds)
    parser.add_argument(
        "--seeds", type=int, default=1, help="seeds 1, 2, ... change split, start, cohorts"
    )
    parser.add_argument("--coded", type=float, default=1, help="share of uploads that are written")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)  # More would wait for each other, and for FedSim's, on the same cores.
    settings = Settings(rounds=given.rounds, coded=given.coded)
    epsilons = [None if text == "none" else float(text) for text in given.epsilon]
    rows = [
        compare(pathlib.Path(given.mnist), epsilon, given.seeds, settings) for epsilon in epsilons
    ]
    columns = [name for name in rows[0] if name != "guarantee"]
    for row in [{name: name for name in columns}, *rows]:
        print("  ".join(row[name].rjust(max(13, len(name))) for name in columns))
    for row in rows:
        print(f"\nepsilon {row['epsilon']}: {row['guarantee']}")


# %%
# In a notebook: main(["--rounds", "20"])
if __name__ == "__main__":
    main()
