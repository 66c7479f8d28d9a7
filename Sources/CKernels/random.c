// Uniforms, exponentials, normals and the layers of quantizers from random words, and the key stream that words come from.
// The file is compiled once for each instruction set.
#define TOPIC "random.c"
#include "each_instruction_set.h"
#ifdef SUFFIX
#include "elementary.h"

void NAME(uniforms)(const uint64_t *words, double *out, size_t groups) {
  for (size_t i = 0; i < groups; i++) {
    vu w;
    __builtin_memcpy(&w, words + W * i, sizeof w);
    vd u;
    NAME(uniform_)(&w, &u);
    __builtin_memcpy(out + W * i, &u, sizeof u);
  }
}

// (word + 1/2) 2^-64, rounded: the halves of a word are exact, and their sum is rounded once.
void NAME(shares)(const uint64_t *words, double *out, size_t groups) {
  for (size_t i = 0; i < groups; i++) {
    vu w;
    __builtin_memcpy(&w, words + W * i, sizeof w);
    vu high = w >> 32 | 0x4530000000000000ull, low = (w & 0xFFFFFFFFull) | BITS_OF_2_52;
    vd a, b;
    __builtin_memcpy(&a, &high, sizeof a);
    __builtin_memcpy(&b, &low, sizeof b);
    a = (((a - 0x1.00000001p84) + b) + 0.5) * 0x1p-64;
    __builtin_memcpy(out + W * i, &a, sizeof a);
  }
}

void NAME(exponentials)(const uint64_t *words, double *out, size_t groups) {
  for (size_t i = 0; i < groups; i++) {
    vu w;
    __builtin_memcpy(&w, words + W * i, sizeof w);
    vd e;
    NAME(exponential_)(&w, &e);
    __builtin_memcpy(out + W * i, &e, sizeof e);
  }
}

AI void NAME(normal_pairs_)(const uint64_t *words, int count, double *out) {
  vu a[MOST];
  vd angle[MOST], cosine[MOST], sine[MOST], energy[MOST];
  for (int i = 0; i < count; i++) {
    vu b;
    __builtin_memcpy(a + i, words + 2 * W * i, sizeof b);
    __builtin_memcpy(&b, words + 2 * W * i + W, sizeof b);
    NAME(uniform_)(&b, angle + i);
  }
  NAME(turns_)(angle, count, cosine, sine);
  NAME(exponentials_)(a, count, energy);
  for (int i = 0; i < count; i++) {
    vd radius = __builtin_elementwise_sqrt(energy[i] * 2.0);
    cosine[i] *= radius;
    sine[i] *= radius;
    __builtin_memcpy(out + 2 * W * i, cosine + i, sizeof radius);
    __builtin_memcpy(out + 2 * W * i + W, sine + i, sizeof radius);
  }
}

void NAME(normals)(const uint64_t *words, double *out, size_t groups) {
  size_t i = 0;
  for (; i + 2 <= groups; i += 2) NAME(normal_pairs_)(words + 2 * W * i, 2, out + 2 * W * i);
  if (i < groups) NAME(normal_pairs_)(words + 2 * W * i, 1, out + 2 * W * i);
}

// chi-square with three degrees = 2 E1 + G^2 with G^2 = 2 E2 cos^2(2 pi v) = E2 (1 + cos(4 pi v)), and
// cos(4 pi v) has the law of cos(2 pi v): no rejection, so a coordinate is found by its position alone.
void NAME(layers)(const uint64_t *words, double *steps, double *dithers, size_t groups) {
  for (size_t i = 0; i < groups; i++) {
    vu w[4];
    __builtin_memcpy(w, words + 4 * W * i, sizeof w);
    vd dither, angle, cosine, sine, first, second;
    NAME(uniform_)(&w[0], &dither);
    NAME(exponential_)(&w[1], &first);
    NAME(exponential_)(&w[2], &second);
    NAME(uniform_)(&w[3], &angle);
    NAME(turn_)(&angle, &cosine, &sine);
    vd square = first * 2.0 + second * (1.0 + cosine);
    vd step = __builtin_elementwise_sqrt(square) * 2.0;
    // Both exponentials are zero with probability 2^-106; a step of zero would divide by zero.
    step = step < 0x1p-26 ? (vd){0} + 0x1p-26 : step;
    dither -= 0.5;
    __builtin_memcpy(steps + W * i, &step, sizeof step);
    __builtin_memcpy(dithers + W * i, &dither, sizeof dither);
  }
}

