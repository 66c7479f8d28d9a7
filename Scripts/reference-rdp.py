#!/usr/bin/env python3
"""Reference values for the RDP accountant, computed with mpmath at 40 or more digits.

    python3 reference-rdp.py ACCOUNTING.JSON OUTPUT.JSON

Reads the rounds and deltas of ACCOUNTING.JSON and writes, to OUTPUT.JSON, the RDP epsilon of each, and
spot values of the Renyi divergence, of the Gaussian mechanism's epsilon and of binomial tails.

Independent of the accountant: Renyi divergences are Gauss-Legendre integrals (mpmath.quad) of the exact
integrand, cross-checked against the exact binomial sum at integer orders. float64 is used only to locate
the best order. With t = a - 1, t * epsilon(a) is convex in t, so epsilon has one minimum, and its values
at three orders bound that minimum from below: the bound is the certificate printed at the end.
Takes two minutes on one core with gmpy2 installed, many more without. Needs mpmath, numpy and scipy.
"""

import json
import math
import sys
import time

import mpmath
import numpy
from mpmath import mp, mpf
from scipy.optimize import minimize_scalar

DIGITS = 50
LARGEST = 1e6  # of t, where the search stops
NODES, WEIGHTS = numpy.polynomial.legendre.leggauss(32)
worst = {}
unbounded = []


def note(what, value):
    """Keeps the largest value seen of each kind of error."""
    worst[what] = max(worst.get(what, 0.0), float(value))


# Panels of integration. The pair is P = (1-q) N(0,z^2) + q N(1,z^2), Q = N(0,z^2), and the integrand is
# (P/Q)^p Q, with p = a for the divergence of P from Q (remove), and p = 1-a for that of Q from P (add).

def crossover(q, z):
    """Where the two parts of P are equal; the integrand's branch points are there, at height pi z^2."""
    return z * z * math.log((1 - q) / q) + 0.5 if q < 1 else -math.inf


def log_ratio(x, q, z):
    u = (2 * x - 1) / (2 * z * z)
    if q == 1:
        return u
    return numpy.where(u < 1, numpy.log1p(q * numpy.expm1(numpy.minimum(u, 1))),
                       numpy.logaddexp(math.log1p(-q), math.log(q) + u))


def panels(q, z, p, scale=1.0):
    """Panels outside which the integrand is below e^-150 of its maximum, and those which hold P and Q.

    The slope of the integrand's logarithm is (p s - x) / z^2 with s, the posterior of the shifted part,
    between 0 and 1: beyond the two limits it decays at least as a Gaussian does.
    """
    x0 = crossover(q, z)
    if p > 0:
        left, right = -18 * z, p + 18 * z
    else:
        far = min(0.0, x0 - z * z * math.log(max(1.0, -p / z))) if q < 1 else p
        left, right = max(p, far) - 20 * z, 1 + 18 * z
    centre = min(max(x0, left), right)
    height = math.pi * z * z

    def walk(end):
        x, points = centre, [centre]
        sign = 1 if end > centre else -1
        while x != end:
            gap = math.hypot(x - x0, height) if q < 1 else math.inf
            x += sign * scale * min(3 * z, gap)
            if (end - x) * sign < 0.01 * z:
                x = end
            points.append(x)
        return points

    points = walk(left)[::-1] + walk(right)[1:]
    a, b = numpy.array(points[:-1]), numpy.array(points[1:])
    nearest = numpy.where((a < 0) & (b > 0), 0, numpy.minimum(abs(a), abs(b)))
    bound = -nearest ** 2 / (2 * z * z) + p * log_ratio(b if p > 0 else a, q, z)
    middle = (a + b) / 2
    peak = (-middle ** 2 / (2 * z * z) + p * log_ratio(middle, q, z)).max()
    either = -nearest ** 2 / (2 * z * z) + numpy.maximum(0, log_ratio(b, q, z))
    keep = (bound > peak - 150) | (either > -60)
    return a[keep], b[keep], peak


