// Log density ratios of candidates.
// The file is compiled once for each instruction set.
#define TOPIC "scores.c"
#include "each_instruction_set.h"
#ifdef SUFFIX
#include "elementary.h"
#include "normal_tail.h"

// Sums of 128 elements, lane by lane, are added up in pairs, pairs of pairs and so on (a binary counter): rounding grows
// with the logarithm of n.
void NAME(scores)(
    const double *z, const double *mu, size_t n, size_t count, double quadratic, double constant, double *out) {
  for (size_t k = 0; k < count; k++, z += n) {
    vd dots[48], squares[48];
    size_t i = 0, blocks = 0;
    int top = 0;
    while (1) {
      vd dot = {0}, square = {0}, dot2 = {0}, square2 = {0};
      size_t end = n - i < 16 * W ? n : i + 16 * W;
      for (; i + 2 * W <= end; i += 2 * W) {
        vd a, b, c, d;
        __builtin_memcpy(&a, z + i, sizeof a);
        __builtin_memcpy(&b, mu + i, sizeof b);
        __builtin_memcpy(&c, z + i + W, sizeof c);
        __builtin_memcpy(&d, mu + i + W, sizeof d);
        dot += a * b;
        square += a * a;
        dot2 += c * d;
        square2 += c * c;
      }
      dot += dot2;
      square += square2;
      for (size_t b = ++blocks; !(b & 1); b >>= 1) {
        top--;
        dot += dots[top];
        square += squares[top];
      }
      dots[top] = dot;
      squares[top++] = square;
      if (i + 2 * W > n) break;
    }
    double d = 0, s = 0;
    for (; i < n; i++) {
      d += z[i] * mu[i];
      s += z[i] * z[i];
    }
    vd dot = dots[--top], square = squares[top];
    while (top > 0) {
      top--;
      dot += dots[top];
      square += squares[top];
    }
    for (int lane = W / 2; lane > 0; lane /= 2)
      for (int j = 0; j < lane; j++) {
        dot[j] += dot[j + lane];
        square[j] += square[j + lane];
      }
    out[k] = constant + (dot[0] + d) - quadratic * (square[0] + s);
  }
}

// ln cosh u: its power series where all of |u| < 0.6 (next term below 10^-15; terms by Scripts/fit-kernels.py), |u| + ln(1 + e^(-2|u|)) - ln 2 elsewhere.
AI void NAME(log_coshs_)(const vd *u, int count, vd *out) {
  const double terms[] = {
      -3.3116463500327045e-08, 8.715903837635848e-08, -2.3041747198769394e-07, 6.122655795895756e-07,
      -1.6365968284715348e-06, 4.405244525877023e-06, -1.1956455712177625e-05, 3.277930227475478e-05,
      -9.09896491907074e-05, 0.0002565805740408915, -0.0007386029608251831, 0.0021869488536155205,
      -0.006746031746031746, 0.022222222222222223, -0.08333333333333333, 0.5};
  vd v[MOST], p[MOST];
  vi large = {0};
  for (int i = 0; i < count; i++) {
    v[i] = u[i] * u[i];
    large |= v[i] > 0.36;
  }
  int64_t any = 0;
  for (int j = 0; j < W; j++) any |= large[j];
  if (!any) {
    for (int i = 0; i < count; i++) p[i] = (vd){0} + 1.2632091406687664e-08;
    for (int j = 0; j < 16; j++)
      for (int i = 0; i < count; i++) p[i] = p[i] * v[i] + terms[j];
    for (int i = 0; i < count; i++) out[i] = p[i] * v[i];
    return;
  }
  vd a[MOST], x[MOST], e[MOST], l[MOST];
  for (int i = 0; i < count; i++) {
    a[i] = u[i] < 0 ? -u[i] : u[i];
    x[i] = a[i] * -2.0;
    x[i] = x[i] < -700.0 ? (vd){0} - 700.0 : x[i];
  }
  NAME(exps_)(x, count, e);
  for (int i = 0; i < count; i++) e[i] += 1.0;
  NAME(logs_)(e, count, l);
  for (int i = 0; i < count; i++) out[i] = a[i] + (l[i] - LN_2);
}

