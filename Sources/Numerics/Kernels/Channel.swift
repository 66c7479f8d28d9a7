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

  /// Logarithms of what signs with these biases have for a ratio, 16 for 8 biases: ln(1 + t), then ln(1 - t). A multiple of 8.
  @inlinable
  package func signRatios(
    _ biases: UnsafeMutableBufferPointer<Double>, into logs: UnsafeMutableBufferPointer<Double>
  ) {
    precondition(biases.count % 8 == 0 && logs.count == 2 * biases.count)
    guard let t = biases.baseAddress, let to = logs.baseAddress else { return }
    operations.pointee.sign_ratios(t, to, biases.count / 8)
  }

  /// Sums of ln(1 + b t) for candidates whose signs b are bits (1 for minus) of `stride` words each; `logs` as `signRatios` makes them.
  @inlinable @inline(__always)
  package func signScores(
    _ logs: UnsafeMutableBufferPointer<Double>, _ words: UnsafePointer<UInt64>, stride: Int,
    into scores: UnsafeMutableBufferPointer<Double>
  ) {
    precondition(logs.count % 16 == 0 && logs.count <= 128 * stride)
    guard let from = logs.baseAddress, let to = scores.baseAddress else { return }
    operations.pointee.sign_scores(from, logs.count / 16, words, stride, scores.count, to)
  }

  /// Words become doubles (word + 1/2) 2^-64 where they are; a multiple of 8.
  @inlinable
  package func makeShares(_ words: UnsafeMutableBufferPointer<UInt64>) {
    precondition(words.count % 8 == 0)
    guard let from = words.baseAddress else { return }
    operations.pointee.shares(from, UnsafeMutableRawPointer(from).assumingMemoryBound(to: Double.self), words.count / 8)
  }

  /// Bit i of `output` is the leading bit of word i; a multiple of 64.
  @inlinable
  package func leadingBits(_ words: UnsafeBufferPointer<UInt64>, _ output: UnsafeMutableBufferPointer<UInt64>) {
    precondition(words.count % 64 == 0 && output.count == words.count / 64)
    guard let from = words.baseAddress, let to = output.baseAddress else { return }
    operations.pointee.leading_bits(
      from, UnsafeMutableRawPointer(to).assumingMemoryBound(to: UInt8.self), words.count / 8)
  }

  /// Tails of y ~ N(x, 1) at the end of each coordinate's cell; see CKernels.h.
  ///
  /// - Parameters:
  ///   - cells: whole numbers, each the place of an end in `ends`; `count` of them, as of the others.
  ///   - count: a multiple of 8.
  @inlinable
  package func sides(
    _ x: UnsafePointer<Double>, cells: UnsafePointer<Double>, ends: [Double], far: UnsafeMutablePointer<Double>,
    near: UnsafeMutablePointer<Double>, count: Int
  ) {
    precondition(count % 8 == 0 && !ends.isEmpty)
    ends.withUnsafeBufferPointer {
      guard let e = $0.baseAddress else { return }
      operations.pointee.sides(x, cells, e, far, near, count / 8)
    }
  }

  /// Biases of the bits that halve cells, flipped where a word is odd; `tails` = far and near of low end, middle and high end.
  ///
  /// - Parameter middles: the end between the halves of each cell.
  @inlinable
  package func halfBiases(
    _ tails: [UnsafePointer<Double>], _ x: UnsafePointer<Double>, cells: UnsafePointer<Double>, middles: [Double],
    flips: [UInt64], _ output: UnsafeMutableBufferPointer<Double>
  ) {
    precondition(tails.count == 6 && output.count % 8 == 0 && flips.count >= output.count && !middles.isEmpty)
    middles.withUnsafeBufferPointer { middles in
      flips.withUnsafeBufferPointer { flips in
        guard let m = middles.baseAddress, let f = flips.baseAddress, let to = output.baseAddress else { return }
        operations.pointee.half_biases(tails, x, cells, m, f, to, output.count / 8)
      }
    }
  }

  /// Cells and their tails once the bits are known that halve them; `tails` as for `halfBiases`.
  @inlinable
  package func takeHalves(
    _ signs: UnsafeBufferPointer<Double>, flips: [UInt64], cells: UnsafeMutablePointer<Double>,
    tails: [UnsafeMutablePointer<Double>]
  ) {
    precondition(signs.count % 8 == 0 && flips.count >= signs.count && tails.count == 6)
    flips.withUnsafeBufferPointer { flips in
      guard let b = signs.baseAddress, let f = flips.baseAddress else { return }
      operations.pointee.take_halves(b, f, cells, tails, signs.count / 8)
    }
  }

  /// Cells once the bits are known that halve them, 1 for minus; counts are multiples of 8.
  @inlinable
  package func readHalves(_ signs: [UInt64], flips: [UInt64], cells: UnsafeMutableBufferPointer<Double>) {
    precondition(cells.count % 8 == 0 && flips.count >= cells.count && 64 * signs.count >= cells.count)
    signs.withUnsafeBufferPointer { signs in
      flips.withUnsafeBufferPointer { flips in
        guard let b = signs.baseAddress, let f = flips.baseAddress, let c = cells.baseAddress else { return }
        operations.pointee.read_halves(b, f, c, cells.count / 8)
      }
    }
  }

  /// Places in cells from the target, as shares of the cells above them, and logarithms of masses; `tails` = far and near
  /// tails of the low and the high end, `inputs` = x, cell, and two uniforms.
  ///
  /// - Parameter ends: of cell c, its low and high end are number c and c + 1.
  @inlinable
  package func cellPlaces(
    _ tails: [UnsafePointer<Double>], _ inputs: [UnsafePointer<Double>], ends: [Double], inverseScale: Double,
    shares: UnsafeMutableBufferPointer<Double>, logMasses: UnsafeMutableBufferPointer<Double>
  ) {
    precondition(tails.count == 4 && inputs.count == 4 && shares.count % 8 == 0 && shares.count == logMasses.count)
    ends.withUnsafeBufferPointer {
      guard let e = $0.baseAddress, let to = shares.baseAddress, let logs = logMasses.baseAddress else { return }
      operations.pointee.cell_places(
        tails, inputs[0], inputs[1], e, Double(ends.count - 1), inverseScale, inputs[2], inputs[3], to, logs,
        shares.count / 8)
    }
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
