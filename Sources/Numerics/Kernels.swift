import CKernels

/// The vectorised loops of CKernels, chosen once for this machine. Every choice gives the same bits.
public struct Kernels: Sendable {
  // An address of constant, never freed data.
  nonisolated(unsafe) private let operations: UnsafePointer<ck_ops>

  public static let best = Kernels(operations: ck_best())

  /// Every instruction set that this machine has, narrowest first: for tests that compare them.
  public static var available: [Kernels] {
    [CK_ISA_BASELINE, CK_ISA_V3, CK_ISA_V4].compactMap { ck_get($0).map(Kernels.init(operations:)) }
  }

  /// For a process of its own, once: updates and samples of megabytes come and go with every client, and where freed memory
  /// goes back to the system each time, every one of their pages is a fault again.
  public static func keepFreedMemory() { ck_keep_freed_memory() }

  public var name: String { String(cString: operations.pointee.name) }

  /// In-place unnormalised Walsh-Hadamard transform of a power of two of values; (n log2 n) additions.
  public func hadamard(_ values: UnsafeMutableBufferPointer<Double>) {
    precondition(values.count > 0 && values.count & (values.count - 1) == 0)
    guard let address = values.baseAddress else { return }
    operations.pointee.hadamard(address, values.count)
  }

  /// A matrix whose element (r, k) is at pointer[r * row + k * step].
  public struct Strided {
    public let pointer: UnsafePointer<Float>
    public let row: Int
    public let step: Int

    @inline(__always)
    public init(_ pointer: UnsafePointer<Float>, row: Int, step: Int) {
      self.pointer = pointer
      self.row = row
      self.step = step
    }
  }

  /// C += A B in float32; C is rows x columns with rows `cRow` apart, columns a multiple of 16; B has `steps` rows, `bRow`
  /// apart. Each element of C is one chain of fused multiply-adds in the order of B's rows.
  @inline(__always)
  public func multiplyAdd(
    _ a: Strided, _ b: UnsafePointer<Float>, bRow: Int, into c: UnsafeMutablePointer<Float>, cRow: Int, rows: Int,
    columns: Int, steps: Int
  ) {
    assert(columns % 16 == 0 && cRow >= columns)
    operations.pointee.gemm(a.pointer, a.row, a.step, b, bRow, c, cRow, rows, columns, steps)
  }

  /// The sum of x[i]^2, added in a fixed order.
  public func squareSum(_ x: UnsafeBufferPointer<Double>) -> Double {
    guard let from = x.baseAddress else { return 0 }
    return operations.pointee.square_sum(from, x.count)
  }

  /// Of the same values as floats: the same sum.
  public func squareSum(_ x: UnsafeBufferPointer<Float>) -> Double {
    guard let from = x.baseAddress else { return 0 }
    return operations.pointee.square_sum_floats(from, x.count)
  }

  /// Of little-endian floats at any address: the same sum.
  package func squareSum(floats x: UnsafeRawBufferPointer) -> Double {
    guard let from = x.baseAddress else { return 0 }
    return operations.pointee.square_sum_floats(from.assumingMemoryBound(to: Float.self), x.count / 4)
  }

  /// scale x[i] in double, of little-endian floats at any address.
  package func widen(_ x: UnsafeRawBufferPointer, scale: Double = 1, into output: UnsafeMutableBufferPointer<Double>) {
    precondition(x.count == 4 * output.count)
    guard let from = x.baseAddress, let to = output.baseAddress else { return }
    operations.pointee.widen(from, scale, to, output.count)
  }

  /// ln E e^(theta L) of a law with losses and ln of their masses, and its derivative by theta.
  public func cumulant(logMasses: [Double], losses: [Double], theta: Double) -> (value: Double, slope: Double) {
    precondition(logMasses.count == losses.count)
    var (top, sum, first) = (0.0, 0.0, 0.0)
    operations.pointee.moments(logMasses, losses, theta, losses.count, &top, &sum, &first)
    return (top + Elementary.log(sum), first / sum)
  }

