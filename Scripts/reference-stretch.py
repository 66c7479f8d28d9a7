#!/usr/bin/env python3
"""Reference values of stretch functions, by mpmath at 26 digits.

    python3 reference-stretch.py STRETCH.JSON [HEIGHTS.JSON]

P[r >= g] and E(r - g)+ of two Gaussians are sums over Poisson mixtures of central chi-square laws where that is short, and
contour integrals with steps of their own where it is not; S(g) is a Gauss-Legendre quadrature of 1 / B. Shares no code, no nodes
and no enclosures with Sources. Takes some minutes. Needs mpmath (and gmpy2 for speed).
"""

import json
import sys

from mpmath import exp, log, log1p, loggamma, mp, mpc, mpf, pi, sqrt

mp.dps = 26
TINY = mpf(10) ** -30


def mixture(x, a, mean):
    """Pr[Gamma(a + J) <= x], J Poisson."""
    total, below, i = mpf(0), mpf(0), 0
    weight, term = exp(-mean), exp(a * log(x) - x - loggamma(a + 1))
    while True:
        below += weight
        total += term * below
        if i > x and term < TINY * total:
            return total
        i += 1
        term *= x / (a + i)
        weight *= mean / i


class Law:
    def __init__(self, n, shift, snr):
        self.n, self.m, self.r = mpf(n), mpf(shift), mpf(snr)
        self.centrality = self.m**2 * (1 + self.r) ** 2 / self.r**2
        self.top = self.n / 2 * log1p(self.r) + self.m**2 * (1 + self.r) / (2 * self.r)
        self.variance = self.n / 2 * (self.r / (1 + self.r)) ** 2 + self.m**2 / (1 + self.r)
        self.mean = self.n / 2 * (log1p(self.r) - self.r / (1 + self.r)) + self.m**2 / 2

    def above(self, height):
        """E(r - g)+ for ln g = height."""
        if height >= self.top:
            return mpf(0)
        if self.n < 40 and self.centrality < 3000:
            x = (self.top - height) / self.r
            p = mixture(x, self.n / 2, self.centrality / 2)
            q = mixture(x * (1 + self.r), self.n / 2, self.centrality / (2 * (1 + self.r)))
            return q - exp(height) * p
        n, r, pull = self.n, self.r, self.m**2 * (1 + self.r) / 2
        k = lambda t: n / 2 * (t * log1p(r) - mp.log(1 + t * r)) - t * (1 - t) * pull / (1 + t * r) - t * height
        if height < self.mean - self.variance - 13 * sqrt(self.variance):
            return 1 - exp(height)  # E(g - r)+ is below e^-80
        # Right of both poles E(r - g)+; for low heights left of them, 1 - g + E(g - r)+, where nothing large cancels.
        low = height < self.mean - self.variance
        if low:
            c = min(-mpf(1) / 2 / sqrt(self.variance), 1 + (height - self.mean) / self.variance)
            c = max(c, -mpf(7) / 10 / r)
            h = min(2 * pi * -c / 75, mpf(1) / 4 / sqrt(self.variance))
        else:
            c = 1 + max(mpf(1) / 2 / sqrt(self.variance), (height - self.mean) / self.variance)
            h = min(2 * pi * (c - 1) / 75, mpf(1) / 4 / sqrt(self.variance))
        base, total, j = k(c), mpc(0), 0
        while True:
            t = mpc(c, j * h)
            part = mp.exp(k(t) - base) * (mpf(1) / 2 if j == 0 else 1)
            total += part / (t * (t - 1))
            if abs(part) < TINY:
                value = total.real * exp(base + height) * h / pi
                return 1 - exp(height) + value if low else value
            j += 1


