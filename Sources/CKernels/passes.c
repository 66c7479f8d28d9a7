// Passes of successive cancellation side by side, for the pass index of `polar`.
// The file is compiled once for each instruction set.
#define TOPIC "passes.c"
#include "each_instruction_set.h"
#ifdef SUFFIX
#include "elementary.h"

// A lane is a pass: no vector is ever narrow, and both ways of a leaf need not be computed as in polar.c. All that decides is
// computed as there, x * c + y over 1 + x * c * y, so that a lane is the recursion to the bit.
//
// A sign is the sign bit of a word, set for minus, and for a node a byte of eight lanes, 1 for minus.

typedef _Bool NAME(lane_bools) __attribute__((ext_vector_type(W)));

#define MINUS 0x8000000000000000ull

typedef struct {
  const ck_passes *passes;
  // The first leaf outside G that is still to come.
  size_t next;
  vd ratio;
  uint8_t *flags;
  // Words of eight passes: one of fair bits for 64 leaves, then one for each leaf outside G.
  const uint64_t *fair, *dithers;
  // Of the eight leaves that are decided: a dither, and whether the bias of the leaf is none of its business.
  vd place[W];
  vi is_fair[W];
} NAME(passes_state);

AI uint8_t NAME(packed_)(const vi *mask) {
  NAME(lane_bools) bits = __builtin_convertvector(*mask, NAME(lane_bools));
  uint8_t byte;
  __builtin_memcpy(&byte, &bits, sizeof byte);
  return byte;
}

AI void NAME(unpacked_)(uint8_t byte, vu *out) {
  const vu place = {1, 2, 4, 8, 16, 32, 64, 128};
  vu bits = (vu){0} + byte;
  *out = (vu)((bits & place) != 0) & MINUS;
}

// x with its sign turned where c is minus: x * c.
AI void NAME(turned_)(const vd *x, const vu *c, vd *out) {
  vu bits;
  __builtin_memcpy(&bits, x, sizeof bits);
  bits ^= *c;
  __builtin_memcpy(out, &bits, sizeof bits);
}

// (c x + y) / (1 + c x y)
AI void NAME(given_)(const vd *x, const vd *y, const vu *c, vd *out) {
  vd a;
  NAME(turned_)(x, c, &a);
  *out = (a + *y) / (1.0 + a * *y);
}

// Three rounds in which the rows of each half alternate turn a square of eight.
AI void NAME(turn_words_)(vu *rows) {
  for (int round = 0; round < 3; round++) {
    vu next[W];
    for (int i = 0; i < 4; i++) {
      next[2 * i] = __builtin_shufflevector(rows[i], rows[i + 4], 0, 8, 1, 9, 2, 10, 3, 11);
      next[2 * i + 1] = __builtin_shufflevector(rows[i], rows[i + 4], 4, 12, 5, 13, 6, 14, 7, 15);
    }
    __builtin_memcpy(rows, next, sizeof next);
  }
}

// A leaf of bias t: its sign, its flags, and its part of r. What is written for a leaf in G the next one outside G writes again.
AI void NAME(pass_leaf_)(NAME(passes_state) *s, const vd *t, size_t i, vu *sign) {
  vd bias = s->is_fair[i] ? (vd){0} : *t;
  vd u = s->place[i];
  vi minus = ~(u < (1.0 + bias) * 0.5);
  vi flags = minus ^ (u >= 0.5);
  s->flags[s->next] = NAME(packed_)(&flags);
  s->next += (size_t)(s->is_fair[i][0] + 1);
  *sign = (vu)minus & MINUS;
  vd b;
  NAME(turned_)(t, sign, &b);
  s->ratio *= s->is_fair[i] ? 1.0 + b : (vd){0} + 1.0;
}

AI void NAME(pass2_)(NAME(passes_state) *s, const vd *t, size_t i, vu *signs) {
  vd p = t[0] * t[1];
  vu c;
  NAME(pass_leaf_)(s, &p, i, &c);
  NAME(given_)(t, t + 1, &c, &p);
  NAME(pass_leaf_)(s, &p, i + 1, signs + 1);
  signs[0] = c ^ signs[1];
}

AI void NAME(pass4_)(NAME(passes_state) *s, const vd *t, size_t i, vu *signs) {
  vd p[2] = {t[0] * t[2], t[1] * t[3]};
  vu c[2];
  NAME(pass2_)(s, p, i, c);
  for (int j = 0; j < 2; j++) NAME(given_)(t + j, t + 2 + j, c + j, p + j);
  NAME(pass2_)(s, p, i + 2, signs + 2);
  for (int j = 0; j < 2; j++) signs[j] = c[j] ^ signs[2 + j];
}

