"""Fits the polynomials of Sources/CKernels anew, in 60 digits, and compares them with what stands there, bit by bit.

    python3 Scripts/fit-kernels.py

- normal_tail.h, tail_: F(t) = (1 + 2 u) e^(u^2) erfc(u) / 2 at u = 3.75 (1 + t) / (1 - t), the Chebyshev series on [-1, 1] cut after degree 22.
- scores.c, log_cosh_: the power series of ln cosh u in u^2, 17 terms.
- SpecialFunctions/PoissonMixture.swift: what Stirling's formula lacks of ln Gamma(k + 1), at 1/2, 1, ... 15 1/2.
- GaussLegendre.swift: points and weights of the rule of ten points.
Needs mpmath. Exit status 1 where a constant differs.
"""

import pathlib
import re
import sys

import mpmath as mp

mp.mp.dps = 60
SOURCES = pathlib.Path(__file__).resolve().parent.parent / "Sources"
failed = False


def compare(name, fitted, written):
    global failed
    worst = max(abs(float(a) - b) / mp.mpf(2) ** (mp.frexp(abs(b))[1] - 53) for a, b in zip(fitted, written))
    same = sum(float(a) == b for a, b in zip(fitted, written))
    print(f"{name}: {same} of {len(written)} to the bit" + (f", others up to {float(worst):.3g} last places off" if worst else ""))
    failed |= len(fitted) != len(written) or same != len(written)


def body(path, start, end):
    text = (SOURCES / path).read_text()
    at = text.index(start)
    return text[at : text.index(end, at)]


def horner_terms(text):
    """Coefficients of `p = p * x + c;` from the highest on, in hexadecimal or decimal digits."""
    number = r"(?:0x[0-9a-f.]+p[+-]\d+|\d+\.\d+(?:e[+-]?\d+)?)"
    terms = []
    for sign, digits in re.findall(rf"[=*] [^=;]*?([-+]) ({number});", text):
        value = float.fromhex(digits) if digits.startswith("0x") else float(digits)
        terms.append(-value if sign == "-" else value)
    return terms


def tail():
    degree, nodes = 22, 200
    angles = [(mp.mpf(k) + 0.5) * mp.pi / nodes for k in range(nodes)]

    def f(t):
        u = mp.mpf(15) / 4 * (1 + t) / (1 - t)
        return (1 + 2 * u) * mp.exp(u * u) * mp.erfc(u) / 2

    values = [f(mp.cos(a)) for a in angles]
    series = [
        (1 if n == 0 else 2) * mp.fsum(v * mp.cos(n * a) for v, a in zip(values, angles)) / nodes
        for n in range(degree + 1)
    ]
    # T_0, T_1, ... as polynomials.
    previous, current = [mp.mpf(1)], [mp.mpf(0), mp.mpf(1)]
    total = [mp.mpf(0)] * (degree + 1)
    for n, c in enumerate(series):
        polynomial = previous if n == 0 else current
        for i, a in enumerate(polynomial):
            total[i] += c * a
        if n > 0:
            following = [mp.mpf(0)] + [2 * a for a in current]
            for i, a in enumerate(previous):
                following[i] -= a
            previous, current = current, following
    written = horner_terms(body("CKernels/normal_tail.h", "vd p = (vd){0}", "vd x = u * u"))
    compare("tail_", total[::-1], written)


def log_cosh():
    # ln cosh u = sum over n of 2^(2 n) (2^(2 n) - 1) B_2n / (2 n (2 n)!) u^(2 n)
    terms = [
        mp.mpf(4) ** n * (mp.mpf(4) ** n - 1) * mp.bernoulli(2 * n) / (2 * n * mp.factorial(2 * n)) for n in range(17, 0, -1)
    ]
    text = body("CKernels/scores.c", "vd p = v * ", "*out = p * v;")
    first = float(re.match(r"vd p = v \* ([0-9.e+-]+)", text).group(1))
    compare("log_cosh_", terms, [first] + horner_terms(text))


def stirling():
    errors = []
    for i in range(1, 32):
        k = mp.mpf(i) / 2
        errors.append(mp.loggamma(k + 1) - (k + mp.mpf(1) / 2) * mp.log(k) + k - mp.log(2 * mp.pi) / 2)
    text = body("Numerics/SpecialFunctions/PoissonMixture.swift", "stirlingErrors: [Double] = [", "]\n")
    compare("stirlingErrors", errors, [float(x) for x in re.findall(r"\d\.\d+", text)])


def legendre():
    rule = []
    for k in range(5, 0, -1):
        x = mp.findroot(lambda t: mp.legendre(10, t), mp.cos(mp.pi * (k - mp.mpf(1) / 4) / (10 + mp.mpf(1) / 2)))
        slope = 10 * (x * mp.legendre(10, x) - mp.legendre(9, x)) / (x * x - 1)
        rule += [x, 2 / ((1 - x * x) * slope * slope)]
    text = body("Numerics/GaussLegendre.swift", "= [\n", "]\n")
    compare("GaussLegendre.ten", rule, [float(x) for x in re.findall(r"\d\.\d+", text)])


tail()
log_cosh()
stirling()
legendre()
sys.exit(failed)
