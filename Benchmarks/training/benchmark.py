#!/usr/bin/env python3
"""FedSim beside a plain NumPy loop of the same work, in one run: see Benchmarks/training.sh.

The NumPy loop trains client by client with one BLAS thread, clips, adds, noises and steps, as a researcher would write it. FedSim
does the same through its messages: with central noise (codec float32: what is sent are plain floats), and with noise through the
code (polar). Times are the smallest of several alternating repeats.
"""

import json
import os
import resource
import subprocess
import sys
import time

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
import numpy as np  # noqa: E402

WORKLOADS = {
    "1": dict(
        what="digits, 100 IID clients, cohort 20, 64-128-10, batch 10, rate 0.1",
        widths=[64, 128, 10], clients=100, cohort=20, rounds=50, rate=0.1, examples=1438,
        data={"source": "digits", "testFraction": 0.2}),
    "2": dict(
        what="60,000 x 784 in ten Gaussians, 1000 clients, cohort 50, 784-256-10, batch 10, rate 0.05",
        widths=[784, 256, 10], clients=1000, cohort=50, rounds=20, rate=0.05, examples=60_000,
        data={"source": "mixture", "examples": 60_000, "features": 784, "classes": 10, "testFraction": 0.002}),
}
BATCH, NORM, NOISE = 10, 1.0, 0.5


def scenario(w, **channel):
    return {
        "name": "training", "task": "classification", "rounds": w["rounds"], "data": w["data"],
        "partition": {"kind": "iid", "clients": w["clients"]},
        "model": {"kind": "perceptron", "hidden": w["widths"][1:-1]},
        "training": {"epochs": 1, "batchSize": BATCH, "learningRate": w["rate"]},
        "cohort": {"sampling": "poisson", "size": w["cohort"]},
        "privacy": {"clippingNorm": NORM, "noiseMultiplier": NOISE, "delta": 1e-5, **channel.pop("privacy", {})},
        "channel": channel, "evaluation": {"every": w["rounds"]},
    }


def fedsim(binary, folder, w, rounds=None, **channel):
    path = os.path.join(folder, "scenario.json")
    s = scenario(w, **channel)
    if rounds:
        s["rounds"] = s["evaluation"]["every"] = rounds
    with open(path, "w") as f:
        json.dump(s, f)
    out = os.path.join(folder, "run")
    subprocess.run([binary, "run", path, "--out", out, "--force", "--quiet"], check=True, capture_output=True)
    with open(os.path.join(out, "timings.json")) as f:
        return json.load(f), s["rounds"]


def numpy_round_ms(w):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((w["examples"], w["widths"][0]), dtype=np.float32)
    y = rng.integers(0, 10, w["examples"])
    x += rng.standard_normal((10, w["widths"][0]), dtype=np.float32)[y]
    parts = np.array_split(rng.permutation(len(y)), w["clients"])
    layers = []
    for a, b in zip(w["widths"], w["widths"][1:]):
        layers += [(rng.standard_normal((a, b)) * np.sqrt(2 / a)).astype(np.float32), np.zeros(b, np.float32)]
    size = sum(p.size for p in layers)

    def train(start, x, y):
        p = [a.copy() for a in start]
        order = rng.permutation(len(y))
        for first in range(0, len(y), BATCH):
            chosen = order[first:first + BATCH]
            inputs, labels = x[chosen], y[chosen]
            hidden = np.maximum(inputs @ p[0] + p[1], 0)
            scores = hidden @ p[2] + p[3]
            scores -= scores.max(1, keepdims=True)
            delta = np.exp(scores)
            delta /= delta.sum(1, keepdims=True)
            delta[np.arange(len(chosen)), labels] -= 1
            delta /= len(chosen)
            back = (delta @ p[2].T) * (hidden > 0)
            p[2] -= w["rate"] * (hidden.T @ delta)
            p[3] -= w["rate"] * delta.sum(0)
            p[0] -= w["rate"] * (inputs.T @ back)
            p[1] -= w["rate"] * back.sum(0)
        return np.concatenate([(a - b).ravel() for a, b in zip(p, start)])

    start = time.perf_counter()
    for _ in range(w["rounds"]):
        total = np.zeros(size)
        for client in np.flatnonzero(rng.random(w["clients"]) < w["cohort"] / w["clients"]):
            update = train(layers, x[parts[client]], y[parts[client]])
            total += update * min(1, NORM / np.linalg.norm(update))
        total += NOISE * NORM * rng.standard_normal(size)
        total /= w["cohort"]
        offset = 0
        for i, p in enumerate(layers):
            layers[i] = p + total[offset:offset + p.size].reshape(p.shape).astype(np.float32)
            offset += p.size
    return 1e3 * (time.perf_counter() - start) / w["rounds"]


