#!/usr/bin/env python3
"""Epsilon and CPU time of fedsim's accountant beside dp-accounting and prv-accountant, as Markdown tables.

    Scripts/compare-accountants.sh     installs the packages and runs this

Three parts: equal rounds, a ledger of 1000 distinct rounds, and calibration of the noise.

The mechanism is the Gaussian on Poisson samples, neighbors by adding or removing one record. At rate 1 each
library is given the form that it handles faster: prv-accountant the plain Gaussian, dp-accounting a sample.
 - fedsim: a child process, its user and system time, so with the start of the process and reading its input;
 - dp-accounting PLDAccountant: intervals of 1e-4, connect-the-dots (its defaults), an upper bound;
 - dp-accounting RdpAccountant: default orders, an upper bound;
 - prv-accountant: a lower and an upper bound, about the error in the row's name from its estimate, with an
   error of delta/1000 in delta. It covers removal only, which is the worse of the two in all cases here.
Times of the libraries leave out the start of Python and imports. A time is the least of up to three runs, of
fewer when they add up to a second.
"""

import json
import math
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version

import absl.logging
import dp_accounting
from dp_accounting.pld import PLDAccountant
from dp_accounting.rdp import RdpAccountant

try:
    import prv_accountant
except ImportError as error:
    print(f"prv-accountant is left out: {error}", file=sys.stderr)
    prv_accountant = None

FEDSIM = os.environ.get("FEDSIM", ".build/release/fedsim")
CASES = [  # sampling rate, noise multiplier, rounds, delta
    (0.01, 1, 1000, 1e-6),
    (0.01, 1, 10000, 1e-6),
    (0.1, 1, 100, 1e-5),
    (0.001, 0.5, 1000, 1e-6),
    (1, 5, 10, 1e-6),
    (0.01, 1, 1, 1e-6),
    (0.01, 1, 1000, 1e-9),
]
PRV_ERRORS = [0.01, 0.003]  # at 0.001, 10000 rounds take half a minute
LEDGER = [(0.01, 0.8 + 0.0004 * i) for i in range(1000)]  # sampling rate, noise multiplier
LEDGER_DELTA = 1e-6
LEDGER_PRV_ERROR = 0.1  # 0.01 takes six minutes
PLD_SECONDS = float(os.environ.get("PLD_SECONDS", 60))


# Times


def children_time():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(run, clock=time.process_time):
    """The answer of run() and its CPU seconds; or what went wrong, and no time."""
    times = []
    while len(times) < 3 and sum(times) < 1:
        start = clock()
        try:
            answer = run()
        except Exception as error:  # one accountant's failure is a row of the report
            message = f"{error}" if isinstance(error, TimeoutError) else f"failed: {error or repr(error)}"
            return " ".join(message.split()).replace("|", "\\|")[:200], None
        times.append(clock() - start)
    return answer, min(times)