// Eight leaves from `leaf` on, some of them outside G; their signs a byte each.
static void NAME(pass8)(NAME(passes_state) *s, const vd *t, size_t leaf, uint8_t *b) {
  size_t next = s->next;
  vu fair;
  __builtin_memcpy(&fair, s->fair + W * (leaf / 64), sizeof fair);
  for (size_t i = 0; i < W; i++) {
    int is_fair = s->passes->outside[next] != leaf + i;
    vi mask = (vi){0} - is_fair;
    vu word;
    __builtin_memcpy(&word, s->dithers + W * next, sizeof word);
    // A fair leaf is minus where its bit is 1, as a dither from 1/2 on makes it.
    vu bit = fair << (63 - (leaf + i) % 64) & MINUS;
    word = mask ? bit : word;
    NAME(uniform_)(&word, s->place + i);
    s->is_fair[i] = mask;
    next += (size_t)!is_fair;
  }
  vd p[4];
  vu c[4], signs[4];
  for (int j = 0; j < 4; j++) p[j] = t[j] * t[4 + j];
  NAME(pass4_)(s, p, 0, c);
  for (int j = 0; j < 4; j++) NAME(given_)(t + j, t + 4 + j, c + j, p + j);
  NAME(pass4_)(s, p, 4, signs);
  for (int j = 0; j < 4; j++) {
    vi second = (vi)signs[j] < 0, first = (vi)(signs[j] ^ c[j]) < 0;
    b[j] = NAME(packed_)(&first);
    b[4 + j] = NAME(packed_)(&second);
  }
}

// Leaves that are all in G: their signs are fair, whatever their leaves are called, and r = product of 1 + b t over either.
AI void NAME(pass_fair_)(NAME(passes_state) *s, const double *t, size_t step, size_t n, size_t leaf, uint8_t *b) {
  vd ratio = s->ratio;
  for (size_t j = 0; j < n; j++) {
    vu word;
    vd x;
    __builtin_memcpy(&word, s->fair + W * ((leaf + j) / 64), sizeof word);
    word = word << (63 - (leaf + j) % 64) & MINUS;
    if (step == W)
      __builtin_memcpy(&x, t + W * j, sizeof x);
    else
      x = (vd){0} + t[j];
    NAME(turned_)(&x, &word, &x);
    ratio *= 1.0 + x;
    vi minus = (vi)word < 0;
    b[j] = NAME(packed_)(&minus);
  }
  s->ratio = ratio;
}

// Biases t[0 .. n), eight lanes each. `scratch` holds n more.
static void NAME(pass_node)(NAME(passes_state) *s, const double *t, size_t n, size_t leaf, uint8_t *b, double *scratch) {
  if (s->passes->outside[s->next] >= leaf + n) {
    NAME(pass_fair_)(s, t, W, n, leaf, b);
    return;
  }
  if (n == 8) {
    vd biases[W];
    __builtin_memcpy(biases, t, sizeof biases);
    NAME(pass8)(s, biases, leaf, b);
    return;
  }
  size_t half = n / 2;
  for (size_t j = 0; j < half; j++) {
    vd x, y;
    __builtin_memcpy(&x, t + W * j, sizeof x);
    __builtin_memcpy(&y, t + W * (j + half), sizeof y);
    x *= y;
    __builtin_memcpy(scratch + W * j, &x, sizeof x);
  }
  NAME(pass_node)(s, scratch, half, leaf, b, scratch + W * half);
  for (size_t j = 0; j < half; j++) {
    vd x, y;
    vu c;
    __builtin_memcpy(&x, t + W * j, sizeof x);
    __builtin_memcpy(&y, t + W * (j + half), sizeof y);
    NAME(unpacked_)(b[j], &c);
    NAME(given_)(&x, &y, &c, &x);
    __builtin_memcpy(scratch + W * j, &x, sizeof x);
  }
  NAME(pass_node)(s, scratch, half, leaf + half, b + half, scratch + W * half);
  for (size_t j = 0; j < half; j++) b[j] ^= b[j + half];
}

// The same of biases that all lanes have: those of the node, of its products, of their products and so on.
static void NAME(pass_common)(NAME(passes_state) *s, const double *t, size_t n, uint8_t *b, double *scratch) {
  if (s->passes->outside[s->next] >= n) {
    NAME(pass_fair_)(s, t, 1, n, 0, b);
    return;
  }
  if (n == 8) {
    vd biases[W];
    for (int j = 0; j < W; j++) biases[j] = (vd){0} + t[j];
    NAME(pass8)(s, biases, 0, b);
    return;
  }
  size_t half = n / 2;
  for (size_t j = 0; j < half; j++) scratch[j] = t[j] * t[j + half];
  NAME(pass_common)(s, scratch, half, b, scratch + half);
  for (size_t j = 0; j < half; j++) {
    vd x = (vd){0} + t[j], y = (vd){0} + t[j + half];
    vu c;
    NAME(unpacked_)(b[j], &c);
    NAME(given_)(&x, &y, &c, &x);
    __builtin_memcpy(scratch + W * j, &x, sizeof x);
  }
  NAME(pass_node)(s, scratch, half, half, b + half, scratch + W * half);
  for (size_t j = 0; j < half; j++) b[j] ^= b[j + half];
}

