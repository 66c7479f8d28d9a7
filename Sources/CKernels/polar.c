// Successive cancellation and the signs of `polar`.
// The file is compiled once for each instruction set.
#define TOPIC "polar.c"
#include "each_instruction_set.h"
#ifdef SUFFIX
#include "elementary.h"

// tanh(mu z), in (-1, 1) or at its ends.
void NAME(biases)(const double *z, const double *mu, double *out, size_t groups) {
  for (size_t i = 0; i < groups; i++) {
    vd a, b, e;
    __builtin_memcpy(&a, z + W * i, sizeof a);
    __builtin_memcpy(&b, mu + W * i, sizeof b);
    a = a < 0 ? -a : a;
    vd u = a * b;
    vd x = (u < 0 ? u : -u) * 2.0;
    x = x < -700.0 ? (vd){0} - 700.0 : x;
    NAME(exp_)(&x, &e);
    vd t = (1.0 - e) / (1.0 + e);
    t = u < 0 ? -t : t;
    __builtin_memcpy(out + W * i, &t, sizeof t);
  }
}

// ln((1 + v) / (1 - v)), v = |2 w - 1|, of a dither w = (word >> 11) 2^-53: the log-likelihood ratio beyond which a leaf's
// sign differs from the dither's guess.
void NAME(thresholds)(const uint64_t *words, double *out, size_t groups) {
  for (size_t i = 0; i < groups; i++) {
    vu w;
    vd u, above, below;
    __builtin_memcpy(&w, words + W * i, sizeof w);
    NAME(uniform_)(&w, &u);
    vd v = u * 2.0 - 1.0;
    v = v < 0 ? -v : v;
    vd high = 1.0 + v, low = 1.0 - v;
    low = low < 0x1p-53 ? (vd){0} + 0x1p-53 : low;
    NAME(log_)(&high, &above);
    NAME(log_)(&low, &below);
    above -= below;
    __builtin_memcpy(out + W * i, &above, sizeof above);
  }
}

void NAME(leading_bits)(const uint64_t *words, uint8_t *out, size_t groups) {
  typedef _Bool bools __attribute__((ext_vector_type(W)));
  for (size_t i = 0; i < groups; i++) {
    vi w;
    __builtin_memcpy(&w, words + W * i, sizeof w);
    bools bits = __builtin_convertvector(w < 0, bools);
    __builtin_memcpy(out + i, &bits, 1);
  }
}

// Signs are bits here, 1 for plus: first leaf in bit 0. The biases of what follows a leaf are computed for both of its signs while
// it is decided, as a chain of divisions takes twice the time; what is not chosen may be infinite or no number. Strict comparisons
// with dithers below 1 never choose a sign of probability 0, so what is chosen is neither.

/// Two leaves with biases of a and b: their choices.
AI unsigned NAME(polar2_)(double a, double b, const double *w) {
  double p = a * b;
  vd2 over = {a + b, b - a}, under = {1.0 + p, 1.0 - p};
  vd2 bounds = (1.0 + over / under) * 0.5;
  unsigned first = w[0] < (1.0 + p) * 0.5;
  unsigned plus = w[1] < bounds[0], minus = w[1] < bounds[1];
  return first | (first ? plus : minus) << 1;
}

/// Four leaves: their choices, and their signs four bits further up.
AI unsigned NAME(polar4_)(const vd4 *t, const double *w) {
  vd2 x = t->lo, y = t->hi;
  vd2 p = x * y, plus = (x + y) / (1.0 + p), minus = (y - x) / (1.0 - p);
  unsigned one = NAME(polar2_)(p[0], p[1], w);
  unsigned sign = ~(one ^ one >> 1) & 1;
  unsigned two = NAME(polar2_)(sign ? plus[0] : minus[0], one & 2 ? plus[1] : minus[1], w + 2);
  unsigned first = sign | (one & 2), second = (~(two ^ two >> 1) & 1) | (two & 2);
  return one | two << 2 | (~(first ^ second) & 3) << 4 | second << 6;
}

/// Eight leaves: their choices, and their signs eight bits further up.
AI unsigned NAME(polar8_)(const vd *t, const double *w) {
  vd4 x = t->lo, y = t->hi;
  vd4 p = x * y, plus = (x + y) / (1.0 + p), minus = (y - x) / (1.0 - p);
  unsigned one = NAME(polar4_)(&p, w);
  const vi4 place = {1, 2, 4, 8};
  vi4 signs = ((vi4){0} + (int64_t)(one >> 4)) & place;
  plus = signs != 0 ? plus : minus;
  unsigned two = NAME(polar4_)(&plus, w + 4);
  unsigned first = one >> 4, second = two >> 4;
  return (one & 15) | (two & 15) << 4 | (~(first ^ second) & 15) << 8 | second << 12;
}

