"""Hashes of what must not change by accident: the payload bytes of every codec, and the files of runs and of a sweep.

Called by Scripts/golden.sh. A changed hash is a breaking change: it is named in CHANGELOG.md, and written anew by --write.
"""

import argparse
import hashlib
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "Tests/Vectors/golden.sha256"
RECORDS = ("scenario.json", "rounds.jsonl", "rounds.csv", "ledger.json", "summary.json", "model.safetensors", "model-best.safetensors",
           "evaluation.json", "clients.csv", "state.bin")
TABLES = ("sweep.json", "runs.jsonl", "runs.csv", "points.csv")

# Scenario, what is set in it. Beside the scenarios as they are: paths that they do not take.
PRIVATE = ["rounds=6", "evaluation.every=3"]
WHOLE = {"digits": ("digits", [])}
RUNS = {
    "digits-noniid": ("digits-noniid", []),
    "synthetic": ("synthetic", []),
    "digits-adaptive": ("digits", PRIVATE + ["privacy.clippingNorm=0.1", "privacy.clippingQuantile=0.5"]),
    "digits-central": ("digits", PRIVATE + ["privacy.noise=central"]),
    "digits-sealed": ("digits", PRIVATE + ["channel.seal=true", "cohort.dropout=0.2", "channel.codec=layered"]),
    "digits-one-length": ("digits", PRIVATE + ["channel.padding=fixed-length", "channel.codec=layered-shifted"]),
    "digits-replace-one": ("digits", PRIVATE + ["privacy.relation=replace-one", "channel.codec=gprs", "channel.draws=20"]),
    "digits-fixed-size": (
        "digits", PRIVATE + ["cohort.sampling=fixed-size", "privacy.targetEpsilon=50", "channel.codec=fast-gprs"]),
    "digits-everyone": (
        "digits", ["rounds=2", "cohort.sampling=everyone", "cohort.size=null", "privacy.targetEpsilon=50",
                   "privacy.accountant=gaussian", "channel.codec=pfr", "channel.draws=20"]),
    "digits-approximate": ("digits", PRIVATE + ["channel.codec=orc", "channel.draws=20"]),
    "digits-effort": ("digits", PRIVATE + ["channel.codec=polar", "channel.effort=2", "privacy.accountant=rdp"]),
    "digits-budget": ("digits", ["rounds=12", "privacy.budget=1", "privacy.targetEpsilon=null",
                                 "privacy.noiseMultiplier=2", "channel.codec=ring-toss", "channel.draws=10"]),
    "noniid-scaffold": ("digits-noniid", ["rounds=4", "training.algorithm=scaffold"]),
    "noniid-fedadam": ("digits-noniid", ["rounds=4", "server.optimizer=fedadam", "server.learningRate=0.01"]),
    "noniid-fedyogi": ("digits-noniid", ["rounds=4", "server.optimizer=fedyogi", "server.learningRate=0.01"]),
    "noniid-fedavgm": ("digits-noniid", ["rounds=4", "server.optimizer=fedavgm", "server.learningRate=0.1"]),
    "noniid-shards": (
        "digits-noniid", ["rounds=4", "partition.kind=shards", "partition.alpha=null", "partition.minimumSize=null",
                          "training.momentum=0.5", "server.optimizer=fedadagrad", "server.learningRate=0.1"]),
    "noniid-dirichlet": (
        "digits-noniid", ["rounds=4", "partition.kind=dirichlet-client", "partition.minimumSize=null"]),
    "mixture": (
        "digits-noniid", ["rounds=4", "data.source=mixture", "data.examples=2000", "partition.kind=iid",
                          "partition.alpha=null", "partition.minimumSize=null", "training.stragglers=0.5",
                          "training.stragglerUpdates=drop"]),
    "digits-convolutional": (
        "digits", ["rounds=3", "model.kind=convolutional", "model.channels=[4]", "model.hidden=null",
                   "channel.codec=universal"]),
    "mnist1d": ("mnist1d", ["rounds=3"]),
    "schedules": (
        "digits-noniid", ["rounds=4", "training.schedule=cosine", "training.weightDecay=0.01", "server.warmupRounds=3"]),
    "adam-best": (
        "digits-noniid", ["rounds=4", 'training={"algorithm": "adam", "learningRate": 0.01, "epochs": 0.5}',
                          "evaluation.every=1", "evaluation.keepBest=true", "evaluation.metrics=true"]),
    "krum": (
        "digits-noniid", ["rounds=4", "server.aggregation=multi-krum", "server.byzantine=1", "cohort.byzantine=0.1",
                          "cohort.sampling=everyone", "cohort.size=null"]),
    "classes": (
        "digits-noniid", ["rounds=4", "partition.kind=classes", "partition.alpha=null", "partition.minimumSize=null",
                          "partition.sizes=power-law", "data.testOf=each-client", "evaluation.fineTuneEpochs=1"]),
    "friedman": (
        "digits-noniid", ["rounds=4", "task=regression", "data.source=friedman", "data.examples=1000",
                          "partition.kind=iid", "partition.alpha=null", "partition.minimumSize=null",
                          "training.learningRate=0.01"]),
}
MNIST = {"mnist": ("mnist", []), "mnist-cnn": ("mnist-cnn", [])}
SWEEPS = {"tradeoff": ("tradeoff", [])}