def stretch(law, cap, heights):
    """S at the given ln r."""
    at_cap = law.above(cap)
    b = lambda g: law.above(log(g)) - at_cap
    sd = sqrt(law.variance)
    centre = law.mean - law.variance
    step = min(sd, mpf(5) / 4)
    cuts = [centre - 5 * sd + k * step for k in range(int((law.mean - centre + 9 * sd) / step))]
    values, total, last = [], mpf(0), mpf(0)
    for height in heights:
        points = [last] + [exp(c) for c in cuts if last < exp(c) < exp(height)] + [exp(mpf(height))]
        # In ln g, where everything is smooth; below e^-40 of the first point S(g) = g / B(0) is enough.
        logs = [log(points[1]) - 40] + [log(p) for p in points[1:]] if last == 0 else [log(p) for p in points]
        if last == 0:
            # B is nearly Z - g there: panels that grow with the distance from 1.
            logs[1:1] = sorted({logs[1] - k for k in (20, 10, 5, 2, 1)} | {logs[1] - mpf(2) ** -k for k in range(1, 10)})
            total += exp(logs[0]) / (1 - at_cap)
        value, error = mp.quad(lambda u: exp(u) / b(exp(u)), logs, method="gauss-legendre", maxdegree=4, error=True)
        worst.append(error / value)
        total += value
        last = exp(mpf(height))
        values.append(total)
    return 1 - at_cap, values


worst = []

CASES = [
    (1, 0.9, 1.0, 2.0), (1, 0.3, 0.01, 4.0), (2, 1.5, 2.0, 10.0), (5, 1.2, 0.5, 10.0), (8, 2.5, 1.0, 100.0),
    (3, 0.05, 0.001, 1.05), (20, 2.0, 0.08, 100.0), (31, 0.6, 0.3, 2.0), (33, 1.0, 0.1, 10.0), (64, 2.5, 0.2, 1000.0),
    (300, 1.7, 0.01, 100.0), (3000, 1.6, 0.001, 30.0), (3000, 1.5, 0.01, 100.0), (3000, 5.0, 0.01, 1e6),
    (1000000, 2.9, 1e-5, 100.0), (1000000, 0.0005, 1e-5, 1.01),
]

def tail(law, height):
    """P[r >= g]: minus the slope of E(r - g)+ in g, by its own sums."""
    if height >= law.top:
        return mpf(0)
    if law.n < 40 and law.centrality < 3000:
        return mixture((law.top - height) / law.r, law.n / 2, law.centrality / 2)
    n, r, pull = law.n, law.r, law.m**2 * (1 + law.r) / 2
    k = lambda t: n / 2 * (t * log1p(r) - mp.log(1 + t * r)) - t * (1 - t) * pull / (1 + t * r) - t * height
    c = max(mpf(1) / 2 / sqrt(law.variance), 1 + (height - law.mean) / law.variance)
    h = min(2 * pi * c / 75, mpf(1) / 4 / sqrt(law.variance))
    base, total, j = k(c), mpc(0), 0
    while True:
        t = mpc(c, j * h)
        part = mp.exp(k(t) - base) * (mpf(1) / 2 if j == 0 else 1)
        total += part / t
        if abs(part) < TINY:
            return total.real * exp(base) * h / pi
        j += 1


HEIGHTS = [
    (1, 1.0, 1.0), (1, 0.3, 0.01), (2, 1.5, 2.0), (5, 1.2, 0.5), (8, 2.5, 1.0), (20, 2.0, 0.08), (16, 0.4, 0.01),
    (3, 0.05, 0.001), (31, 3.0, 0.3), (31, 0.01, 0.02), (33, 1.0, 0.1), (40, 2.2, 0.07), (64, 4.0, 0.2),
    (64, 0.001, 0.3), (300, 1.7, 0.01), (3000, 1.6, 0.001), (3000, 5.0, 0.01), (100000, 3.0, 1e-4),
    (1000000, 1.0, 1e-6), (1000000, 5.0, 1e-6), (1000000, 0.0005, 1e-5), (50, 0.0, 1e-6), (7, 1e-8, 0.3),
]