# log E_Q[(P/Q)^p].

def fast_log_moment(q, z, p):
    """The same in float64, only to locate the best order."""
    if q == 1:
        return p * (p - 1) / (2 * z * z)
    a, b, peak = panels(q, z, p)
    half = (b - a)[:, None] / 2
    x = (a + b)[:, None] / 2 + half * NODES
    weight = half * WEIGHTS / (z * math.sqrt(2 * math.pi))
    ratio = log_ratio(x, q, z)
    power = p * ratio
    if peak > 30:
        return peak + math.log((weight * numpy.exp(power - x * x / (2 * z * z) - peak)).sum())
    w = q * numpy.expm1(numpy.minimum((2 * x - 1) / (2 * z * z), 600))
    small = numpy.maximum(abs(w), abs(p * w)) < 1e-2
    tiny = numpy.where(small, w, 0)
    term = p * (p - 1) / 2 * tiny * tiny
    series = numpy.zeros_like(w)
    for k in range(2, 14):
        series += term
        term = term * tiny * (p - k) / (k + 1)
    with numpy.errstate(over="ignore", invalid="ignore"):
        density = numpy.exp(-x * x / (2 * z * z))
        direct = numpy.exp(power - x * x / (2 * z * z)) - (1 + p * w) * density
        value = numpy.where(small, series * density, direct)
    return math.log1p((weight * value).sum())


def log_moment(q, z, p, scale=1.0):
    """By quadrature; all panels are one integrand on [-1, 1], so that its error estimate is for the total.

    The integral's absolute error is 1e-48 of its peak and A - 1 is above 1e-20, hence more than 25 digits.
    """
    with mp.workdps(DIGITS):
        q, z, p = mpf(q), mpf(z), mpf(p)
        a, b, peak = panels(float(q), float(z), float(p), scale)
        parts = [((mpf(l) + mpf(r)) / 2, (mpf(r) - mpf(l)) / 2) for l, r in zip(a.tolist(), b.tolist())]
        stay, curve, peak = 1 - q, 1 / (2 * z * z), mpf(float(peak))

        def integrand(t):
            total = mpf(0)
            for middle, width in parts:
                x = middle + width * t
                ratio = mp.log(stay + q * mp.exp((2 * x - 1) * curve))
                total += width * mp.exp(p * ratio - x * x * curve - peak)
            return total

        value, error = mp.quad(integrand, [-1, 1], method="gauss-legendre", error=True)
        norm = z * mp.sqrt(2 * mp.pi)
        result = mp.log(value / norm) + peak
        note("quadrature's own estimate, relative", error / value / min(1, abs(result)))
        return result


def binomial_log_moment(q, z, a):
    """Exact sum at an integer order: A - 1 = sum C(a,k) (1-q)^(a-k) q^k (e^{(k^2-k)/(2z^2)} - 1)."""
    with mp.workdps(DIGITS):
        q, z = mpf(q), mpf(z)
        total = mpf(0)
        for k in range(2, a + 1):
            total += mp.binomial(a, k) * (1 - q) ** (a - k) * q ** k * mp.expm1((k * k - k) / (2 * z * z))
        return mp.log1p(total)


def exact_log_moment(q, z, a, direction):
    """log A for the order a, an mpf or a float."""
    with mp.workdps(DIGITS):
        p = mpf(a) if direction == "remove" else 1 - mpf(a)
        if q == 1:
            return p * (p - 1) / (2 * mpf(z) ** 2)
        return log_moment(q, z, p)


# The RDP epsilon.

def merge(rounds):
    counts = {}
    for each in rounds:
        key = (each["samplingRate"], each["noiseMultiplier"])
        counts[key] = counts.get(key, 0) + each["count"]
    return counts


def fast_epsilon(counts, delta, direction, t):
    a = 1 + t
    moment = sum(n * fast_log_moment(q, z, a if direction == "remove" else -t) for (q, z), n in counts.items())
    return moment / t - math.log1p(1 / t) - (math.log(delta) + math.log(a)) / t


