extension Model {
  /// The flat parameters whose tensors have these values: the inverse of `values(of:in:)`.
  ///
  /// Each tensor is a rearrangement of some parameters. Where each value comes from is found by asking for the tensors of parameters that are
  /// their own numbers: in two parts, each of whole numbers that float32 holds exactly. So no model says it twice.
  ///
  /// - Parameter tensors: the values of each of `tensors`, in its order.
  /// - Returns: nil where the numbers of values differ, or where a model's tensors have not each parameter once.
  /// - Complexity: two copies of the model.
  public func parameters(fromTensors tensors: [[Float]]) -> [Float]? {
    guard tensors.count == self.tensors.count else { return nil }
    let base = 1 << 20
    let low = (0..<parameterCount).map { Float($0 % base) }
    let high = (0..<parameterCount).map { Float($0 / base) }
    var parameters = [Float](repeating: .nan, count: parameterCount)
    var isSet = [Bool](repeating: false, count: parameterCount)
    for (index, values) in tensors.enumerated() {
      let (lows, highs) = (self.values(of: index, in: low), self.values(of: index, in: high))
      guard values.count == lows.count else { return nil }
      for i in values.indices {
        guard let a = Int(exactly: lows[i]), let b = Int(exactly: highs[i]), (0..<base).contains(a), b >= 0 else {
          return nil
        }
        let (start, isTooLarge) = b.multipliedReportingOverflow(by: base)
        guard !isTooLarge, start < parameterCount, a + start < parameterCount, !isSet[a + start] else { return nil }
        parameters[a + start] = values[i]
        isSet[a + start] = true
      }
    }
    return isSet.allSatisfy { $0 } ? parameters : nil
  }
}
