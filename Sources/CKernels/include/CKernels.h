// The few loops that must be vectorised.
//
// Every kernel is compiled once for each instruction set from one text (see each_instruction_set.h), without contraction of
// a * b + c, with a fixed vector width and only + - * / sqrt and comparisons: the same bits everywhere.
// Decoders rely on that. `ck_get` returns null where the machine lacks an instruction set, so tests can
// compare all that exist.
#pragma once
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

typedef enum { CK_ISA_BASELINE = 0, CK_ISA_V3 = 1, CK_ISA_V4 = 2 } ck_isa;

/// Where sums are counted in whole units: powers of two, of which `origin` and `fine_origin` are 1.5 * 2^52 each. Terms are at most
/// `limit` in magnitude, or are taken for that: at most 2^51 units; half a unit is at most 2^51 fine ones.
typedef struct {
  double limit, origin, fine_origin;
} ck_grid;

/// Which passes are made side by side. `outside` lists the leaves outside G in order, and n after them: they are decided by their bias
/// and a dither. All leaves in G are fair. Pass k has words k stride ..< (k + 1) stride of the key stream: first one for 64 leaves, a fair
/// bit each; then the dithers of the leaves outside G. A fair bit is 1 for minus: of a sign, where all leaves of a node of at least eight
/// are in G, the largest such node; of the leaf elsewhere. `first` is a multiple of 8, `stride` one of 16.
typedef struct {
  const uint32_t *key;
  uint64_t stream, first;
  size_t stride;
  const uint32_t *outside;
} ck_passes;