  /// Whether little-endian floats at any address are all finite.
  package func areFinite(_ x: UnsafeRawBufferPointer) -> Bool {
    guard let from = x.baseAddress else { return true }
    return operations.pointee.all_finite(from, x.count / 4) != 0
  }

  /// sum += x, of little-endian floats at any address.
  package func accumulate(_ x: UnsafeRawBufferPointer, into sum: UnsafeMutableBufferPointer<Double>) {
    precondition(x.count == 4 * sum.count)
    guard let from = x.baseAddress, let to = sum.baseAddress else { return }
    operations.pointee.accumulate_floats(from, to, sum.count)
  }

  /// Rounded to little-endian floats at any address.
  package func narrow(_ x: UnsafeBufferPointer<Double>, into output: UnsafeMutableRawBufferPointer) {
    precondition(output.count == 4 * x.count)
    guard let from = x.baseAddress, let to = output.baseAddress else { return }
    operations.pointee.narrow(from, to, x.count)
  }

  /// sum += x
  public func accumulate(_ x: UnsafeBufferPointer<Double>, into sum: UnsafeMutableBufferPointer<Double>) {
    precondition(x.count == sum.count)
    guard let from = x.baseAddress, let to = sum.baseAddress else { return }
    operations.pointee.accumulate(from, to, x.count)
  }

  /// `words.count` = `output.count`, a multiple of 8: uniforms in [0, 1).
  public func uniforms(_ words: UnsafeBufferPointer<UInt64>, _ output: UnsafeMutableBufferPointer<Double>) {
    precondition(words.count == output.count && words.count % 8 == 0)
    guard let from = words.baseAddress, let to = output.baseAddress else { return }
    operations.pointee.uniforms(from, to, words.count / 8)
  }

  /// `words.count` = `output.count`, a multiple of 8: standard exponentials.
  public func exponentials(_ words: UnsafeBufferPointer<UInt64>, _ output: UnsafeMutableBufferPointer<Double>) {
    precondition(words.count == output.count && words.count % 8 == 0)
    guard let from = words.baseAddress, let to = output.baseAddress else { return }
    operations.pointee.exponentials(from, to, words.count / 8)
  }

  /// `words.count` = `output.count`, a multiple of 16: standard normals.
  public func normals(_ words: UnsafeBufferPointer<UInt64>, _ output: UnsafeMutableBufferPointer<Double>) {
    precondition(words.count == output.count && words.count % 16 == 0)
    guard let from = words.baseAddress, let to = output.baseAddress else { return }
    operations.pointee.normals(from, to, words.count / 16)
  }

  /// Steps and dithers of the direct layered quantizer at sigma = 1: 32 words give 8 of each.
  public func layers(
    _ words: UnsafeBufferPointer<UInt64>, steps: UnsafeMutableBufferPointer<Double>,
    dithers: UnsafeMutableBufferPointer<Double>
  ) {
    precondition(words.count % 32 == 0 && steps.count * 4 == words.count && dithers.count == steps.count)
    guard let from = words.baseAddress, let step = steps.baseAddress, let dither = dithers.baseAddress else {
      return
    }
    operations.pointee.layers(from, step, dither, words.count / 32)
  }

  /// After `layers` on the same words: its steps become those of the shifted layered quantizer at sigma = 1, `centres`
  /// what is added to the output.
  public func shifts(
    _ words: UnsafeBufferPointer<UInt64>, steps: UnsafeMutableBufferPointer<Double>,
    centres: UnsafeMutableBufferPointer<Double>
  ) {
    precondition(words.count % 32 == 0 && steps.count * 4 == words.count && centres.count == steps.count)
    guard let from = words.baseAddress, let step = steps.baseAddress, let centre = centres.baseAddress else {
      return
    }
    operations.pointee.shifts(from, step, centre, words.count / 32)
  }

  /// Words of an interleaved ChaCha20 stream, 128 a group from `group` on; see CKernels.h for their order.
  public func keystream(
    _ key: UnsafePointer<UInt32>, stream: UInt64, group: UInt64, into output: UnsafeMutableBufferPointer<UInt64>
  ) {
    precondition(output.count % 128 == 0)
    guard let to = output.baseAddress else { return }
    operations.pointee.keystream(key, stream, group, to, output.count / 128)
  }