// ln of ratios: minus infinity for 0 and for what is no number, as what follows a sign that has probability 0.
AI void NAME(log_ratios_)(const vd *ratio, vd *out) {
  vi live = *ratio > 0x1p-1000;
  vd x = live ? *ratio : (vd){0} + 1.0;
  x = x > 0x1p1000 ? (vd){0} + 0x1p1000 : x;
  NAME(log_)(&x, out);
  *out = live ? *out : (vd){0} - __builtin_inf();
}

void NAME(polar_passes)(
    const double *t, size_t n, const ck_passes *passes, double *log_ratios, uint8_t *signs, uint8_t *flags,
    double *scratch) {
  size_t stride = passes->stride;
  uint64_t *words = (uint64_t *)(void *)scratch, *turned = words + W * stride;
  NAME(keystream)(passes->key, passes->stream, passes->first * stride / 128, words, stride / 16);
  for (size_t i = 0; i < stride; i += W) {
    vu rows[W];
    for (size_t lane = 0; lane < W; lane++) __builtin_memcpy(rows + lane, words + lane * stride + i, sizeof rows[lane]);
    NAME(turn_words_)(rows);
    __builtin_memcpy(turned + W * i, rows, sizeof rows);
  }
  NAME(passes_state) s;
  s.passes = passes;
  s.next = 0;
  s.ratio = (vd){0} + 1.0;
  s.flags = flags;
  s.fair = turned;
  s.dithers = turned + W * ((n + 63) / 64);
  NAME(pass_common)(&s, t, n, signs, scratch + 2 * W * stride);
  vd out;
  NAME(log_ratios_)(&s.ratio, &out);
  __builtin_memcpy(log_ratios, &out, sizeof out);
}

typedef struct {
  const uint64_t *words;
  const uint32_t *outside;
  uint8_t *flags;
  size_t next;
  vd ratio;
} NAME(own_state);

// At most eight leaves, some of them outside G, one after the other.
static void NAME(own_few)(NAME(own_state) *s, const double *t, size_t n, size_t leaf, double *b) {
  if (n == 1) {
    double u = (double)(int64_t)(s->words[leaf] >> 11) * 0x1p-53;
    int plus = u < (1.0 + t[0]) * 0.5;
    s->flags[leaf] = (uint8_t)(plus != (u < 0.5));
    b[0] = plus ? 1.0 : -1.0;
    if (s->outside[s->next] == leaf)
      s->next++;
    else
      s->ratio[0] *= 1.0 + b[0] * t[0];
    return;
  }
  double p[4];
  size_t half = n / 2;
  for (size_t j = 0; j < half; j++) p[j] = t[j] * t[j + half];
  NAME(own_few)(s, p, half, leaf, b);
  for (size_t j = 0; j < half; j++) {
    double x = t[j] * b[j];
    p[j] = (x + t[j + half]) / (1.0 + x * t[j + half]);
  }
  NAME(own_few)(s, p, half, leaf + half, b + half);
  for (size_t j = 0; j < half; j++) b[j] *= b[j + half];
}

static void NAME(own_node)(NAME(own_state) *s, const double *t, size_t n, size_t leaf, double *b, double *scratch) {
  if (s->outside[s->next] >= leaf + n) {
    NAME(polarize)(t, n, s->words + leaf, s->flags + leaf, b, scratch);
    for (size_t j = 0; j < n; j += W) {
      vd x, sign;
      __builtin_memcpy(&x, t + j, sizeof x);
      __builtin_memcpy(&sign, b + j, sizeof sign);
      s->ratio *= 1.0 + x * sign;
    }
    return;
  }
  if (n == 8) {
    NAME(own_few)(s, t, n, leaf, b);
    return;
  }
  size_t half = n / 2;
  NAME(polar_products)(t, half, scratch);
  NAME(own_node)(s, scratch, half, leaf, b, scratch + half);
  NAME(polar_sums)(t, b, half, scratch);
  NAME(own_node)(s, scratch, half, leaf + half, b + half, scratch + half);
  for (size_t j = 0; j < half; j++) b[j] *= b[j + half];
}

double NAME(polar_ratio)(
    const double *t, size_t n, const uint64_t *words, const uint32_t *outside, uint8_t *flags, double *signs,
    double *scratch) {
  NAME(own_state) s = {words, outside, flags, 0, (vd){0} + 1.0};
  NAME(own_node)(&s, t, n, 0, signs, scratch);
  vd out;
  NAME(log_ratios_)(&s.ratio, &out);
  for (int lane = W / 2; lane > 0; lane /= 2)
    for (int j = 0; j < lane; j++) out[j] += out[j + lane];
  return out[0];
}

#undef MINUS
#endif
