#!/usr/bin/env python3
"""The MNIST and Synthetic scenarios again in plain NumPy: an independent reference for their accuracies.

    FEDSIM_MNIST=data/mnist Scripts/reference-training.py --model perceptron --epsilon 8 --seeds 5
    FEDSIM_MNIST=data/mnist Scripts/reference-training.py --model cnn --noise-multiplier 0.8
    Scripts/reference-training.py --model synthetic --seeds 2

Same settings as scenarios/mnist.json and mnist-cnn.json, read from those files: Poisson cohorts of one-example clients, one
step of SGD each, updates clipped to C, Gaussian noise z C on their sum, divided by the expected cohort. Same law of the
initial model and of the split. Other random numbers (PCG64), other code: gradients of each example by batched products over
patches. Figures agree within standard errors, not digit by digit. z is given, or asked from `fedsim calibrate` with --epsilon.

synthetic: the procedure of scenarios/synthetic.json with data of its own, a set for each seed; stragglers kept or dropped, mu 0
or 1. Levels move by a dozen points from one set to another: compare differences.
"""
import argparse, gzip, json, math, os, pathlib, statistics, subprocess, sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent


def read_idx(path):
    data = gzip.open(path).read()
    dims = data[3]
    shape = [int.from_bytes(data[4 + 4 * i:8 + 4 * i], "big") for i in range(dims)]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dims).reshape(shape)


def split(labels, fraction, rng):
    """Stratified: of a class with n examples, floor(fraction n + 1/2) are kept for the test."""
    test = []
    for k in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == k))
        test.extend(own[:math.floor(fraction * len(own) + 0.5)])
    return np.setdiff1d(np.arange(len(labels)), test), np.array(test)


def patches(images, kernel):
    """n x h x w x c, zero-padded, to n x (h w) x (kernel kernel c)."""
    n, h, w, c = images.shape
    r = kernel // 2
    padded = np.pad(images, ((0, 0), (r, r), (r, r), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), axis=(1, 2))
    return np.ascontiguousarray(windows.transpose(0, 1, 2, 4, 5, 3)).reshape(n, h * w, kernel * kernel * c)