// Sums by pairs of 64 elements, as in `scores`.
void NAME(magnitude_scores)(
    const double *z, const double *mu, size_t n, size_t count, double quadratic, double constant, double *out) {
  for (size_t k = 0; k < count; k++, z += n) {
    vd sums[48], sum;
    size_t i = 0, blocks = 0;
    int top = 0;
    do {
      sum = (vd){0};
      size_t end = n - i < 8 * W ? n : i + 8 * W;
      for (; i + 2 * W <= end; i += 2 * W) {
        vd a[2], b[2], u[2], l[2];
        __builtin_memcpy(a, z + i, sizeof a);
        __builtin_memcpy(b, mu + i, sizeof b);
        for (int j = 0; j < 2; j++) u[j] = a[j] * b[j];
        NAME(log_coshs_)(u, 2, l);
        for (int j = 0; j < 2; j++) sum += l[j] - a[j] * a[j] * quadratic;
      }
      for (; i < end; i += W) {
        size_t rest = n - i < W ? n - i : W;
        vd a = {0}, b = {0}, u, l;
        __builtin_memcpy(&a, z + i, rest * sizeof(double));
        __builtin_memcpy(&b, mu + i, rest * sizeof(double));
        u = a * b;
        NAME(log_coshs_)(&u, 1, &l);
        sum += l - a * a * quadratic;
      }
      for (size_t b = ++blocks; !(b & 1); b >>= 1) sum += sums[--top];
      sums[top++] = sum;
    } while (i < n);
    sum = sums[--top];
    while (top > 0) sum += sums[--top];
    for (int lane = W / 2; lane > 0; lane /= 2)
      for (int j = 0; j < lane; j++) sum[j] += sum[j + lane];
    out[k] = constant + sum[0];
  }
}

// The magnitude a >= 0 above which a standard normal's magnitude is with probability (count - 1 - cell + v) / count: the normal
// quantile of half of that. In the outermost cell, count - 1, it is v / count, with an exponent of its own: no tail is cut.
AI void NAME(magnitudes_)(const vd *cell, const vd *v, double cell_count, int count, vd *out) {
  vd p[MOST];
  for (int i = 0; i < count; i++) p[i] = (((cell_count - 1.0) - cell[i]) + v[i]) * (0.5 / cell_count);
  NAME(upper_quantiles_)(p, count, out);
  for (int i = 0; i < count; i++) out[i] = out[i] < 0 ? (vd){0} : out[i];
}

void NAME(magnitudes)(const double *shares, const double *cells, double count, double *out, size_t groups) {
  for (size_t i = 0; i < groups; i++) {
    vd a, b, c;
    __builtin_memcpy(&a, shares + W * i, sizeof a);
    __builtin_memcpy(&b, cells + W * i, sizeof b);
    NAME(magnitudes_)(&b, &a, count, 1, &c);
    __builtin_memcpy(out + W * i, &c, sizeof c);
  }
}

void NAME(cell_scores)(
    const double *shares, const double *cells, double cell_count, const double *mu, size_t n, size_t count,
    double quadratic, double constant, double *out) {
  for (size_t k = 0; k < count; k++, shares += n) {
    vd sum = {0};
    size_t i = 0;
    for (; i + 2 * W <= n; i += 2 * W) {
      vd x[2], c[2], b[2], a[2], l[2];
      __builtin_memcpy(x, shares + i, sizeof x);
      __builtin_memcpy(c, cells + i, sizeof c);
      __builtin_memcpy(b, mu + i, sizeof b);
      NAME(magnitudes_)(c, x, cell_count, 2, a);
      for (int j = 0; j < 2; j++) b[j] *= a[j];
      NAME(log_coshs_)(b, 2, l);
      for (int j = 0; j < 2; j++) sum += l[j] - a[j] * a[j] * quadratic;
    }
    for (; i < n; i += W) {
      size_t rest = n - i < W ? n - i : W;
      // Padding counts for nothing: all of cell 0 of all is the magnitude 0.
      vd x = (vd){0} + 1.0, c = {0}, b = {0}, a, l;
      __builtin_memcpy(&x, shares + i, rest * sizeof(double));
      __builtin_memcpy(&c, cells + i, rest * sizeof(double));
      __builtin_memcpy(&b, mu + i, rest * sizeof(double));
      NAME(magnitudes_)(&c, &x, cell_count, 1, &a);
      b *= a;
      NAME(log_coshs_)(&b, 1, &l);
      sum += l - a * a * quadratic;
    }
    for (int lane = W / 2; lane > 0; lane /= 2)
      for (int j = 0; j < lane; j++) sum[j] += sum[j + lane];
    out[k] = constant + sum[0];
  }
}

#endif