  /// Standard normals of that stream, 128 a group.
  public func keyedNormals(
    _ key: UnsafePointer<UInt32>, stream: UInt64, group: UInt64, into output: UnsafeMutableBufferPointer<Double>
  ) {
    precondition(output.count % 128 == 0)
    guard let to = output.baseAddress else { return }
    operations.pointee.keyed_normals(key, stream, group, to, output.count / 128)
  }

  /// constant + z . mu - quadratic |z|^2 of `scores.count` vectors z of mu.count, one after the other from `z` on.
  @inline(__always)
  public func scores(
    _ z: UnsafePointer<Double>, _ mu: UnsafeBufferPointer<Double>, quadratic: Double, constant: Double,
    into scores: UnsafeMutableBufferPointer<Double>
  ) {
    guard let mean = mu.baseAddress, let to = scores.baseAddress else { return }
    operations.pointee.scores(z, mean, mu.count, scores.count, quadratic, constant, to)
  }

  /// As `scores`, with ln cosh(mu z) for mu z: of magnitudes.
  @inline(__always)
  package func magnitudeScores(
    _ z: UnsafePointer<Double>, _ mu: UnsafeBufferPointer<Double>, quadratic: Double, constant: Double,
    into scores: UnsafeMutableBufferPointer<Double>
  ) {
    guard let mean = mu.baseAddress, let to = scores.baseAddress else { return }
    operations.pointee.magnitude_scores(z, mean, mu.count, scores.count, quadratic, constant, to)
  }

  /// tanh(mu |z|); counts are alike and multiples of 8.
  package func biases(
    _ z: UnsafeBufferPointer<Double>, _ mu: UnsafeBufferPointer<Double>, _ output: UnsafeMutableBufferPointer<Double>
  ) {
    precondition(z.count % 8 == 0 && z.count == mu.count && z.count == output.count)
    guard let from = z.baseAddress, let mean = mu.baseAddress, let to = output.baseAddress else { return }
    operations.pointee.biases(from, mean, to, z.count / 8)
  }

  /// ln((1 + v) / (1 - v)), v = |2 w - 1|, of the dither w of each word; a multiple of 8.
  package func thresholds(_ words: UnsafeBufferPointer<UInt64>, _ output: UnsafeMutableBufferPointer<Double>) {
    precondition(words.count % 8 == 0 && words.count == output.count)
    guard let from = words.baseAddress, let to = output.baseAddress else { return }
    operations.pointee.thresholds(from, to, words.count / 8)
  }

  /// Signs and flags of `biases`; see `SignPolarization`.
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
  package func polarProducts(
    _ biases: UnsafeMutableBufferPointer<Double>, into output: UnsafeMutableBufferPointer<Double>
  ) {
    precondition(output.count >= biases.count / 2)
    guard let t = biases.baseAddress, let to = output.baseAddress else { return }
    operations.pointee.polar_products(t, biases.count / 2, to)
  }

  /// The biases of the second half of `biases` given the products' signs.
  package func polarSums(
    _ biases: UnsafeMutableBufferPointer<Double>, signs: UnsafeMutableBufferPointer<Double>,
    into output: UnsafeMutableBufferPointer<Double>
  ) {
    precondition(output.count >= biases.count / 2 && signs.count >= biases.count / 2)
    guard let t = biases.baseAddress, let b = signs.baseAddress, let to = output.baseAddress else { return }
    operations.pointee.polar_sums(t, b, biases.count / 2, to)
  }

  /// h with ln(1 + b t) = a + b h for b = +-1; the sum of a. Counts are alike and multiples of 8.
  package func signRatios(_ biases: UnsafeMutableBufferPointer<Double>, into h: UnsafeMutableBufferPointer<Double>)
    -> Double
  {
    precondition(biases.count % 8 == 0 && h.count == biases.count)
    guard let t = biases.baseAddress, let to = h.baseAddress else { return 0 }
    return operations.pointee.sign_ratios(t, to, biases.count / 8)
  }