// Whether eight leaves are sure to be their dithers' guesses, as most are. A leaf's bias is that of a product of sums of the node's signs, and so
// at most tanh of the sum of atanh |t|, which is below 1.5 times the sum of |t| where that is at most 1/2, with room for rounding.
AI int NAME(is_silent_)(const vd *t, const vd *u) {
  vd size = *t < 0 ? -*t : *t, distance = *u - 0.5;
  distance = distance < 0 ? -distance : distance;
  vd4 four = size.lo + size.hi;
  vd2 two = four.lo + four.hi;
  double sum = two[0] + two[1];
  vi certain = distance > (vd){0} + 0.75 * sum;
  int64_t all = -1;
  for (int j = 0; j < W; j++) all &= certain[j];
  return all != 0;
}

// Biases t[0 .. n) -> signs b[0 .. n) and flags, leaf by leaf: see SignPolarization.swift. `scratch` holds n more.
static void NAME(polar_node)(
    const double *t, size_t n, const uint64_t *words, uint8_t *f, double *b, double *scratch) {
  if (n == W) {
    vd biases, u;
    vu word;
    double w[W];
    __builtin_memcpy(&biases, t, sizeof biases);
    __builtin_memcpy(&word, words, sizeof word);
    NAME(uniform_)(&word, &u);
    const vi place = {1, 2, 4, 8, 16, 32, 64, 128};
    if (NAME(is_silent_)(&biases, &u)) {
      // Leaves that are minus; from pairs to halves, what they are the products of.
      vi minus = (u >= 0.5) & place;
      unsigned bits = 0;
      for (int j = 0; j < W; j++) bits |= (unsigned)minus[j];
      bits ^= bits >> 1 & 0x55;
      bits ^= bits >> 2 & 0x33;
      bits ^= bits >> 4;
      vd signs = (((vi){0} + (int64_t)bits) & place) != 0 ? (vd){0} - 1.0 : (vd){0} + 1.0;
      __builtin_memset(f, 0, W);
      __builtin_memcpy(b, &signs, sizeof signs);
      return;
    }
    __builtin_memcpy(w, &u, sizeof u);
    unsigned both = NAME(polar8_)(&biases, w);
    vi chosen = (((vi){0} + (int64_t)both) & place) != 0;
    vi flags = chosen != (u < 0.5);
    vu8 bytes = __builtin_convertvector(-flags, vu8);
    __builtin_memcpy(f, &bytes, sizeof bytes);
    vd signs = (((vi){0} + (int64_t)(both >> 8)) & place) != 0 ? (vd){0} + 1.0 : (vd){0} - 1.0;
    __builtin_memcpy(b, &signs, sizeof signs);
    return;
  }
  size_t half = n / 2;
  for (size_t j = 0; j < half; j += W) {
    vd x, y;
    __builtin_memcpy(&x, t + j, sizeof x);
    __builtin_memcpy(&y, t + j + half, sizeof y);
    x *= y;
    __builtin_memcpy(scratch + j, &x, sizeof x);
  }
  NAME(polar_node)(scratch, half, words, f, b, scratch + half);
  for (size_t j = 0; j < half; j += W) {
    vd x, y, sign;
    __builtin_memcpy(&x, t + j, sizeof x);
    __builtin_memcpy(&y, t + j + half, sizeof y);
    __builtin_memcpy(&sign, b + j, sizeof sign);
    x *= sign;
    x = (x + y) / (1.0 + x * y);
    __builtin_memcpy(scratch + j, &x, sizeof x);
  }
  NAME(polar_node)(scratch, half, words + half, f + half, b + half, scratch + half);
  for (size_t j = 0; j < half; j += W) {
    vd x, y;
    __builtin_memcpy(&x, b + j, sizeof x);
    __builtin_memcpy(&y, b + j + half, sizeof y);
    x *= y;
    __builtin_memcpy(b + j, &x, sizeof x);
  }
}

// Fewer than eight leaves.
static void NAME(polar_few)(const double *t, size_t n, const uint64_t *words, uint8_t *f, double *b) {
  double w[4];
  for (size_t j = 0; j < n; j++) w[j] = (double)(int64_t)(words[j] >> 11) * 0x1p-53;
  unsigned leaves, signs;
  if (n == 1) {
    leaves = signs = w[0] < (1.0 + t[0]) * 0.5;
  } else if (n == 2) {
    leaves = NAME(polar2_)(t[0], t[1], w);
    signs = (~(leaves ^ leaves >> 1) & 1) | (leaves & 2);
  } else {
    vd4 biases = {t[0], t[1], t[2], t[3]};
    unsigned both = NAME(polar4_)(&biases, w);
    leaves = both & 15;
    signs = both >> 4;
  }
  for (size_t j = 0; j < n; j++) {
    f[j] = (uint8_t)((leaves >> j & 1) != (w[j] < 0.5));
    b[j] = signs >> j & 1 ? 1.0 : -1.0;
  }
}