class Network:
    """Convolutions (same size, ReLU, 2 x 2 maxima), then dense layers with ReLU between them, softmax cross-entropy."""

    def __init__(self, side, channels, kernel, hidden, classes):
        self.kernel, self.convolutions = kernel, len(channels)
        self.shapes, inputs = [], 1
        for outputs in channels:
            self.shapes.append((kernel * kernel * inputs, outputs))
            inputs, side = outputs, side // 2
        widths = [side * side * inputs, *hidden, classes]
        self.shapes += list(zip(widths, widths[1:]))

    def initial(self, rng):
        """He et al. 2015 but for the last layer, which is 0, as are biases."""
        parts = [(rng.normal(0, math.sqrt(2 / i), (i, o)).astype(np.float32), np.zeros(o, np.float32))
                 for i, o in self.shapes[:-1]]
        i, o = self.shapes[-1]
        return parts + [(np.zeros((i, o), np.float32), np.zeros(o, np.float32))]

    def forward(self, parameters, images):
        """images: n x side x side x 1. Scores, and what `gradients` needs of each layer."""
        kept, x = [], images
        for w, b in parameters[:self.convolutions]:
            n, h, wide, _ = x.shape
            p = patches(x, self.kernel)
            y = np.maximum(p @ w + b, 0).reshape(n, h, wide, -1)
            quads = np.stack([y[:, i::2, j::2] for i in (0, 1) for j in (0, 1)])
            choice, x = quads.argmax(0), quads.max(0)
            kept.append((p, choice, x))
        x = x.reshape(len(x), -1)
        for i, (w, b) in enumerate(parameters[self.convolutions:]):
            kept.append((x,))
            x = x @ w + b
            if i + self.convolutions < len(parameters) - 1:
                x = np.maximum(x, 0)
        return x, kept

    def clipped_sum(self, parameters, images, labels, rate, clip):
        """Sum over examples of -rate gradient, each clipped to norm `clip` (None: not clipped)."""
        scores, kept = self.forward(parameters, images)
        n = len(labels)
        delta = np.exp(scores - scores.max(1, keepdims=True))
        delta /= delta.sum(1, keepdims=True)
        delta[np.arange(n), labels] -= 1
        squares, terms = np.zeros(n), [None] * len(parameters)
        for i in reversed(range(len(parameters))):
            w, _ = parameters[i]
            if i >= self.convolutions:
                x = kept[i][0]
                terms[i] = (x, delta)  # the gradient of an example is an outer product
                squares += (1 + (x * x).sum(1, dtype=float)) * (delta * delta).sum(1, dtype=float)
                if i == 0:
                    break
                delta = delta @ w.T
                if i > self.convolutions:
                    delta = delta * (x > 0)
                else:
                    delta = delta.reshape(kept[i - 1][2].shape)
            else:
                p, choice, x = kept[i]
                d = delta * (x > 0)
                _, h, wide, c = d.shape
                full = np.empty((n, 2 * h, 2 * wide, c), np.float32)
                for q in range(4):
                    full[:, q // 2::2, q % 2::2] = d * (choice == q)
                full = full.reshape(n, 4 * h * wide, c)
                terms[i] = (p.transpose(0, 2, 1) @ full, full.sum(1))
                squares += (terms[i][0] ** 2).sum((1, 2), dtype=float) + (terms[i][1] ** 2).sum(1, dtype=float)
                if i == 0:
                    break
                turned = w.reshape(self.kernel, self.kernel, -1, c)[::-1, ::-1].transpose(0, 1, 3, 2)
                delta = (patches(full.reshape(n, 2 * h, 2 * wide, c), self.kernel)
                         @ turned.reshape(-1, w.shape[0] // self.kernel ** 2)).reshape(n, 2 * h, 2 * wide, -1)
        norms = rate * np.sqrt(squares)
        factor = np.full(n, -rate) if clip is None else -rate * np.minimum(1, clip / np.maximum(norms, 1e-30))
        factor = factor.astype(np.float32)
        total = []
        for i, (a, b) in enumerate(terms):
            if i >= self.convolutions:
                total.append((a.T @ (b * factor[:, None]), factor @ b))
            else:
                total.append((np.tensordot(factor, a, 1), factor @ b))
        return total


def train(scenario, network, images, labels, z, seed):
    rng = np.random.default_rng(seed)
    training, test = split(labels, scenario["data"]["testFraction"], rng)
    parameters = network.initial(rng)
    rate, server = scenario["training"]["learningRate"], scenario["server"]["learningRate"]
    cohort, clip = scenario["cohort"]["size"], scenario["privacy"]["clippingNorm"] if z else None
    for _ in range(scenario["rounds"]):
        drawn = training[rng.random(len(training)) < cohort / len(training)]
        total = [[np.zeros_like(part) for part in pair] for pair in parameters]
        for part in np.array_split(drawn, math.ceil(len(drawn) / 16) or 1):  # so that patches stay in the cache
            for sums, more in zip(total, network.clipped_sum(parameters, images[part], labels[part], rate, clip)):
                for j in (0, 1):
                    sums[j] += more[j]
        moved = []
        for pair, sums in zip(parameters, total):
            noisy = [s + rng.normal(0, z * clip, s.shape).astype(np.float32) if z else s for s in sums]
            moved.append(tuple(p + np.float32(server / cohort) * s for p, s in zip(pair, noisy)))
        parameters = moved
    scores, _ = network.forward(parameters, images[test])
    return float((scores.argmax(1) == labels[test]).mean())


def calibrated(scenario, epsilon, clients):
    """z of `fedsim calibrate`, an upper bound's: the only thing that comes from the program under test."""
    output = subprocess.run(
        [os.environ.get("FEDSIM", str(ROOT / ".build/release/fedsim")), "calibrate", "--epsilon", str(epsilon), "--delta",
         str(scenario["privacy"]["delta"]), "--sampling-rate", str(scenario["cohort"]["size"] / clients), "--rounds",
         str(scenario["rounds"]), "--format", "json"], check=True, capture_output=True, text=True).stdout
    return json.loads(output)["noiseMultiplier"]


def synthetic_data(scenario, rng):
    """Of each device: training features (with a 1 for the bias) and labels, then those of the test."""
    devices, deviation = [], np.arange(1, 61) ** -0.6
    for _ in range(scenario["data"]["clients"]):
        n = int(np.exp(rng.normal(4, 2))) + 50
        u, centre = rng.normal(0, scenario["data"]["alpha"]), rng.normal(0, scenario["data"]["beta"])
        v, w, b = rng.normal(centre, 1, 60), rng.normal(u, 1, (60, 10)), rng.normal(u, 1, 10)
        x = v + rng.normal(size=(n, 60)) * deviation
        y, x = (x @ w + b).argmax(1), np.c_[x, np.ones(n)].astype(np.float32)
        devices.append((x[:int(0.9 * n)], y[:int(0.9 * n)], x[int(0.9 * n):], y[int(0.9 * n):]))
    return devices


def synthetic(scenario, devices, drops, mu, rng, rounds=(20, 50, 100)):
    """Test accuracy after each of `rounds`."""
    training, accuracies = scenario["training"], []
    epochs, size, rate = training["epochs"], training["batchSize"], np.float32(training["learningRate"])
    w = np.zeros((61, 10), np.float32)
    for t in range(1, max(rounds) + 1):
        total, weight = np.zeros_like(w), 0
        for i in rng.choice(len(devices), scenario["cohort"]["size"], replace=False):
            straggles = rng.random() < training["stragglers"]
            if straggles and drops:
                continue
            x, y, local = *devices[i][:2], w.copy()
            for _ in range(int(rng.integers(1, epochs)) if straggles else epochs):
                order = rng.permutation(len(y))
                for first in range(0, len(y), size):
                    batch = order[first:first + size]
                    p = x[batch] @ local
                    p = np.exp(p - p.max(1, keepdims=True))
                    p /= p.sum(1, keepdims=True)
                    p[np.arange(len(batch)), y[batch]] -= 1
                    local -= rate * (x[batch].T @ p / np.float32(len(batch)) + np.float32(mu) * (local - w))
            total, weight = total + len(y) * (local - w), weight + len(y)
        w = w + (total / max(weight, 1)).astype(np.float32)
        if t in rounds:
            right = sum(((x @ w).argmax(1) == y).sum() for *_, x, y in devices)
            accuracies.append(100 * right / sum(len(y) for *_, y in devices))
    return accuracies


def synthetic_table(seeds):
    scenario = json.loads((ROOT / "scenarios/synthetic.json").read_text())
    for seed in range(1, seeds + 1):
        devices = synthetic_data(scenario, np.random.default_rng(seed))
        print(f"data seed {seed}: {sum(len(device[1]) for device in devices)} training examples")
        for drops, mu in [(True, 0), (False, 0), (False, 1)]:
            accuracies = synthetic(scenario, devices, drops, mu, np.random.default_rng(1000 + seed))
            print(f"  stragglers {'dropped' if drops else 'kept'}, mu {mu}:", ", ".join(f"{a:.1f}" for a in accuracies),
                  "% after 20, 50, 100 rounds", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=["perceptron", "cnn", "synthetic"], default="perceptron")
    parser.add_argument("--epsilon", type=float)
    parser.add_argument("--noise-multiplier", type=float, help="0: no privacy, no clipping")
    parser.add_argument("--learning-rate", type=float, help="instead of the scenario's")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.model == "synthetic":
        return synthetic_table(arguments.seeds)
    folder = os.environ.get("FEDSIM_MNIST") or sys.exit("FEDSIM_MNIST must name the folder of the MNIST files")
    name = "mnist" if arguments.model == "perceptron" else "mnist-cnn"
    scenario = json.loads((ROOT / f"scenarios/{name}.json").read_text())
    if arguments.learning_rate:
        scenario["training"]["learningRate"] = arguments.learning_rate
    images = read_idx(pathlib.Path(folder) / "t10k-images-idx3-ubyte.gz").astype(np.float32)[..., None] / 255
    labels = read_idx(pathlib.Path(folder) / "t10k-labels-idx1-ubyte.gz").astype(np.int64)
    clients = len(split(labels, scenario["data"]["testFraction"], np.random.default_rng(0))[0])
    z = arguments.noise_multiplier or 0
    if arguments.epsilon:
        z = calibrated(scenario, arguments.epsilon, clients)
    model = scenario["model"]
    network = Network(28, model.get("channels", []), model.get("kernel", 5), model.get("hidden", []), 10)
    accuracies = []
    for seed in range(1, arguments.seeds + 1):
        accuracies.append(train(scenario, network, images, labels, z, seed))
        print(f"seed {seed}: {100 * accuracies[-1]:.1f} %", file=sys.stderr, flush=True)
    error = statistics.stdev(accuracies) / math.sqrt(len(accuracies)) if len(accuracies) > 1 else math.nan
    print(f"{arguments.model} z = {z:.4f}: {100 * statistics.mean(accuracies):.2f} +- {100 * error:.2f} %")


if __name__ == "__main__":
    main()
