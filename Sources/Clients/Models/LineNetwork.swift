extension Network {
  /// Convolutions of a line of `channels` values at each of `length` places, then dense layers.
  ///
  /// - Parameters:
  ///   - convolutions: outputs, kernel (odd), stride and window of maxima of each.
  /// - Returns: nil where strides and maxima leave nothing of the line.
  public init?(
    length: Int, channels: Int, convolutions: [(outputs: Int, kernel: Int, stride: Int, pooling: Int)], hidden: [Int],
    classes: Int, output: Output = .classes
  ) {
    var layers: [Layer] = []
    var (width, inputs) = (length, channels)
    for next in convolutions {
      guard (width + next.stride - 1) / next.stride >= next.pooling else { return nil }
      let layer = Convolution(
        length: width, inputs: inputs, outputs: next.outputs, kernel: next.kernel, stride: next.stride,
        pooling: next.pooling)
      layers.append(.convolution(layer))
      (width, inputs) = (layer.pooledWidth, next.outputs)
    }
    let widths = [width * inputs] + hidden + [classes]
    layers += zip(widths, widths.dropFirst()).map { .dense(inputs: $0, outputs: $1) }
    self.init(layers, output: output)
  }
}
