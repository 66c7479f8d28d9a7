// Declares every kernel for the instruction set SUFFIX, with the type that its place in `ck_ops` has: a definition of another type does
// not compile.
#ifndef KERNELS
#define KERNELS(X) \
  X(uniforms) X(exponentials) X(normals) X(layers) X(shifts) X(keystream) X(shares) X(keyed_normals) \
  X(hadamard) X(gemm) X(rectify_columns) \
  X(square_sum) X(square_sum_floats) X(widen) X(narrow) X(accumulate) X(all_finite) X(accumulate_floats) \
  X(scores) X(magnitude_scores) X(magnitudes) X(cell_scores) \
  X(biases) X(thresholds) X(polarize) X(polar_products) X(polar_sums) X(polar_passes) X(polar_ratio) X(sign_ratios) X(sign_scores) \
  X(sides) X(half_biases) X(take_halves) X(read_halves) X(leading_bits) X(cell_places) \
  X(exps) X(log1ps) X(signed_tails) X(moments) X(rotations) X(fft)
#define DECLARE(f) __attribute__((visibility("hidden"))) __typeof__(*((ck_ops *)0)->f) NAME(f);
#endif

KERNELS(DECLARE)