def exact_epsilon(counts, delta, direction, a):
    with mp.workdps(DIGITS):
        a = mpf(a)
        r = sum(n * exact_log_moment(q, z, a, direction) for (q, z), n in counts.items()) / (a - 1)
        return r + mp.log1p(-1 / a) - (mp.log(mpf(delta)) + mp.log(a)) / (a - 1)


def best_order(counts, delta, direction):
    """t = a - 1 of the minimum: bracket by doubling, Brent's method, then the vertex of a parabola."""
    def f(y):
        return fast_epsilon(counts, delta, direction, math.exp(y))

    step, y = 1.0, math.log(5)
    low, middle, high = y - step, y, y + step
    fl, fm, fh = f(low), f(middle), f(high)
    while fl <= fm or fh <= fm:
        if fl < fh:
            low, middle, high, fm, fh = low - step, low, middle, fl, fm
            fl = f(low)
        else:
            low, middle, high, fl, fm = middle, high, high + step, fm, fh
            fh = f(high)
        assert low > -25
        if high > math.log(LARGEST):
            return None
    y = minimize_scalar(f, bracket=(low, middle, high), method="brent", options={"xtol": 1e-8}).x
    h = 1e-4
    fl, fm, fh = f(y - h), f(y), f(y + h)
    curvature = fl - 2 * fm + fh
    if curvature > 0:
        y += max(-h, min(h, h * (fl - fh) / (2 * curvature)))
    return math.exp(y)


def minimum(counts, delta, direction):
    """Least epsilon, its order, and how far below it the true minimum can be (from convexity).

    The gap is None, and epsilon only an upper bound, if the minimum is beyond the largest order.
    """
    t = best_order(counts, delta, direction)
    if t is None:
        return exact_epsilon(counts, delta, direction, 1 + LARGEST), 1 + LARGEST, None
    h = 1e-8
    for _ in range(12):
        a = 1 + t
        with mp.workdps(DIGITS):
            ts = [(mpf(a) - 1) * (1 + k * mpf(h)) for k in (-1, 0, 1)]
            es = [exact_epsilon(counts, delta, direction, 1 + s) for s in ts]
            ns = [s * e for s, e in zip(ts, es)]
            if es[0] >= es[1] <= es[2]:
                # A chord of the convex t * epsilon, extended, is below it; over t, it is monotone.
                up, down = (ns[2] - ns[1]) / (ts[2] - ts[1]), (ns[1] - ns[0]) / (ts[1] - ts[0])
                left = (ns[1] + up * (ts[0] - ts[1])) / ts[0]
                right = (ns[1] + down * (ts[2] - ts[1])) / ts[2]
                return es[1], a, es[1] - min(es[1], left, right)
            # float64 was not good enough: step to the vertex of the parabola.
            shift = (es[0] - es[2]) / (2 * (es[0] - 2 * es[1] + es[2]))
        t *= float(1 + h * max(-1e5, min(1e5, shift)))
    raise ArithmeticError(f"no bracket: {counts} {delta} {direction} {a}")


def case_epsilon(rounds, delta):
    """Epsilon, its order and direction, and the epsilon of the add direction."""
    counts = merge(rounds)
    epsilon, order, gap = minimum(counts, delta, "remove")
    direction, other = "remove", epsilon
    if any(q < 1 for q, _ in counts):
        other, other_order, other_gap = minimum(counts, delta, "add")
        if other_gap is None:
            unbounded.append((delta, other_order))
        else:
            note("minimum over the order, add, absolute", other_gap)
        if other > epsilon:
            epsilon, order, gap, direction = other, other_order, other_gap, "add"
    note("minimum over the order, relative", gap / abs(epsilon))
    note("minimum over the order, absolute", gap)
    return max(epsilon, mpf(0)), order, direction, max(other, mpf(0))


# The Gaussian mechanism and the binomial tail.