def run(*arguments, cwd=None):
    done = subprocess.run([str(a) for a in arguments], cwd=cwd, capture_output=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stderr.decode()}")
    return done.stdout


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def npy(path, values):
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({len(values)},), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    path.write_bytes(
        b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack(f"<{len(values)}d", *values))


def codecs(binary, folder):
    """The payload file of every codec for updates of several lengths, and what is decoded from it."""
    names = [entry["name"] for entry in json.loads(run(binary, "channel", "list", "--format", "json"))["codecs"]]
    key = folder / "key"
    key.write_bytes(bytes(range(32)))
    for dimension, clip in [(1, 1), (100, 1), (1000, 3), (5000, 0.5)]:
        source = random.Random(dimension)
        x = [source.gauss(0, 1) for _ in range(dimension)]
        norm = sum(v * v for v in x) ** 0.5
        npy(folder / "x.npy", [v / norm * clip for v in x])
        for name in names:
            channel = ["--codec", name, "--key", key, "--sigma", 1, "--clip", clip]
            if name in ("gprs", "pfr", "ring-toss", "mrc", "orc"):
                channel += ["--draws", 30]
            run(binary, "channel", "encode", *channel, "--private-seed", 5, "--input", folder / "x.npy",
                "--out", folder / "code")
            run(binary, "channel", "decode", *channel, "--dimension", dimension, "--input", folder / "code",
                "--out", folder / "y.npy")
            yield f"codec/{name}/{dimension}/code", digest(folder / "code")
            yield f"codec/{name}/{dimension}/sample", digest(folder / "y.npy")


def runs(binary, folder, chosen, data):
    start = time.monotonic()
    for name, (scenario, settings) in chosen.items():
        sets = [part for setting in settings for part in ("--set", setting)]
        out = folder / name
        run(binary, "run", ROOT / f"scenarios/{scenario}.json", *sets, "--out", out, "--force", "--quiet", cwd=data)
        for record in RECORDS:
            if (out / record).exists():
                yield f"run/{name}/{record}", digest(out / record)
        print(f"{name}: {time.monotonic() - start:.1f} s", file=sys.stderr)


def sweeps(binary, folder):
    for name, (scenario, settings) in SWEEPS.items():
        out = folder / name
        run(binary, "sweep", ROOT / f"scenarios/{scenario}.json", "--out", out, "--quiet")
        for table in TABLES:
            yield f"sweep/{name}/{table}", digest(out / table)


def part(name):
    """What is made at once: a run, a sweep, the codecs."""
    return "/".join(name.split("/")[:2]) if name.startswith(("run/", "sweep/")) else "codec"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the hashes instead of comparing them")
    parser.add_argument("--quick", action="store_true", help="codecs and short runs alone")
    parser.add_argument("--long", action="store_true", help="what --quick leaves out, alone")
    parser.add_argument("--only", nargs="+", choices=list(RUNS), metavar="RUN", help="some of the short runs alone")
    parser.add_argument("--binary", default=str(ROOT / ".build/release/fedsim"))
    parser.add_argument("--mnist", help="a folder that has data/mnist/t10k-*-ubyte.gz: the MNIST scenarios too")
    options = parser.parse_args()
    binary = os.path.abspath(options.binary)
    known = {}
    if GOLDEN.exists():
        known = {name: value for value, name in (line.split() for line in GOLDEN.read_text().splitlines())}
    found = {}
    wrong = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        jobs = [] if options.long else [codecs(binary, folder), runs(binary, folder, RUNS, None)]
        if options.only:
            jobs = [runs(binary, folder, {name: RUNS[name] for name in options.only}, None)]
        elif not options.quick:
            jobs += [runs(binary, folder, WHOLE, None), sweeps(binary, folder)]
        if options.mnist and not options.only:
            jobs.append(runs(binary, folder, MNIST, options.mnist))
        for job in jobs:
            for name, value in job:
                found[name] = value
                if not options.write and known.get(name) != value:
                    wrong.append(name)
                    print(f"changed: {name}", flush=True)
    # What is not made any more has changed too: of every part that was asked for, all that is known must be there.
    parts = {part(name) for name in found}
    missing = sorted(name for name in known.keys() - found.keys() if part(name) in parts)
    if options.write:
        kept = {name: value for name, value in known.items() if name not in missing} | found
        GOLDEN.write_text("".join(f"{value}  {name}\n" for name, value in sorted(kept.items())))
        print(f"{len(found)} hashes written, {len(missing)} dropped")
        return
    for name in missing:
        print(f"missing: {name}")
    print(f"{len(found)} hashes made, {len(wrong)} changed, {len(missing)} missing")
    sys.exit(1 if wrong or missing else 0)


main()
