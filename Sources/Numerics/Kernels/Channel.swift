import CKernels

// Candidates of channel simulation: the Walsh-Hadamard transform, scores, signs, and cells of magnitudes.
extension Kernels {
  /// In-place unnormalised Walsh-Hadamard transform of a power of two of values; (n log2 n) additions.
  @inlinable
  public func hadamard(_ values: UnsafeMutableBufferPointer<Double>) {
    precondition(values.count > 0 && values.count & (values.count - 1) == 0)
    guard let address = values.baseAddress else { return }
    operations.pointee.hadamard(address, values.count)
  }

  /// constant + z . mu - quadratic |z|^2 of `scores.count` vectors z of mu.count, one after the other from `z` on.
  @inlinable @inline(__always)
  public func scores(
    _ z: UnsafePointer<Double>, _ mu: UnsafeBufferPointer<Double>, quadratic: Double, constant: Double,
    into scores: UnsafeMutableBufferPointer<Double>
  ) {
    guard let mean = mu.baseAddress, let to = scores.baseAddress else { return }
    operations.pointee.scores(z, mean, mu.count, scores.count, quadratic, constant, to)
  }

  /// As `scores`, with ln cosh(mu z) for mu z: of magnitudes.
  @inlinable @inline(__always)
  package func magnitudeScores(
    _ z: UnsafePointer<Double>, _ mu: UnsafeBufferPointer<Double>, quadratic: Double, constant: Double,
    into scores: UnsafeMutableBufferPointer<Double>
  ) {
    guard let mean = mu.baseAddress, let to = scores.baseAddress else { return }
    operations.pointee.magnitude_scores(z, mean, mu.count, scores.count, quadratic, constant, to)
  }

  /// tanh(mu |z|); counts are alike and multiples of 8.
  @inlinable
  package func biases(
    _ z: UnsafeBufferPointer<Double>, _ mu: UnsafeBufferPointer<Double>, _ output: UnsafeMutableBufferPointer<Double>
  ) {
    precondition(z.count % 8 == 0 && z.count == mu.count && z.count == output.count)
    guard let from = z.baseAddress, let mean = mu.baseAddress, let to = output.baseAddress else { return }
    operations.pointee.biases(from, mean, to, z.count / 8)
  }

  /// ln((1 + v) / (1 - v)), v = |2 w - 1|, of the dither w of each word; a multiple of 8.
  @inlinable
  package func thresholds(_ words: UnsafeBufferPointer<UInt64>, _ output: UnsafeMutableBufferPointer<Double>) {
    precondition(words.count % 8 == 0 && words.count == output.count)
    guard let from = words.baseAddress, let to = output.baseAddress else { return }
    operations.pointee.thresholds(from, to, words.count / 8)
  }

  /// Signs and flags of `biases`; see `SignPolarization`.
  @inlinable
  package func polarize(
    _ biases: UnsafeBufferPointer<Double>, _ words: UnsafeBufferPointer<UInt64>,
    flags: UnsafeMutableBufferPointer<UInt8>, signs: UnsafeMutableBufferPointer<Double>,
    scratch: UnsafeMutableBufferPointer<Double>
  ) {
    precondition(biases.count.nonzeroBitCount == 1 && words.count >= biases.count && flags.count >= biases.count)
    precondition(signs.count >= biases.count && scratch.count >= biases.count)
    guard let t = biases.baseAddress, let w = words.baseAddress, let f = flags.baseAddress,
      let b = signs.baseAddress, let s = scratch.baseAddress
    else { return }
    operations.pointee.polarize(t, biases.count, w, f, b, s)
  }

  /// The biases of the products of two halves of `biases`, into the first half of `output`.
  @inlinable
  package func polarProducts(
    _ biases: UnsafeMutableBufferPointer<Double>, into output: UnsafeMutableBufferPointer<Double>
  ) {
    precondition(output.count >= biases.count / 2)
    guard let t = biases.baseAddress, let to = output.baseAddress else { return }
    operations.pointee.polar_products(t, biases.count / 2, to)
  }