def gaussian_delta(epsilon, mu):
    return mp.ncdf(mu / 2 - epsilon / mu) - mp.exp(epsilon) * mp.ncdf(-mu / 2 - epsilon / mu)


def gaussian_epsilon(mu, delta):
    with mp.workdps(80):
        mu, delta = mpf(mu), mpf(delta)
        if gaussian_delta(mpf(0), mu) <= delta:
            return mpf(0)
        low, high = mpf(0), mu
        while gaussian_delta(high, mu) > delta:
            low, high = high, 2 * high
        for _ in range(60):
            middle = (low + high) / 2
            if gaussian_delta(middle, mu) > delta:
                low = middle
            else:
                high = middle
        x = (low + high) / 2
        for _ in range(4):
            slope = -mp.exp(x) * mp.ncdf(-mu / 2 - x / mu)
            x -= (gaussian_delta(x, mu) - delta) / slope
        note("Gaussian delta at the epsilon found, relative", abs(gaussian_delta(x, mu) / delta - 1))
        return x


def binomial_tail(n, p, k):
    """Pr[Bin(n,p) >= k], term by term from k, for k above the mean."""
    with mp.workdps(60):
        p = mpf(p)
        term = mp.exp(mp.loggamma(n + 1) - mp.loggamma(k + 1) - mp.loggamma(n - k + 1)
                      + k * mp.log(p) + (n - k) * mp.log1p(-p))
        total = mpf(0)
        for j in range(k, n + 1):
            total += term
            term *= (n - j) * p / ((j + 1) * (1 - p))
            if term < total * mpf(10) ** -55:
                break
        return total


def beta_tail(n, p, k):
    """The same as the regularised incomplete beta integral, to some 1e-40 (the integrand is log-concave)."""
    p = mpf(p)
    scale = 1 / ((k - 1) / p - (n - k) / (1 - p))
    points = [p - 4 * scale * i for i in range(26) if 4 * scale * i < p]
    points.append(max(mpf(0), p - 104 * scale))
    log_beta = mp.loggamma(k) + mp.loggamma(n - k + 1) - mp.loggamma(n + 1)
    top = (k - 1) * mp.log(p) + (n - k) * mp.log1p(-p)

    def integrand(x):
        return mp.exp((k - 1) * mp.log(x) + (n - k) * mp.log1p(-x) - top) / scale

    return mp.quad(integrand, points[::-1], method="gauss-legendre") * scale * mp.exp(top - log_beta)


# What is tabulated.