typedef struct {
  const char *name;

  /// 8 words a group -> 8 uniforms in [0, 1), multiples of 2^-53.
  void (*uniforms)(const uint64_t *words, double *out, size_t groups);

  /// 8 words a group -> 8 standard exponentials, -ln of a multiple of 2^-53 in (0, 1]: in [0, 36.74].
  void (*exponentials)(const uint64_t *words, double *out, size_t groups);

  /// Box-Muller, 16 words a group -> 16 standard normals: words 0-7 give the radii, words 8-15 the angles
  /// (53 bits each), outputs 0-7 are the cosines, 8-15 the sines. |out| <= 8.58.
  void (*normals)(const uint64_t *words, double *out, size_t groups);

  /// 32 words a group -> for 8 coordinates, step = 2 sqrt(chi-square with three degrees of freedom), the step
  /// of the direct layered quantizer at sigma = 1, and a dither uniform in [-1/2, 1/2).
  void (*layers)(const uint64_t *words, double *steps, double *dithers, size_t groups);

  /// In-place unnormalised Walsh-Hadamard transform; count is a power of two.
  void (*hadamard)(double *values, size_t count);

  /// C += A B in float32: C is rows x columns with rows `c_row` apart, columns a multiple of 16; A has its element (r, k) at
  /// a[r * a_row + k * a_step], so it may be transposed or overlap itself; B has `steps` rows, `b_step` apart. Each element is one
  /// chain of fused multiply-adds over k = 0, 1, ...: whatever the tiles, the same bits everywhere.
  void (*gemm)(
      const float *a, size_t a_row, size_t a_step, const float *b, size_t b_step, float *c, size_t c_row, size_t rows,
      size_t columns, size_t steps);

  /// Turns columns of examples into rows, where activations are above 0: out[j row + i] = columns[i stride + j], and 0 elsewhere, for i below
  /// `width` and j below `count`; `activations` has rows as `out` has. Columns are readable up to a multiple of 8 examples.
  void (*rectify_columns)(
      const float *columns, size_t stride, const float *activations, float *out, size_t row, size_t width, size_t count);

  /// Sum of x[i]^2 in a fixed order of additions.
  double (*square_sum)(const double *x, size_t count);
  double (*square_sum_floats)(const float *x, size_t count);

  /// out[i] = scale x[i] for floats at any address.
  void (*widen)(const void *x, double scale, double *out, size_t count);

  /// Doubles rounded to floats at any address.
  void (*narrow)(const double *x, void *out, size_t count);

  /// coarse[i] += x[i] in units of the grid, rounded to even; where `fine` is not null, fine[i] += what that leaves, in fine units. The
  /// second is of floats at any address. Whether a term is larger than the limit, and counts as that.
  int (*accumulate)(const double *x, const ck_grid *grid, int64_t *coarse, int64_t *_Nullable fine, size_t count);
  int (*accumulate_floats)(const void *x, const ck_grid *grid, int64_t *coarse, int64_t *_Nullable fine, size_t count);

  /// Whether floats at any address are all finite.
  int (*all_finite)(const void *x, size_t count);

  /// top = max of log_mass[i] + theta loss[i]; with e_i = e^(log_mass[i] + theta loss[i] - top): sum of e_i, and of e_i loss[i].
  void (*moments)(
      const double *log_mass, const double *loss, double theta, size_t count, double *top, double *sum, double *first);

  /// Complex numbers times complex numbers, in place, 8 a group; sums = the sums of the real and of the imaginary parts of the products.
  void (*rotations)(
      double *real, double *imaginary, const double *cosines, const double *sines, size_t groups, double *sums);

  /// After `layers` on the same words: its steps become those of the shifted layered quantizer at sigma = 1, and
  /// `centres` what is added to the output.
  void (*shifts)(const uint64_t *words, double *steps, double *centres, size_t groups);

  /// ChaCha20 in groups of 16 blocks = 128 words, from block 16 * group on, words of one place in the block side by
  /// side: 32-bit word 16 i + j of a group is word i of its block j.
  void (*keystream)(const uint32_t *key, uint64_t stream, uint64_t group, uint64_t *out, size_t groups);

  /// (word + 1/2) 2^-64 in (0, 1], 8 a group; `out` may be where the words are.
  void (*shares)(const uint64_t *words, double *out, size_t groups);

  /// `normals` of that key stream: 128 a group.
  void (*keyed_normals)(const uint32_t *key, uint64_t stream, uint64_t group, double *out, size_t groups);

  /// out[k] = constant + z_k . mu - quadratic |z_k|^2 for `count` vectors z_k of n, one after the other, in a fixed
  /// order of additions.
  void (*scores)(
      const double *z, const double *mu, size_t n, size_t count, double quadratic, double constant, double *out);

  /// out[k] = constant + sum of ln cosh(mu_i z_ki) - quadratic |z_k|^2: the log density ratio of magnitudes.
  void (*magnitude_scores)(
      const double *z, const double *mu, size_t n, size_t count, double quadratic, double constant, double *out);

  /// tanh(mu[i] |z[i]|), 8 a group.
  void (*biases)(const double *z, const double *mu, double *out, size_t groups);

  /// ln((1 + v) / (1 - v)) with v = |2 w - 1| of the dither of each word, 8 a group.
  void (*thresholds)(const uint64_t *words, double *out, size_t groups);

  /// Successive cancellation over a polar transform with dithered leaves: n biases in [-1, 1] and n words -> n signs, and
  /// a flag a leaf where its sign differs from the dither's guess. n is a power of two; `scratch` holds n doubles.
  void (*polarize)(
      const double *biases, size_t n, const uint64_t *words, uint8_t *flags, double *signs, double *scratch);

  /// Eight whole passes of successive cancellation (see `polarize`) over n biases, side by side: pass first + lane of `passes`.
  /// log_ratios[lane] = sum over the leaves in G of ln(1 + b t), b the leaf's sign and t its bias given the leaves before it; minus
  /// infinity where a sign was chosen that has probability 0. Bit `lane` of signs[i] is 1 for minus; that of flags[i], where the sign of
  /// leaf outside[i] differs from its dither's guess; flags holds one byte more. n is a power of two from 8 on; `scratch` holds
  /// 9 n + 16 stride doubles.
  void (*polar_passes)(
      const double *biases, size_t n, const ck_passes *passes, double *log_ratios, uint8_t *signs, uint8_t *flags,
      double *scratch);

  /// As `polarize`, of at least eight leaves; returns the sum of ln(1 + b t) over the leaves that are not in `outside` (see `ck_passes`).
  double (*polar_ratio)(
      const double *biases, size_t n, const uint64_t *words, const uint32_t *outside, uint8_t *flags, double *signs,
      double *scratch);

  /// a with Pr[|Z| > a] = (count - 1 - cells[i] + shares[i]) / count for a standard normal Z; 8 a group. A share in (0, 1] is what
  /// of the cell lies above a. In the outermost cell, count - 1, the tail is the share over count: to 14 digits down to 2^-1000.
  void (*magnitudes)(const double *shares, const double *cells, double count, double *out, size_t groups);

  /// As `magnitude_scores`, of the magnitudes of `shares` in `cells` of `cell_count`.
  void (*cell_scores)(
      const double *shares, const double *cells, double cell_count, const double *mu, size_t n, size_t count,
      double quadratic, double constant, double *out);

  /// out[i] = t[i] t[i + half]: biases of the products of two halves.
  void (*polar_products)(const double *t, size_t half, double *out);

  /// out[i] = (c t1 + t2) / (1 + c t1 t2), c = signs[i]: biases of the second half given the products.
  void (*polar_sums)(const double *t, const double *signs, size_t half, double *out);

  /// 16 logarithms for 8 biases: ln(1 + t[i]), and then ln(1 - t[i]), of what is at least 2^-80.
  void (*sign_ratios)(const double *t, double *logs, size_t groups);

  /// out[k] = sum of ln(1 + b t) over the signs b of candidate k, which are minus where a bit of its `stride` words is 1; logarithms as
  /// `sign_ratios` has them, 8 signs a group.
  void (*sign_scores)(
      const double *logs, size_t groups, const uint64_t *words, size_t stride, size_t count, double *out);

  /// Tails of y ~ N(x[i], 1) at |y| = end = ends[cells[i]], 8 a group: far[i] = Pr[y < -end], and near[i] = Pr[y > end], or
  /// -Pr[y < end] where end <= x. Mass of |y| between two ends: the difference of far, and of near, and 1 where near changes
  /// its sign.
  void (*sides)(
      const double *x, const double *cells, const double *ends, double *far, double *near, size_t groups);

  /// The bias of the bit that says in which half of its cell |y| is, with its sign turned where a word of `flips` is odd; tails = far and
  /// near of the cell's low end, of its middle, middles[cell], and of the high end.
  void (*half_biases)(
      const double *_Nonnull const *_Nonnull tails, const double *x, const double *cells, const double *middles,
      const uint64_t *flips, double *out, size_t groups);

  /// What is known once such bits are: the cells, of twice as many, and tails at their low and high ends. The upper half is taken where
  /// the sign is plus and the flip even, or minus and odd.
  void (*take_halves)(
      const double *signs, const uint64_t *flips, double *cells, double *_Nonnull const *_Nonnull tails, size_t groups);

  /// The cells alone, from bits of signs that are 1 for minus.
  void (*read_halves)(const uint64_t *signs, const uint64_t *flips, double *cells, size_t groups);

  /// Bit i of `out` is the leading bit of word i, 8 a group.
  void (*leading_bits)(const uint64_t *words, uint8_t *out, size_t groups);

  /// Shares of cells (see `magnitudes`) above |y| `inverse`, for y ~ N(x, 1) with |y| in those cells, from ends[cell] to ends[cell + 1];
  /// tails = far and near of the low and the high end, `choice` and `place` uniforms in (0, 1] with an exponent of their own; and the log
  /// of `count` times the cell's mass.
  void (*cell_places)(
      const double *_Nonnull const *_Nonnull tails, const double *x, const double *cells, const double *ends,
      double count, double inverse, const double *choice, const double *place, double *shares, double *log_mass,
      size_t groups);

  /// out[i] = e^x[i], x cut to [-700, 700], and ln(1 + x[i]), minus infinity for x <= -1; 8 a group, to 15 digits.
  void (*exps)(const double *x, double *out, size_t groups);
  void (*log1ps)(const double *x, double *out, size_t groups);

  /// out[i] = Pr[Z > z[i]] of a standard normal Z where z[i] > 0, -Pr[Z < z[i]] elsewhere, 8 a group: the mass between two
  /// points is their difference, and 1 where the sign changes.
  void (*signed_tails)(const double *z, double *out, size_t groups);

  /// In-place discrete Fourier transform, sum of x_j e^(-2 pi i j k / count), of a power of two of complex numbers: real and
  /// imaginary parts in xr, xi, scratch of the same size in yr, yi, cos(2 pi j / count) and -sin(2 pi j / count) for
  /// j < count in the tables.
  void (*fft)(
      double *xr, double *xi, double *yr, double *yi, size_t count, const double *cosines, const double *sines);
} ck_ops;

const ck_ops *_Nullable ck_get(ck_isa isa);

/// The widest instruction set of this machine. Never null.
const ck_ops *ck_best(void);

/// Tells the allocator to keep blocks of megabytes that were freed, where it would give them back to the system.
void ck_keep_freed_memory(void);

/// Scalar twins of what the kernels compute, for tables and for samplers that reject.
double ck_log(double x);
double ck_exp(double x);

#pragma clang assume_nonnull end
