import CKernels

// Uniforms, exponentials, normals and layers from random words, and the key stream that words come from.
extension Kernels {
  /// `words.count` = `output.count`, a multiple of 8: uniforms in [0, 1).
  @inlinable
  public func uniforms(_ words: UnsafeBufferPointer<UInt64>, _ output: UnsafeMutableBufferPointer<Double>) {
    precondition(words.count == output.count && words.count % 8 == 0)
    guard let from = words.baseAddress, let to = output.baseAddress else { return }
    operations.pointee.uniforms(from, to, words.count / 8)
  }

  /// `words.count` = `output.count`, a multiple of 8: standard exponentials.
  @inlinable
  public func exponentials(_ words: UnsafeBufferPointer<UInt64>, _ output: UnsafeMutableBufferPointer<Double>) {
    precondition(words.count == output.count && words.count % 8 == 0)
    guard let from = words.baseAddress, let to = output.baseAddress else { return }
    operations.pointee.exponentials(from, to, words.count / 8)
  }

  /// `words.count` = `output.count`, a multiple of 16: standard normals.
  @inlinable
  public func normals(_ words: UnsafeBufferPointer<UInt64>, _ output: UnsafeMutableBufferPointer<Double>) {
    precondition(words.count == output.count && words.count % 16 == 0)
    guard let from = words.baseAddress, let to = output.baseAddress else { return }
    operations.pointee.normals(from, to, words.count / 16)
  }

  /// Steps and dithers of the direct layered quantizer at sigma = 1: 32 words give 8 of each.
  @inlinable
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
  @inlinable
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
  @inlinable
  public func keystream(
    _ key: UnsafePointer<UInt32>, stream: UInt64, group: UInt64, into output: UnsafeMutableBufferPointer<UInt64>
  ) {
    precondition(output.count % 128 == 0)
    guard let to = output.baseAddress else { return }
    operations.pointee.keystream(key, stream, group, to, output.count / 128)
  }

  /// Standard normals of that stream, 128 a group.
  @inlinable
  public func keyedNormals(
    _ key: UnsafePointer<UInt32>, stream: UInt64, group: UInt64, into output: UnsafeMutableBufferPointer<Double>
  ) {
    precondition(output.count % 128 == 0)
    guard let to = output.baseAddress else { return }
    operations.pointee.keyed_normals(key, stream, group, to, output.count / 128)
  }
}