SPOTS = [
    # samplingRate, noiseMultiplier, order: each in both directions
    (1e-8, 1.0, 1.05), (1e-8, 0.3, 2.0), (1e-8, 5.0, 32.0), (1e-8, 1.0, 16.5), (1e-8, 0.5, 500.0),
    (1e-6, 0.3, 1.5), (1e-6, 2.0, 8.0), (1e-6, 1.0, 28.3), (1e-4, 0.7, 1.1), (1e-4, 1.0, 12.5),
    (1e-4, 5.0, 200.0), (1e-3, 0.5, 3.7), (1e-3, 1.0, 2.0), (1e-3, 2.0, 64.0), (1e-2, 0.3, 1.05),
    (1e-2, 0.7, 4.25), (1e-2, 1.0, 1.1), (1e-2, 1.0, 10.0), (1e-2, 5.0, 128.5), (0.1, 0.3, 2.5),
    (0.1, 1.0, 2.5), (0.1, 2.0, 11.0), (0.1, 5.0, 500.0), (0.5, 0.3, 1.2), (0.5, 0.7, 6.6),
    (0.5, 2.0, 3.0), (0.5, 1.0, 50.0), (0.9, 0.5, 1.7), (0.9, 1.0, 20.0), (0.9, 5.0, 77.7),
    (0.9, 0.3, 500.0), (1, 0.3, 1.05), (1, 2.0, 37.5),
]
MUS = [1e-3, 3e-3, 1e-2, 0.05, 0.1, 0.3, 0.5, 1.0, 3.0, 10.0, 20.0, 35.0, 50.0]
DELTAS = [1e-1, 1e-5, 1e-9, 1e-15, 1e-30]
TAILS = [
    (10, 0.1, 5), (10, 0.01, 8), (10, 0.5, 10), (20, 0.3, 13), (30, 0.001, 9), (50, 0.5, 40), (100, 0.01, 6),
    (100, 0.2, 50), (100, 0.5, 97), (500, 0.05, 80), (1000, 0.001, 24), (1000, 0.1, 131), (1000, 0.5, 700),
    (10000, 0.01, 170), (10000, 0.3, 3300), (10000, 0.0001, 12), (100000, 0.001, 200), (100000, 0.5, 51500),
    (100000, 0.02, 2590), (1000000, 0.000001, 20), (1000000, 0.001, 1120), (1000000, 0.1, 103500),
    (1000000, 0.01, 10400),
]
ABOUT = {
    "what": "Reference values for the RDP accountant, by mpmath at 40 or more digits, rounded to 17; "
            "written by Scripts/reference-rdp.py. Every input is the double nearest to the number shown.",
    "pair": "P = (1-q) N(0,z^2) + q N(1,z^2) and Q = N(0,z^2): q is samplingRate, z is noiseMultiplier (noise "
            "standard deviation over the sensitivity, 1), Poisson sampling, add-or-remove-one adjacency",
    "direction": "remove: E_Q[(P/Q)^a]; add: E_P[(Q/P)^a]",
    "epsilon": "least over real orders a > 1 of r(a) + log1p(-1/a) - (log delta + log a)/(a-1), where r is the "
               "sum over rounds of count times the divergence; the larger of the two directions, each composed "
               "separately, and not below 0. order: the minimiser found; epsilon is flat there, so compare "
               "orders to 1e-5 at best. direction: the one that is larger; remove where they are equal (q = 1)",
    "divergence": "value = log A_a / (a-1), a = order, A_a the expectation of that direction",
    "gaussian": "epsilon of the Gaussian mechanism: delta = Phi(mu/2 - epsilon/mu) - e^epsilon "
                "Phi(-mu/2 - epsilon/mu), 0 if delta is larger at epsilon = 0; mu = sqrt(sum of 1/z^2)",
    "binomial": "value = Pr[Bin(trials, probability) >= atLeast]",
}


class Number(float):
    """A float printed with the 17 digits of the mpf it came from."""

    def __new__(cls, value):
        self = super().__new__(cls, float(value))
        self.text = mp.nstr(value, 17, min_fixed=-4, max_fixed=17)
        assert abs(float(self.text) - float(value)) <= math.ulp(float(value)), value
        return self

    def __repr__(self):
        return self.text


def dump(value):
    if isinstance(value, dict):
        return "{" + ", ".join(json.dumps(k) + ": " + dump(v) for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(dump, value)) + "]"
    return repr(value) if isinstance(value, Number) else json.dumps(value)


def write(path, output):
    with open(path, "w") as file:
        file.write('{\n"about": {\n' + ",\n".join(f"  {json.dumps(k)}: {dump(v)}" for k, v in ABOUT.items()) + "\n}")
        for name, rows in output.items():
            file.write(f',\n"{name}": [\n' + ",\n".join("  " + dump(row) for row in rows) + "\n]")
        file.write("\n}\n")


