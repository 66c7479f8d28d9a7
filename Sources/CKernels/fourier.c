// The discrete Fourier transform.
// The file is compiled once for each instruction set.
#define TOPIC "fourier.c"
#include "each_instruction_set.h"
#ifdef SUFFIX

// One pass of a Stockham transform: x has n / 4 butterflies for each of s interleaved transforms.
static void NAME(fft_pass4)(
    const double *restrict xr, const double *restrict xi, double *restrict yr, double *restrict yi, size_t n, size_t s, const double *cosines,
    const double *sines, size_t stride) {
  size_t m = n / 4;
  if (s == 1) {
    for (size_t p = 0; p < m; p++) {
      double ar = xr[p], ai = xi[p], br = xr[p + m], bi = xi[p + m];
      double cr = xr[p + 2 * m], ci = xi[p + 2 * m], dr = xr[p + 3 * m], di = xi[p + 3 * m];
      double w1r = cosines[p * stride], w1i = sines[p * stride];
      double w2r = cosines[2 * p * stride], w2i = sines[2 * p * stride];
      double w3r = cosines[3 * p * stride], w3i = sines[3 * p * stride];
      double er = ar + cr, ei = ai + ci, fr = ar - cr, fi = ai - ci;
      double gr = br + dr, gi = bi + di, hr = bi - di, hi = dr - br;
      double ur = fr + hr, ui = fi + hi, vr = er - gr, vi = ei - gi, tr = fr - hr, ti = fi - hi;
      yr[4 * p] = er + gr;
      yi[4 * p] = ei + gi;
      yr[4 * p + 1] = ur * w1r - ui * w1i;
      yi[4 * p + 1] = ur * w1i + ui * w1r;
      yr[4 * p + 2] = vr * w2r - vi * w2i;
      yi[4 * p + 2] = vr * w2i + vi * w2r;
      yr[4 * p + 3] = tr * w3r - ti * w3i;
      yi[4 * p + 3] = tr * w3i + ti * w3r;
    }
    return;
  }
  for (size_t p = 0; p < m; p++) {
    double w1r = cosines[p * stride], w1i = sines[p * stride];
    double w2r = cosines[2 * p * stride], w2i = sines[2 * p * stride];
    double w3r = cosines[3 * p * stride], w3i = sines[3 * p * stride];
    const double *pr = xr + s * p, *pi = xi + s * p;
    double *qr = yr + 4 * s * p, *qi = yi + 4 * s * p;
    for (size_t q = 0; q < s; q++) {
      double ar = pr[q], ai = pi[q], br = pr[q + s * m], bi = pi[q + s * m];
      double cr = pr[q + 2 * s * m], ci = pi[q + 2 * s * m], dr = pr[q + 3 * s * m], di = pi[q + 3 * s * m];
      double er = ar + cr, ei = ai + ci, fr = ar - cr, fi = ai - ci;
      double gr = br + dr, gi = bi + di, hr = bi - di, hi = dr - br;
      double ur = fr + hr, ui = fi + hi, vr = er - gr, vi = ei - gi, tr = fr - hr, ti = fi - hi;
      qr[q] = er + gr;
      qi[q] = ei + gi;
      qr[q + s] = ur * w1r - ui * w1i;
      qi[q + s] = ur * w1i + ui * w1r;
      qr[q + 2 * s] = vr * w2r - vi * w2i;
      qi[q + 2 * s] = vr * w2i + vi * w2r;
      qr[q + 3 * s] = tr * w3r - ti * w3i;
      qi[q + 3 * s] = tr * w3i + ti * w3r;
    }
  }
}

void NAME(fft)(
    double *xr, double *xi, double *yr, double *yi, size_t count, const double *cosines, const double *sines) {
  double *fr = xr, *fi = xi, *tr = yr, *ti = yi;
  size_t n = count, s = 1;
  for (; n >= 4; n /= 4, s *= 4) {
    NAME(fft_pass4)(fr, fi, tr, ti, n, s, cosines, sines, count / n);
    double *r = fr, *i = fi;
    fr = tr, fi = ti, tr = r, ti = i;
  }
  if (n == 2)
    for (size_t q = 0; q < s; q++) {
      double ar = fr[q], ai = fi[q], br = fr[q + s], bi = fi[q + s];
      fr[q] = ar + br;
      fi[q] = ai + bi;
      fr[q + s] = ar - br;
      fi[q + s] = ai - bi;
    }
  if (fr != xr) {
    __builtin_memcpy(xr, fr, count * sizeof *xr);
    __builtin_memcpy(xi, fi, count * sizeof *xi);
  }
}

#endif