void NAME(polarize)(
    const double *t, size_t n, const uint64_t *words, uint8_t *flags, double *signs, double *scratch) {
  if (n < W)
    NAME(polar_few)(t, n, words, flags, signs);
  else
    NAME(polar_node)(t, n, words, flags, signs, scratch);
}

// One step of the recursion of polar_node, for nodes of which some are not handed on to it.
void NAME(polar_products)(const double *t, size_t half, double *out) {
  size_t j = 0;
  for (; j + W <= half; j += W) {
    vd x, y;
    __builtin_memcpy(&x, t + j, sizeof x);
    __builtin_memcpy(&y, t + j + half, sizeof y);
    x *= y;
    __builtin_memcpy(out + j, &x, sizeof x);
  }
  for (; j < half; j++) out[j] = t[j] * t[j + half];
}

void NAME(polar_sums)(const double *t, const double *signs, size_t half, double *out) {
  size_t j = 0;
  for (; j + W <= half; j += W) {
    vd x, y, sign;
    __builtin_memcpy(&x, t + j, sizeof x);
    __builtin_memcpy(&y, t + j + half, sizeof y);
    __builtin_memcpy(&sign, signs + j, sizeof sign);
    x *= sign;
    x = (x + y) / (1.0 + x * y);
    __builtin_memcpy(out + j, &x, sizeof x);
  }
  for (; j < half; j++) {
    double a = t[j] * signs[j];
    out[j] = (a + t[j + half]) / (1.0 + a * t[j + half]);
  }
}

// ln(1 + t) of eight biases and then ln(1 - t) of the same, group by group. Logarithms of what is below 2^-80 stop there.
void NAME(sign_ratios)(const double *t, double *logs, size_t groups) {
  for (size_t i = 0; i < groups; i++) {
    vd x, both[2];
    __builtin_memcpy(&x, t + W * i, sizeof x);
    vd ends[2] = {1.0 + x, 1.0 - x};
    for (int j = 0; j < 2; j++) ends[j] = ends[j] < 0x1p-80 ? (vd){0} + 0x1p-80 : ends[j];
    NAME(logs_)(ends, 2, both);
    __builtin_memcpy(logs + 2 * W * i, both, sizeof both);
  }
}

// The logarithms of eight signs, minus where a bit is 1.
AI void NAME(sign_logs_)(const double *logs, uint64_t bits, vd *out) {
  const vu place = {1, 2, 4, 8, 16, 32, 64, 128};
  vd plus, minus;
  __builtin_memcpy(&plus, logs, sizeof plus);
  __builtin_memcpy(&minus, logs + W, sizeof minus);
  *out = (((vu){0} + bits) & place) != 0 ? minus : plus;
}

// Sign i of candidate k is minus where bit i of its words is 1. Only the logarithms of signs that it has are added up, in pairs as in
// `scores`: they are small on average over what the target sends, as ln((1 + t) / (1 - t)) is not.
void NAME(sign_scores)(
    const double *logs, size_t groups, const uint64_t *words, size_t stride, size_t count, double *out) {
  for (size_t k = 0; k < count; k++, words += stride) {
    vd sums[48], sum;
    size_t i = 0, blocks = 0;
    int top = 0;
    do {
      vd sum2 = {0};
      sum = (vd){0};
      size_t end = groups - i < 16 ? groups : i + 16;
      for (; i + 2 <= end; i += 2) {
        uint64_t bits = words[i / 8] >> (8 * (i % 8));
        vd a, b;
        NAME(sign_logs_)(logs + 2 * W * i, bits, &a);
        NAME(sign_logs_)(logs + 2 * W * (i + 1), bits >> 8, &b);
        sum += a;
        sum2 += b;
      }
      if (i < end) {
        vd a;
        NAME(sign_logs_)(logs + 2 * W * i, words[i / 8] >> (8 * (i % 8)), &a);
        sum += a;
        i++;
      }
      sum += sum2;
      for (size_t b = ++blocks; !(b & 1); b >>= 1) sum += sums[--top];
      sums[top++] = sum;
    } while (i < groups);
    sum = sums[--top];
    while (top > 0) sum += sums[--top];
    for (int lane = W / 2; lane > 0; lane /= 2)
      for (int j = 0; j < lane; j++) sum[j] += sum[j + lane];
    out[k] = sum[0];
  }
}

#endif