def main(vectors, path):
    mp.dps = DIGITS
    start = time.time()
    with open(vectors) as file:
        cases = json.load(file)["epsilon"]
    output = {"epsilon": [], "divergence": [], "gaussian": [], "binomial": []}

    for n, p, k in TAILS:
        value = binomial_tail(n, p, k)
        with mp.workdps(60):
            if n <= 1000:
                other = mp.fsum(mp.binomial(n, j) * mpf(p) ** j * (1 - mpf(p)) ** (n - j) for j in range(k, n + 1))
            else:
                other = beta_tail(n, p, k)
            note("binomial tail against a second formula, relative", abs(other / value - 1))
        assert 1e-41 < value < 1e-2, (n, p, k, value)
        output["binomial"].append({"trials": n, "probability": p, "atLeast": k, "value": Number(value)})

    mus = set(MUS)
    for case in cases:
        if all(each["samplingRate"] == 1 for each in case["rounds"]):
            mu = mp.sqrt(sum(each["count"] / mpf(each["noiseMultiplier"]) ** 2 for each in case["rounds"]))
            mus.add(float(mu))
            for row in case["epsilon"]:
                note("Gaussian against 'exact', relative", abs(gaussian_epsilon(mu, row["delta"]) / row["exact"] - 1))
    for mu in sorted(mus):
        for delta in DELTAS:
            output["gaussian"].append({"mu": mu, "delta": delta, "epsilon": Number(gaussian_epsilon(mu, delta))})

    for q, z, a in SPOTS:
        for direction in ("remove", "add"):
            value = exact_log_moment(q, z, a, direction)
            p = mpf(a) if direction == "remove" else 1 - mpf(a)
            note("log A with finer panels, relative", abs(log_moment(q, z, p, 0.6) / value - 1))
            if a == int(a) and direction == "remove":
                note("log A against the binomial sum, relative", abs(binomial_log_moment(q, z, int(a)) / value - 1))
            output["divergence"].append({"samplingRate": q, "noiseMultiplier": z, "order": a,
                                         "direction": direction, "value": Number(value / (mpf(a) - 1))})
            note("float64 log A, relative", abs(fast_log_moment(q, z, float(p)) / value - 1))
    print(f"spots done, {time.time() - start:.0f} s", flush=True)
    write(path, output)

    exceptions, checked = [], set()
    for number, case in enumerate(cases):
        for row in case["epsilon"]:
            epsilon, order, direction, add = case_epsilon(case["rounds"], row["delta"])
            output["epsilon"].append({"rounds": case["rounds"], "delta": row["delta"], "epsilon": Number(epsilon),
                                      "order": order, "direction": direction})
            least = row.get("exact", row.get("lower"))
            if epsilon < least:
                exceptions.append(f"BELOW the lower bound: case {number} delta {row['delta']}: "
                                  f"{float(epsilon)!r} < {least!r}")
            if "add" in row and add < row["add"]["lower"]:
                exceptions.append(f"BELOW the lower bound, add: case {number} delta {row['delta']}: "
                                  f"{float(add)!r} < {row['add']['lower']!r}")
            if "remove" in row and direction == "remove" and epsilon < row["remove"]["lower"]:
                exceptions.append(f"BELOW the lower bound, remove: case {number} delta {row['delta']}")
            if "rdpGoogle" in row:
                ratio = row["rdpGoogle"] / epsilon - 1
                note("rdpGoogle above ours, relative", ratio)
                if ratio < 0:
                    exceptions.append(f"rdpGoogle below ours: case {number} {case['rounds'][0]} delta "
                                      f"{row['delta']}: {row['rdpGoogle']!r} ours {float(epsilon)!r} "
                                      f"relative {float(ratio):.2e} order {order:.6g}")
            for q, z in merge(case["rounds"]):
                nearest = max(2, round(order))
                if q < 1 and (q, z, nearest) not in checked and nearest <= 500:
                    checked.add((q, z, nearest))
                    note("log A against the binomial sum, relative",
                         abs(binomial_log_moment(q, z, nearest) / log_moment(q, z, nearest) - 1))
        write(path, output)
        print(f"case {number} order {order:.4g} {time.time() - start:.0f} s", flush=True)

    print("add: minimum beyond the largest order searched in", len(unbounded))
    print({name: len(rows) for name, rows in output.items()}, "integer orders checked:", len(checked))
    for what, value in worst.items():
        print(f"{what}: {value:.2e}")
    print("\n".join(exceptions) or "no exceptions")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