// A point (g, u e^(-g^2/2)) below the bell curve; tau is its height over the top, turned over where g <= 0. A height's
// slice then reaches from -sqrt(-2 ln(1 - tau)) to sqrt(-2 ln tau). R^2 = -2 ln(u e^(-g^2/2)) has three degrees of
// freedom, so `layers` has drawn it already: R is half its step.
void NAME(shifts)(const uint64_t *words, double *steps, double *centres, size_t groups) {
  for (size_t i = 0; i < groups; i++) {
    vu w;
    vd step;
    __builtin_memcpy(&w, words + 4 * W * i, sizeof w);
    __builtin_memcpy(&step, steps + W * i, sizeof step);
    vd a = step * 0.5;
    vd x = a * a * -0.5, tau, rest, b;
    NAME(exp_)(&x, &tau);
    rest = 1.0 - tau;
    // R below 2^-26 has probability 2^-80; there the other end stays at 8.6.
    rest = rest < 0x1p-53 ? (vd){0} + 0x1p-53 : rest;
    NAME(log_)(&rest, &b);
    b = b * -2.0;
    b = __builtin_elementwise_sqrt(b < 0 ? (vd){0} : b);
    vd centre = (a - b) * 0.5;
    // The lowest bit of the dither's word is not part of the dither.
    centre = (w & 1) != 0 ? centre : -centre;
    step = a + b;
    __builtin_memcpy(steps + W * i, &step, sizeof step);
    __builtin_memcpy(centres + W * i, &centre, sizeof centre);
  }
}

typedef uint32_t NAME(lanes) __attribute__((ext_vector_type(LANES)));

#define QUARTER(a, b, c, d)                        \
  a += b, d ^= a, d = (d << 16) | (d >> 16);       \
  c += d, b ^= c, b = (b << 12) | (b >> 20);       \
  a += b, d ^= a, d = (d << 8) | (d >> 24);        \
  c += d, b ^= c, b = (b << 7) | (b >> 25)

// ChaCha20 blocks 16 group ... 16 group + 15, state word by state word: out[16 i + j] is word i of block j. Nothing is
// transposed, so any width of vectors writes the same words.
AI void NAME(chacha)(const uint32_t *key, uint64_t stream, uint64_t group, uint32_t *out) {
  for (int part = 0; part < 16; part += LANES) {
    NAME(lanes) s[16], v[16], lane;
    for (int j = 0; j < LANES; j++) lane[j] = (uint32_t)j;
    uint64_t counter = group * 16 + (uint64_t)part;
    const uint32_t sigma[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    for (int i = 0; i < 4; i++) s[i] = (NAME(lanes)){0} + sigma[i];
    for (int i = 0; i < 8; i++) s[4 + i] = (NAME(lanes)){0} + key[i];
    // The counter starts at a multiple of LANES: no lane carries.
    s[12] = lane + (uint32_t)counter;
    s[13] = (NAME(lanes)){0} + (uint32_t)(counter >> 32);
    s[14] = (NAME(lanes)){0} + (uint32_t)stream;
    s[15] = (NAME(lanes)){0} + (uint32_t)(stream >> 32);
    for (int i = 0; i < 16; i++) v[i] = s[i];
    for (int round = 0; round < 10; round++) {
      QUARTER(v[0], v[4], v[8], v[12]);
      QUARTER(v[1], v[5], v[9], v[13]);
      QUARTER(v[2], v[6], v[10], v[14]);
      QUARTER(v[3], v[7], v[11], v[15]);
      QUARTER(v[0], v[5], v[10], v[15]);
      QUARTER(v[1], v[6], v[11], v[12]);
      QUARTER(v[2], v[7], v[8], v[13]);
      QUARTER(v[3], v[4], v[9], v[14]);
    }
    for (int i = 0; i < 16; i++) {
      v[i] += s[i];
      __builtin_memcpy(out + 16 * i + part, &v[i], sizeof v[i]);
    }
  }
}

#undef QUARTER

void NAME(keystream)(const uint32_t *key, uint64_t stream, uint64_t group, uint64_t *out, size_t groups) {
  for (size_t i = 0; i < groups; i++) NAME(chacha)(key, stream, group + i, (uint32_t *)(void *)(out + 128 * i));
}

void NAME(keyed_normals)(const uint32_t *key, uint64_t stream, uint64_t group, double *out, size_t groups) {
  for (size_t i = 0; i < groups; i++) {
    uint64_t words[128];
    NAME(chacha)(key, stream, group + i, (uint32_t *)(void *)words);
    NAME(normals)(words, out + 128 * i, 8);
  }
}

#endif