def parts(timings, rounds):
    """Milliseconds a round by phase; the clients' phase divided as their threads spent it."""
    wall = {k: 1e3 * v / rounds for k, v in timings["wallSecondsByPhase"].items()}
    inner = timings["clientSecondsSummedOverThreads"]
    whole = sum(inner.values()) or 1
    training, encoding = (wall["clients"] * inner[key] / whole for key in ("training", "clippingAndEncoding"))
    coding = wall["clients"] - training
    rest = wall["completion"] + wall["enrolment"] + wall["evaluation"]
    return dict(training=training, encoding=encoding, decoding=coding - encoding,
                accounting=wall["accounting"], rest=rest, coding=coding,
                round=training + coding + wall["accounting"] + rest, setup=timings["wallSecondsByPhase"]["setup"],
                memory=timings["peakMemoryBytes"] / 2**20)


def main():
    binary, folder, repeats = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if len(sys.argv) > 4:  # a process of its own, for its peak memory
        print(json.dumps([numpy_round_ms(WORKLOADS[sys.argv[4]]),
                          resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; milliseconds a round, best of {repeats}\n")
    for name, w in WORKLOADS.items():
        plain, central = [], []
        for _ in range(repeats):
            out = subprocess.run([sys.executable, __file__, binary, folder, "1", name], check=True,
                                 capture_output=True, text=True).stdout
            plain.append(json.loads(out))
            central.append(parts(*fedsim(binary, folder, w, codec="float32", privacy={"noise": "central"})))
        ms = min(p[0] for p in plain)
        best = min(central, key=lambda p: p["round"])
        work = best["training"] + best["rest"]
        print(f"workload {name}: {w['what']}")
        print(f"  NumPy, one thread      {ms:9.2f}   {plain[0][1]:5.0f} MiB")
        print(f"  FedSim, coding and accounting excluded {work:.2f}   {best['memory']:5.0f} MiB, "
              f"{ms / work:.1f} times as fast as NumPy; start-up {best['setup']:.3f} s")
        print(f"  FedSim, all of a round {best['round']:9.2f}   (training {best['training']:.2f}, float32 messages "
              f"{best['coding']:.2f}, accounting {best['accounting']:.2f}, the rest {best['rest']:.2f}): {ms / best['round']:.1f} times")
        polar = parts(*fedsim(binary, folder, w, rounds=20 if name == "1" else 3, codec="polar", effort=0))
        share = {k: 100 * polar[k] / polar["round"] for k in ("training", "encoding", "decoding", "accounting", "rest")}
        print(f"  FedSim, polar effort 0 {polar['round']:9.2f}   "
              + ", ".join(f"{k} {v:.1f} %" for k, v in share.items()))
        sampled = min((parts(*fedsim(binary, folder, w, codec="polar", effort=0, coded=0.01)) for _ in range(repeats)),
                      key=lambda p: p["round"])
        # Accounting is the same with and without coding.
        ratio = (sampled["round"] - sampled["accounting"]) / work
        print(f"  FedSim, polar, a hundredth of the messages written {sampled['round']:9.2f}   (training {sampled['training']:.2f}, "
              f"messages {sampled['coding']:.2f}, accounting {sampled['accounting']:.2f}, the rest {sampled['rest']:.2f}): "
              f"{ms / sampled['round']:.1f} times as fast as NumPy; {ratio:.2f} times the time without coding and accounting\n")


main()