  /// The biases of the second half of `biases` given the products' signs.
  @inlinable
  package func polarSums(
    _ biases: UnsafeMutableBufferPointer<Double>, signs: UnsafeMutableBufferPointer<Double>,
    into output: UnsafeMutableBufferPointer<Double>
  ) {
    precondition(output.count >= biases.count / 2 && signs.count >= biases.count / 2)
    guard let t = biases.baseAddress, let b = signs.baseAddress, let to = output.baseAddress else { return }
    operations.pointee.polar_sums(t, b, biases.count / 2, to)
  }

  /// Eight passes over `biases` from pass `first` of a key stream on: their ln r, and the bits of their signs and flags, a pass each. See
  /// CKernels.h.
  ///
  /// - Parameter outside: the leaves outside G in order, and then the number of leaves.
  @inlinable
  package func polarPasses(
    _ biases: UnsafeMutableBufferPointer<Double>, key: UnsafePointer<UInt32>, stream: UInt64, first: UInt64,
    stride: Int,
    outside: [UInt32], logRatios: UnsafeMutableBufferPointer<Double>, signs: UnsafeMutableBufferPointer<UInt8>,
    flags: UnsafeMutableBufferPointer<UInt8>, scratch: UnsafeMutableBufferPointer<Double>
  ) {
    let n = biases.count
    precondition(n >= 8 && n.nonzeroBitCount == 1 && outside.last == UInt32(n) && signs.count >= n)
    precondition(first % 8 == 0 && stride % 16 == 0 && stride >= (n + 63) / 64 + outside.count - 1)
    precondition(logRatios.count >= 8 && flags.count >= outside.count && scratch.count >= 9 * n + 16 * stride)
    outside.withUnsafeBufferPointer { outside in
      guard let t = biases.baseAddress, let leaves = outside.baseAddress, let logs = logRatios.baseAddress,
        let b = signs.baseAddress, let f = flags.baseAddress, let s = scratch.baseAddress
      else { return }
      var passes = ck_passes(key: key, stream: stream, first: first, stride: stride, outside: leaves)
      operations.pointee.polar_passes(t, n, &passes, logs, b, f, s)
    }
  }

  /// As `polarize`, of at least eight leaves; returns the sum of ln(1 + b t) over the leaves that are not in `outside`.
  @inlinable
  package func polarRatio(
    _ biases: UnsafeMutableBufferPointer<Double>, _ words: UnsafeBufferPointer<UInt64>, outside: [UInt32],
    flags: UnsafeMutableBufferPointer<UInt8>, signs: UnsafeMutableBufferPointer<Double>,
    scratch: UnsafeMutableBufferPointer<Double>
  ) -> Double {
    let n = biases.count
    precondition(n >= 8 && n.nonzeroBitCount == 1 && outside.last == UInt32(n))
    precondition(words.count >= n && flags.count >= n && signs.count >= n && scratch.count >= n)
    return outside.withUnsafeBufferPointer { outside in
      guard let t = biases.baseAddress, let leaves = outside.baseAddress, let w = words.baseAddress,
        let f = flags.baseAddress, let b = signs.baseAddress, let s = scratch.baseAddress
      else { return 0 }
      return operations.pointee.polar_ratio(t, n, w, leaves, f, b, s)
    }
  }

  /// h with ln(1 + b t) = a + b h for b = +-1; the sum of a. Counts are alike and multiples of 8.
  @inlinable
  package func signRatios(_ biases: UnsafeMutableBufferPointer<Double>, into h: UnsafeMutableBufferPointer<Double>)
    -> Double
  {
    precondition(biases.count % 8 == 0 && h.count == biases.count)
    guard let t = biases.baseAddress, let to = h.baseAddress else { return 0 }
    return operations.pointee.sign_ratios(t, to, biases.count / 8)
  }

