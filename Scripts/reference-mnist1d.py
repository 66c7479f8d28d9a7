#!/usr/bin/env python3
"""Figures of MNIST-1D's published code, for tests of the source `mnist-1d`.

Writes JSON: some signals with all that they draw, and, of many signals of each class before they are standardised, the mean and the deviation over
signals of four figures of a signal: its mean value, its mean square, and its mean products at distances 1 and 5.

Needs the packages mnist1d (0.0.2) and numpy:  Scripts/reference-mnist1d.py > Tests/Vectors/mnist-1d.json   (a minute)
"""
import json
import sys
import numpy as np
from mnist1d.data import get_dataset_args, get_templates
from mnist1d.transform import transform

args, templates = get_dataset_args(), get_templates()
signals = 20_000


def signal(label):
    return transform(templates["x"][label], templates["t"], args)[0]


def case(label, padding, scale, move, slope, generator):
    """A signal of given draws, which take the place of NumPy's."""
    uniform = iter([(padding - 36 + 0.5) / 25, scale, slope])
    noise = [np.round(generator.standard_normal(72), 3) for _ in range(2)]
    normal = iter(noise)
    saved = np.random.rand, np.random.choice, np.random.randn
    np.random.rand = lambda: next(uniform)
    np.random.choice = lambda n: move
    np.random.randn = lambda *shape: next(normal)
    values = signal(label)
    np.random.rand, np.random.choice, np.random.randn = saved
    return dict(label=label, padding=padding, scale=scale, move=move, slope=slope, correlated=noise[0].tolist(),
                white=noise[1].tolist(), values=values.tolist())


def figures(x):
    return [x.mean(), (x * x).mean(), (x[1:] * x[:-1]).mean(), (x[5:] * x[:-5]).mean()]


generator = np.random.default_rng(1)
cases = [case(label, [36, 59, 48, 41][label % 4], round(0.05 + 0.09 * label, 2), [0, 47, 17, 30, 5][label % 5],
              round(0.99 - 0.1 * label, 2), generator) for label in range(10)]
np.random.seed(2)
classes = []
for label in range(10):
    rows = np.array([figures(signal(label)) for _ in range(signals)])
    classes.append(dict(means=rows.mean(0).tolist(), deviations=rows.std(0).tolist()))
json.dump(dict(signals=signals, cases=cases, classes=classes), sys.stdout, separators=(",", ":"))
print()
