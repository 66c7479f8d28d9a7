#!/usr/bin/env python3
"""Epsilon and delta of composed dominating pairs by contour integrals: a reference for the accountant that shares nothing with it.

    Scripts/reference-contour.py                          writes Tests/Vectors/contours.json (two minutes; needs numpy)
    Scripts/reference-contour.py PAIR Q Z ROUNDS DELTA    prints epsilon of one pair, both directions

For theta > 0 and M(s) = E_P e^(s L) of one round, L its privacy loss,

    delta(epsilon) = 1/(2 pi i) int M(s)^T e^(-s epsilon) / (s (s + 1)) ds over Re s = theta,

as 1/(s (s + 1)) is the transform of (1 - e^-y)+. theta is the saddle point. The trapezoid rule of step d along the line adds up
delta(epsilon + 2 pi n / d) e^(2 pi n theta / d) over all integers n exactly, so its error is known before it is made.
M - 1 is a Gauss-Legendre sum over x of e^(s L) - 1, so that T of 10^6 multiplies an error of 10^-16 of a small number.

Pairs, as in docs/privacy.md (z is the deviation of the noise; sensitivity is 1, and z is not halved here):
    subsampled             (1 - q) N(0) + q N(1) against N(0)
    subsampledReplacement  (1 - q) N(0) + q N(1) against (1 - q) N(0) + q N(-1)
    displacedReplacement   H_a((1 - q) N(0) + q N(1) || N(0)) for a >= 1, H_a(N(1) || (1 - q) N(1) + q N(0)) below
    displacedZero          H_a((1 - q) N(-1) + q N(1) || (1 - q) N(-1) + q N(0)), and the same below
    displacedOnce          the former's first half for every a
"""

import json
import math
import sys

import numpy as np

POINTS, WEIGHTS = np.polynomial.legendre.leggauss(24)


def log_mixture(x, z, parts):
    """ln of the density of a mixture of (weight, mean)."""
    logs = [math.log(w) - 0.5 * ((x - m) / z) ** 2 for w, m in parts if w > 0]
    return np.logaddexp.reduce(logs) - math.log(z * math.sqrt(2 * math.pi))


def upper_tail(x):
    return 0.5 * math.erfc(x / math.sqrt(2))


class Pair:
    """Losses and P-masses of one round: nodes in x, where loss is a function of x, and an atom at 0."""

    def __init__(self, kind, q, z):
        zero, one, minus = (1 - q, 0.0), (q, 1.0), (q, -1.0)
        upper_half = {
            "subsampled": ([zero, one], [(1.0, 0.0)]),
            "subsampledReplacement": ([zero, one], [zero, minus]),
            "displacedReplacement": ([zero, one], [(1.0, 0.0)]),
            "displacedZero": ([(1 - q, -1.0), one], [(1 - q, -1.0), (q, 0.0)]),
            "displacedOnce": ([(1 - q, -1.0), one], [(1 - q, -1.0), (q, 0.0)]),
        }[kind]
        self.loss, self.mass = [], []
        if kind in ("displacedReplacement", "displacedZero"):
            # Where each half has loss above and below 0: all densities cross where x is half way between the moved normals.
            cut = 0.5
            self.add(*upper_half, z, low=cut)
            self.add([(1.0, 1.0)], [(1 - q, 1.0), (q, 0.0)], z, high=cut)
            loss, mass = np.concatenate(self.loss), np.concatenate(self.mass)
            self.loss = [np.append(loss, 0.0)]
            self.mass = [np.append(mass, 1 - math.fsum(mass))]
        else:
            self.add(*upper_half, z)
        self.loss, self.mass = np.concatenate(self.loss), np.concatenate(self.mass)

    def add(self, p, q, z, low=None, high=None):
        means = [m for _, m in p + q]
        # Tilting moves the bulk to the right by as much as the order: reach far to that side.
        left = min(means) - 39 * z if low is None else low
        right = max(means) + 39 * z if high is None else high
        panels = int(math.ceil((right - left) / (0.5 * z * min(1, 2 * z))))
        edges = np.linspace(left, right, panels + 1)
        half = (edges[1:] - edges[:-1])[:, None] / 2
        x = ((edges[1:] + edges[:-1])[:, None] / 2 + half * POINTS).ravel()
        weight = (half * WEIGHTS).ravel()
        # ln P - ln Q without cancellation: both over the density of the first part that they share.
        log_p, log_q = log_mixture(x, z, p), log_mixture(x, z, q)
        loss = log_p - log_q
        shared = q[0][1]
        ratio = {m: np.expm1(np.clip((m - shared) * (2 * x - m - shared) / (2 * z * z), -700, 700)) for m in set(means)}
        over = lambda parts: sum(w * ratio[m] for w, m in parts)  # density over the shared normal's, less 1
        tame = np.max([np.abs(r) for r in ratio.values()], axis=0) < 1e3
        loss = np.where(tame, np.log1p(over(p)) - np.log1p(over(q)), loss)
        self.loss.append(loss)
        self.mass.append(weight * np.exp(log_p))