  /// constant + sum of b_i h_i for candidates whose signs b are bits (1 for minus) of `stride` words each.
  @inlinable @inline(__always)
  package func signScores(
    _ h: UnsafeMutableBufferPointer<Double>, _ words: UnsafePointer<UInt64>, stride: Int, constant: Double,
    into scores: UnsafeMutableBufferPointer<Double>
  ) {
    precondition(h.count % 8 == 0 && h.count <= 64 * stride)
    guard let h0 = h.baseAddress, let to = scores.baseAddress else { return }
    operations.pointee.sign_scores(h0, h.count / 8, words, stride, scores.count, constant, to)
  }

  /// Tails of y ~ N(x, 1) at |y| = ends; see CKernels.h. Counts are alike and multiples of 8.
  @inlinable
  package func sides(
    _ x: UnsafeBufferPointer<Double>, _ ends: UnsafeBufferPointer<Double>, far: UnsafeMutableBufferPointer<Double>,
    near: UnsafeMutableBufferPointer<Double>
  ) {
    precondition(x.count % 8 == 0 && x.count == ends.count && x.count == far.count && x.count == near.count)
    guard let x0 = x.baseAddress, let e = ends.baseAddress, let f = far.baseAddress, let n = near.baseAddress else {
      return
    }
    operations.pointee.sides(x0, e, f, n, x.count / 8)
  }

  /// Biases of the bits that halve cells; `ends` = far and near tails of low end, middle and high end.
  @inlinable
  package func halfBiases(
    _ ends: [UnsafePointer<Double>], _ x: UnsafeBufferPointer<Double>, _ middle: UnsafeBufferPointer<Double>,
    _ output: UnsafeMutableBufferPointer<Double>
  ) {
    precondition(ends.count == 6 && x.count % 8 == 0 && x.count == middle.count && x.count == output.count)
    guard let x0 = x.baseAddress, let m = middle.baseAddress, let to = output.baseAddress else { return }
    operations.pointee.half_biases(ends, x0, m, to, x.count / 8)
  }

  /// Places in cells from the target, as shares of the cells above them, and logarithms of masses; `ends` = far and near
  /// tails of the low and the high end, `inputs` = x, low end, high end, cell, and two uniforms.
  @inlinable
  package func cellPlaces(
    _ ends: [UnsafePointer<Double>], _ inputs: [UnsafePointer<Double>], count: Double, inverseScale: Double,
    shares: UnsafeMutableBufferPointer<Double>, logMasses: UnsafeMutableBufferPointer<Double>
  ) {
    precondition(ends.count == 4 && inputs.count == 6 && shares.count % 8 == 0 && shares.count == logMasses.count)
    guard let to = shares.baseAddress, let logs = logMasses.baseAddress else { return }
    operations.pointee.cell_places(
      ends, inputs[0], inputs[1], inputs[2], inputs[3], count, inverseScale, inputs[4], inputs[5], to, logs,
      shares.count / 8)
  }

  /// a with Pr[|Z| > a] = (cellCount - 1 - cell + share) / cellCount; counts are alike and multiples of 8.
  @inlinable
  package func magnitudes(
    _ shares: UnsafeBufferPointer<Double>, cells: UnsafeBufferPointer<Double>, cellCount: Double,
    _ output: UnsafeMutableBufferPointer<Double>
  ) {
    precondition(shares.count % 8 == 0 && shares.count == cells.count && shares.count == output.count)
    guard let from = shares.baseAddress, let cell = cells.baseAddress, let to = output.baseAddress else { return }
    operations.pointee.magnitudes(from, cell, cellCount, to, shares.count / 8)
  }

  /// As `magnitudeScores`, of the magnitudes of shares of cells.
  @inlinable @inline(__always)
  package func cellScores(
    _ shares: UnsafePointer<Double>, cells: UnsafeBufferPointer<Double>, cellCount: Double,
    _ mu: UnsafeBufferPointer<Double>,
    quadratic: Double, constant: Double, into scores: UnsafeMutableBufferPointer<Double>
  ) {
    precondition(cells.count == mu.count)
    guard let mean = mu.baseAddress, let cell = cells.baseAddress, let to = scores.baseAddress else { return }
    operations.pointee.cell_scores(
      shares, cell, cellCount, mean, mu.count, scores.count, quadratic, constant, to)
  }
}