def fedsim(*arguments):
    """Standard output of fedsim."""
    done = subprocess.run([FEDSIM, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).partition("\n")[0]
        raise RuntimeError(said or f"exit code {done.returncode}")
    return done.stdout


def fedsim_json(*arguments):
    return json.loads(fedsim(*arguments, "--format", "json"))


# Accountants: each returns bounds on epsilon, lower and upper, None where there is none.


def event(q, z):
    return dp_accounting.PoissonSampledDpEvent(q, dp_accounting.GaussianDpEvent(z))


def composed(accountant, rounds, delta, limit=math.inf):
    """rounds are (sampling rate, noise multiplier, count); limit is in CPU seconds."""
    start = time.process_time()
    for done, (q, z, count) in enumerate(rounds):
        if time.process_time() - start > limit:
            raise TimeoutError(f"stopped after {done} of {len(rounds)} rounds in {limit:g} s")
        accountant.compose(event(q, z), count)
    return None, accountant.get_epsilon(delta)


def prv(rounds, delta, error):
    """As composed, with the estimate between the bounds."""
    variables = [
        prv_accountant.GaussianMechanism(z)
        if q == 1
        else prv_accountant.PoissonSubsampledGaussianMechanism(sampling_probability=q, noise_multiplier=z)
        for q, z, _ in rounds
    ]
    counts = [count for _, _, count in rounds]
    accountant = prv_accountant.PRVAccountant(
        prvs=variables, max_self_compositions=counts, eps_error=error, delta_error=delta / 1000
    )
    return accountant.compute_epsilon(delta, counts)


# Tables

NAMES = {"noiseMultiplier": "noise multiplier", "epsilonLowerBound": "epsilon lower", "epsilon": "epsilon upper"}


def number(value, digits=6):
    finite = isinstance(value, (int, float)) and math.isfinite(value)
    return f"{value:.{digits}f}" if finite else "-" if value is None else str(value)


class Table:
    """Prints its head, and each row when it is measured. The ratios are to fedsim's row before."""

    def __init__(self, title, *keys):
        """keys are those of fedsim's answer; other accountants give their values in the same order."""
        self.keys = keys
        self.fedsim_seconds = None
        columns = ["case", "accountant", *(NAMES[key] for key in keys), "CPU ms", "of fedsim's"]
        print(f"\n## {title}\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)

    def row(self, case, accountant, values, seconds):
        """values are a message or the numbers."""
        if isinstance(values, str):
            accountant, values = f"{accountant}: {values}", [None] * len(self.keys)
        ratio = f"{seconds / self.fedsim_seconds:,.1f} x" if seconds is not None and self.fedsim_seconds else "-"
        milliseconds = number(None if seconds is None else seconds * 1e3, 1)
        print(f"| {' | '.join([case, accountant, *map(number, values), milliseconds, ratio])} |", flush=True)

    def fedsim(self, case, *arguments):
        answer, self.fedsim_seconds = measure(lambda: fedsim_json(*arguments), children_time)
        name = "fedsim"
        if isinstance(answer, dict):
            said = [str(answer[key]) for key in ("accountant", "relation", "sampling") if key in answer]
            name += f" ({', '.join(said)})" if said else ""
            answer = [answer.get(key) for key in self.keys]
        self.row(case, name, answer, self.fedsim_seconds)

    def python(self, case, accountant, run):
        self.row(case, accountant, *measure(run))

    def prv(self, case, rounds, delta, error):
        if prv_accountant is None:
            return
        answer, seconds = measure(lambda: prv(rounds, delta, error))
        name = f"prv-accountant, error {error}"
        if not isinstance(answer, str):
            lower, estimate, upper = answer
            name, answer = f"{name}, estimate {number(estimate)}", [lower, upper]
        self.row(case, name, answer, seconds)


# Parts


def write_ledger(path, rounds):
    """The input of fedsim account --ledger, from (sampling rate, noise multiplier, count) of each round.

    {"rounds": [{"samplingRate": 0.01, "noiseMultiplier": 0.8, "rounds": 1}, ...]}
    """
    keys = ("samplingRate", "noiseMultiplier", "rounds")
    with open(path, "w") as file:
        json.dump({"rounds": [dict(zip(keys, values)) for values in rounds]}, file)


def equal_rounds():
    table = Table("Equal rounds", "epsilonLowerBound", "epsilon")
    for q, z, rounds, delta in CASES:
        case = f"q {q}, z {z}, T {rounds}, delta {delta:g}"
        arguments = ["--noise-multiplier", z, "--sampling-rate", q, "--rounds", rounds, "--delta", delta]
        table.fedsim(case, "account", *arguments)
        for kind in (PLDAccountant, RdpAccountant):
            table.python(case, f"dp-accounting {kind.__name__}", lambda: composed(kind(), [(q, z, rounds)], delta))
        for error in PRV_ERRORS:
            table.prv(case, [(q, z, rounds)], delta, error)


def distinct_rounds():
    table = Table(f"{len(LEDGER)} distinct rounds", "epsilonLowerBound", "epsilon")
    rounds = [(q, z, 1) for q, z in LEDGER]
    case = f"q {LEDGER[0][0]}, z {LEDGER[0][1]} to {LEDGER[-1][1]:.4f}, delta {LEDGER_DELTA:g}"
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "ledger.json")
        write_ledger(path, rounds)
        table.fedsim(case, "account", "--ledger", path, "--delta", LEDGER_DELTA)
    # The default interval takes minutes, so a coarser one is beside it: a looser but valid bound.
    for interval, limit in ((1e-4, PLD_SECONDS), (1e-3, math.inf)):
        table.python(
            case,
            f"dp-accounting PLDAccountant, intervals of {interval:g}",
            lambda: composed(PLDAccountant(value_discretization_interval=interval), rounds, LEDGER_DELTA, limit),
        )
    table.python(case, "dp-accounting RdpAccountant", lambda: composed(RdpAccountant(), rounds, LEDGER_DELTA))
    table.prv(case, rounds, LEDGER_DELTA, LEDGER_PRV_ERROR)


def calibration(epsilon=2, delta=1e-6, q=0.01, rounds=1000):
    table = Table("Calibration", "noiseMultiplier", "epsilonLowerBound", "epsilon")
    case = f"epsilon {epsilon}, delta {delta:g}, q {q}, T {rounds}"
    arguments = ["--epsilon", epsilon, "--delta", delta, "--sampling-rate", q, "--rounds", rounds]
    table.fedsim(case, "calibrate", *arguments)
    answer, seconds = measure(
        lambda: dp_accounting.calibrate_dp_mechanism(
            PLDAccountant, lambda z: dp_accounting.SelfComposedDpEvent(event(q, z), rounds), epsilon, delta
        )
    )
    if not isinstance(answer, str):
        answer = [answer, *composed(PLDAccountant(), [(q, answer, rounds)], delta)]
    table.row(case, "dp-accounting PLDAccountant", answer, seconds)


def processor():
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main():
    # RdpAccountant warns of orders it leaves out, which can only loosen its bound.
    absl.logging.set_verbosity(absl.logging.ERROR)
    packages = ["numpy", "scipy", "dp-accounting"] + (["prv-accountant"] if prv_accountant else [])
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    said, seconds = measure(lambda: fedsim("--version"), children_time)
    start = "" if seconds is None else f", its start {seconds * 1e3:.1f} ms"
    print(f"{processor()}, Python {platform.python_version()}, {versions}, fedsim {said.strip()}{start}")
    equal_rounds()
    distinct_rounds()
    calibration()


if __name__ == "__main__":
    main()