class Composed:
    def __init__(self, kind, q, z, rounds, add=False):
        pair = Pair(kind, q, z)
        loss, mass = pair.loss, pair.mass
        with np.errstate(divide="ignore"):
            log_mass = np.log(np.maximum(mass, 0))
        if add:
            log_mass, loss = log_mass - loss, -loss
        keep = np.isfinite(log_mass)
        self.loss, self.log_mass, self.rounds = loss[keep], log_mass[keep], rounds
        self.largest = rounds * self.loss.max()

    def cumulant(self, theta):
        """ln M(theta) of one round, and mean and variance of the tilted loss."""
        logs = self.log_mass + theta * self.loss
        if np.max(np.abs(theta * self.loss[self.log_mass > -40])) < 30 and logs.max() < 300:
            excess = np.sum(np.exp(self.log_mass) * np.expm1(theta * self.loss))
            value = math.log1p(excess)
        else:
            top = logs.max()
            value = top + math.log(np.sum(np.exp(logs - top)))
        w = np.exp(logs - value)
        mean = np.sum(w * self.loss)
        return value, mean, np.sum(w * (self.loss - mean) ** 2)

    def saddle(self, epsilon):
        """theta with T K'(theta) - epsilon = 1 / theta + 1 / (theta + 1)."""
        low, high = 1e-6, 1e8
        for _ in range(80):
            middle = math.sqrt(low * high)
            excess = self.rounds * self.cumulant(middle)[1] - epsilon - 1 / middle - 1 / (middle + 1)
            low, high = (middle, high) if excess < 0 else (low, middle)
        return low

    def delta(self, epsilon, most=6_000_000):
        theta = self.saddle(epsilon)
        value, _, variance = self.cumulant(theta)
        log_scale = self.rounds * value - theta * epsilon
        deviation = math.sqrt(self.rounds * variance + 1 / theta**2)
        # Aliases: e^(-theta W) from the left, Chernoff's from the right.
        width = max((40 - log_scale) / theta, 16 * deviation)
        for _ in range(60):
            right = min(self.rounds * (self.cumulant(theta + t)[0] - value) - t * (epsilon + width)
                        for t in theta * np.array([0.1, 0.3, 1, 3])) - 0.0
            if right < -32:
                break
            width *= 1.3
        step = 2 * math.pi / width
        weight = np.exp(self.log_mass + theta * self.loss - value)
        keep = weight > 1e-24
        weight, loss = weight[keep], self.loss[keep]
        total, done, chunk = 0.0, 0, max(16, 2_000_000 // max(1, len(loss)))
        while done < most:
            y = step * (np.arange(done, done + chunk))
            phase = np.outer(y, loss)
            real = -2 * (np.sin(phase / 2) ** 2 @ weight)  # of phi - 1
            imaginary = np.sin(phase) @ weight
            # ln phi = 1/2 ln(1 + 2 re + re^2 + im^2) + i atan2(im, 1 + re)
            size = self.rounds / 2 * np.log1p(np.maximum(2 * real + real**2 + imaginary**2, -1 + 1e-300))
            angle = self.rounds * np.arctan2(imaginary, 1 + real) - y * epsilon
            s = theta + 1j * y
            terms = (np.exp(size + 1j * angle) / (s * (s + 1))).real
            if done == 0:
                terms[0] /= 2
            total += terms.sum()
            done += chunk
            if done >= most:
                raise ArithmeticError("the integral has not settled")
            if size.max() < -40 or np.max(np.exp(size)) / abs(s[-1]) * (1 / step if epsilon * step < 1e-3 else 2 / step) < 1e-9 * abs(total):
                break
        return total * step / math.pi * math.exp(log_scale)

    def epsilon(self, delta, low=0.0, high=None):
        if self.delta_at_zero_is_small(delta):
            return 0.0
        # Renyi's bound is above.
        def renyi(t):
            return (self.rounds * self.cumulant(t)[0] - math.log(delta) + t * math.log(t) - (1 + t) * math.log1p(t)) / t
        high = min(renyi(math.exp(t)) for t in np.arange(-4, 14, 0.5)) if high is None else high
        a, b = low, high
        fa = fb = None
        for i in range(60):
            middle = (a + b) / 2
            if fa is not None and fb is not None and fa > fb:
                middle = a + (b - a) * min(max(fa / (fa - fb), 0.02), 0.98)
            value = self.delta(middle)
            f = math.log(value / delta) if value > 0 else -700.0
            if f > 0:
                a, fa = middle, f
            else:
                b, fb = middle, f
            if b - a < 1e-9 * b or abs(f) < 1e-9:
                return middle
        return (a + b) / 2

    def delta_at_zero_is_small(self, delta):
        return self.delta(1e-12) <= delta


def epsilon(kind, q, z, rounds, delta):
    """The larger of both directions."""
    found = [Composed(kind, q, z, rounds).epsilon(delta)]
    if kind in ("subsampled", "displacedZero", "displacedOnce"):
        found.append(Composed(kind, q, z, rounds, add=True).epsilon(delta))
    return found


if __name__ == "__main__" and len(sys.argv) == 6:
    kind, q, z, rounds, delta = sys.argv[1], *map(float, sys.argv[2:])
    print(*epsilon(kind, q, z, int(rounds), delta))


CASES = [  # pair, q, z of the pair, rounds, delta
    ("displacedZero", 0.01, 10, 1_000_000, 1e-6),
    ("displacedOnce", 0.01, 10, 1_000_000, 1e-6),
    ("displacedReplacement", 0.01, 5, 1_000_000, 1e-6),
    ("displacedZero", 0.01, 5, 100_000, 1e-6),
    ("displacedZero", 0.001, 2, 200_000, 1e-8),
    ("displacedReplacement", 0.02, 4, 60_000, 1e-5),
    ("subsampled", 0.001, 4, 100_000, 1e-9),
    ("subsampledReplacement", 0.01, 6, 300_000, 1e-7),
]


def write():
    rows = []
    for kind, q, z, rounds, delta in CASES:
        found = epsilon(kind, q, z, rounds, delta)
        rows.append({"pair": kind, "rate": q, "scale": z, "rounds": rounds, "delta": delta, "epsilon": max(found)})
        print(rows[-1], flush=True)
    about = "epsilon of composed pairs, the larger of both directions, by contour integrals: Scripts/reference-contour.py"
    with open("Tests/Vectors/contours.json", "w") as file:
        json.dump({"about": about, "cases": rows}, file, indent=1)
        file.write("\n")


if __name__ == "__main__" and len(sys.argv) == 1:
    write()