# Mean, snr and x of single coordinates.
COORDINATES = [
    (0.5, 1.0, -2.5), (0.5, 1.0, -0.5), (0.5, 1.0, 0.5), (0.5, 1.0, 2.2), (0.003, 1e-5, -1.0), (0.003, 1e-5, 1.0),
    (3.0, 1e-4, 0.0), (3.0, 1e-4, 3.0), (3.0, 1e-4, 4.0), (40.0, 1e3, 39.0), (40.0, 1e3, 40.0), (40.0, 1e3, 43.0),
    (-1.0, 0.1, -3.0), (-1.0, 0.1, 0.5), (200.0, 1e4, 201.0),
]


def coordinate(mean, snr, x):
    """S of one coordinate, without a cap, by A in closed form; s is the rounded square root that the codec has."""
    mean, x, s = mpf(mean), mpf(x), mpf(float(sqrt(mpf(1 + snr))))
    v = s * s / (s * s - 1)
    mode = v * mean
    top = log(s) + mean**2 / (2 * (s * s - 1))
    mass = lambda a, b: (mp.erfc(a / sqrt(2)) - mp.erfc(b / sqrt(2))) / 2 if a > 0 else (
        mp.erfc(-b / sqrt(2)) - mp.erfc(-a / sqrt(2))) / 2

    def slope(reach):
        low, high = mode - reach, mode + reach
        h = exp(top - reach**2 / (2 * v))
        a = mass(low - mean, high - mean) - h * mass(low / s, high / s)
        return h * reach / v / a

    end = abs(x - mode)
    far = sqrt(2 * v * (top + 60))
    if far <= end:
        return exp(top - end**2 / (2 * v))
    points = [end] + [p for p in (end + mpf(2) ** k for k in range(-12, 40)) if p < far] + [far]
    # Twice the digits: A is a difference.
    with mp.workdps(60):
        value = mp.quad(slope, points, method="gauss-legendre", maxdegree=5)
    return value + exp(top - far**2 / (2 * v))


if __name__ == "__main__":
    if len(sys.argv) > 2:
        heights = []
        for n, shift, snr in HEIGHTS:
            law = Law(n, shift, snr)
            for k in (-3, -1, 0, 1, 2.5, 4.5):
                height = float(law.mean + k * sqrt(law.variance) - (law.variance if k < 0 else 0))
                if height < law.top:
                    heights.append(
                        {"dimension": n, "shift": shift, "snr": snr, "logHeight": height,
                         "tail": mp.nstr(tail(law, mpf(height)), 20), "above": mp.nstr(law.above(mpf(height)), 20)})
        rows = [{"mean": m, "snr": r, "x": x, "stretch": mp.nstr(coordinate(m, r, x), 20)} for m, r, x in COORDINATES]
        with open(sys.argv[2], "w") as file:
            json.dump({"heights": heights, "coordinates": rows}, file, indent=1)
            file.write("\n")
    rows = []
    for n, shift, snr, cap in CASES if sys.argv[1] != "-" else []:
        law = Law(n, shift, snr)
        cap = float(log(cap))
        sd = sqrt(law.variance)
        heights = sorted(float(law.mean + k * sd) for k in (-3, -1.5, -0.5, 0, 0.7, 1.6, 2.5))
        heights = [h for h in heights if h < cap - 1e-3 * float(sd)]
        mass, values = stretch(law, mpf(cap), heights)
        rows.append(
            {"dimension": n, "shift": shift, "snr": snr, "logCap": cap, "bodyMass": mp.nstr(mass, 20),
             "logRatios": heights, "stretch": [mp.nstr(v, 20) for v in values]})
        print(n, shift, snr, cap, mp.nstr(mass, 8), len(heights), mp.nstr(max(worst), 3), flush=True)
    if sys.argv[1] == "-":
        sys.exit()
    with open(sys.argv[1], "w") as file:
        json.dump({"rows": rows}, file, indent=1)
        file.write("\n")