  /// constant + sum of b_i h_i for candidates whose signs b are bits (1 for minus) of `stride` words each.
  @inline(__always)
  package func signScores(
    _ h: UnsafeMutableBufferPointer<Double>, _ words: UnsafePointer<UInt64>, stride: Int, constant: Double,
    into scores: UnsafeMutableBufferPointer<Double>
  ) {
    precondition(h.count % 8 == 0 && h.count <= 64 * stride)
    guard let h0 = h.baseAddress, let to = scores.baseAddress else { return }
    operations.pointee.sign_scores(h0, h.count / 8, words, stride, scores.count, constant, to)
  }

  /// Tails of y ~ N(x, 1) at |y| = ends; see CKernels.h. Counts are alike and multiples of 8.
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

  /// e^x in place, x cut to [-700, 700], to 15 digits; a multiple of 8 of them.
  public func exponentiate(_ x: UnsafeMutableBufferPointer<Double>) {
    precondition(x.count % 8 == 0)
    guard let address = x.baseAddress else { return }
    operations.pointee.exps(address, address, x.count / 8)
  }

  /// ln(1 + x) in place, minus infinity for x <= -1, to 15 digits; a multiple of 8 of them.
  public func log1p(_ x: UnsafeMutableBufferPointer<Double>) {
    precondition(x.count % 8 == 0)
    guard let address = x.baseAddress else { return }
    operations.pointee.log1ps(address, address, x.count / 8)
  }

  /// Pr[Z > z] of a standard normal where z > 0, -Pr[Z < z] elsewhere, to 14 digits; counts are alike and multiples of 8.
  public func signedTails(_ z: UnsafeBufferPointer<Double>, into tails: UnsafeMutableBufferPointer<Double>) {
    precondition(z.count % 8 == 0 && z.count == tails.count)
    guard let from = z.baseAddress, let to = tails.baseAddress else { return }
    operations.pointee.signed_tails(from, to, z.count / 8)
  }

  /// In-place discrete Fourier transform of a power of two of complex numbers; `scratch` has room for as many, `cosines` and
  /// `sines` are cos(2 pi j / n) and -sin(2 pi j / n). O(n log n); every instruction set gives the same bits.
  public func fourierTransform(
    _ real: UnsafeMutableBufferPointer<Double>, _ imaginary: UnsafeMutableBufferPointer<Double>,
    scratch: (real: UnsafeMutableBufferPointer<Double>, imaginary: UnsafeMutableBufferPointer<Double>),
    cosines: UnsafeBufferPointer<Double>, sines: UnsafeBufferPointer<Double>
  ) {
    let n = real.count
    precondition(n > 0 && n & (n - 1) == 0 && imaginary.count == n && cosines.count >= n && sines.count >= n)
    precondition(scratch.real.count >= n && scratch.imaginary.count >= n)
    guard let xr = real.baseAddress, let xi = imaginary.baseAddress, let yr = scratch.real.baseAddress,
      let yi = scratch.imaginary.baseAddress, let c = cosines.baseAddress, let s = sines.baseAddress
    else { return }
    operations.pointee.fft(xr, xi, yr, yi, n, c, s)
  }

  /// Biases of the bits that halve cells; `ends` = far and near tails of low end, middle and high end.
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
  package func magnitudes(
    _ shares: UnsafeBufferPointer<Double>, cells: UnsafeBufferPointer<Double>, cellCount: Double,
    _ output: UnsafeMutableBufferPointer<Double>
  ) {
    precondition(shares.count % 8 == 0 && shares.count == cells.count && shares.count == output.count)
    guard let from = shares.baseAddress, let cell = cells.baseAddress, let to = output.baseAddress else { return }
    operations.pointee.magnitudes(from, cell, cellCount, to, shares.count / 8)
  }

  /// As `magnitudeScores`, of the magnitudes of shares of cells.
  @inline(__always)
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

/// ln x for normal positive x and e^x, within one ulp, from + - * / alone: the same bits on every machine.
/// For tables and samplers that both ends evaluate, where the platform's own functions may differ in the last bit.
public enum Elementary {
  public static func log(_ x: Double) -> Double { ck_log(x) }
  public static func exp(_ x: Double) -> Double { ck_exp(x) }
}
