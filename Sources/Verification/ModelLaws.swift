import ChannelCoding
import Clients
import Datasets

/// What a seam promises and a conformer does not keep.
public struct LawViolation: Sendable, Equatable, CustomStringConvertible {
  /// The promise in a few words.
  public let law: String
  /// What was found.
  public let found: String

  public var description: String { "\(law): \(found)" }
}

/// Checks of what `Model` promises, for models of other packages:
///
///     #expect(ModelLaws.violations(of: MyModel(), on: data).isEmpty)
///
/// A check finds what is grossly wrong, such as a forgotten term of a gradient; it proves nothing.
public enum ModelLaws {
  /// All laws, on a batch of some examples.
  ///
  /// - Parameters:
  ///   - data: at least two examples that the model can take; the first eight are used.
  ///   - parameters: where the gradient is taken; nil for normal ones of standard deviation 0.4, where most of a model matters.
  ///   - seed: names the parameters and the coordinates that are tried.
  /// - Returns: what does not hold; empty where all does.
  public static func violations(
    of model: some Model, on data: Dataset, parameters: [Float]? = nil, seed: UInt64 = 1
  ) -> [LawViolation] {
    precondition(data.count >= 2, "two examples at least")
    var random = RandomStream(key: Key(seed: seed, label: "model laws"))
    let start = parameters ?? (0..<model.parameterCount).map { _ in Float(random.normal() * 0.4) }
    var found = shapes(of: model, start)
    // Nothing else can be asked of a model whose parameters do not fit.
    guard found.isEmpty else { return found }
    let trial = Trial(model: model, data: data, start: start)
    found += trial.gradientAgainstDifferences()
    found += trial.addition()
    found += trial.preparation()
    found += trial.repetition()
    found += trial.singlePredictions()
    return found
  }

  /// Counts, names and the two forms of parameters.
  private static func shapes(of model: some Model, _ start: [Float]) -> [LawViolation] {
    var found: [LawViolation] = []
    let report = { (law: String, text: String) in found.append(LawViolation(law: law, found: text)) }
    var random = RandomStream(key: Key(seed: 1, label: "initial parameters"))
    let count = model.parameterCount
    let initial = model.initialParameters(&random)
    if initial.count != count { report("initialParameters has parameterCount values", "\(initial.count) of \(count)") }
    if start.count != count {
      report("the given parameters are parameterCount values", "\(start.count) of \(count)")
      return found
    }
    let padded = model.padding(start)
    if padded.count != model.paddedParameterCount {
      report("padding has paddedParameterCount values", "\(padded.count) of \(model.paddedParameterCount)")
    }
    let zeros = model.padding([Float](repeating: 0, count: count))
    if model.difference(padded, zeros) != start {
      report("difference undoes padding", "other values than those that were padded")
    }
    let tensors = model.tensors
    let total = tensors.reduce(0) { $0 + $1.count }
    if total != count { report("tensors have parameterCount values", "\(total) of \(count)") }
    if Set(tensors.map(\.name)).count != tensors.count { report("tensors have different names", "a name twice") }
    if total == count, count < 1 << 24 {
      let numbers = (0..<count).map { Float($0) }
      let values = tensors.indices.flatMap { model.values(of: $0, in: numbers) }
      if values.sorted() != numbers { report("tensors have each parameter once", "other values") }
    }
    return found
  }

  /// A model, a batch and the parameters at which it is tried.
  private struct Trial<M: Model> {
    let model: M
    let data: Dataset
    let start: [Float]

    var batch: ArraySlice<Int> { Array((0..<min(data.count, 8)).reversed())[...] }

    func loss(_ parameters: [Float]) -> Double {
      let workspace = model.makeWorkspace(capacity: batch.count)
      let predictions = model.predictions(of: batch, in: data, at: model.padding(parameters), workspace)
      return predictions.reduce(0) { $0 + $1.loss } / Double(batch.count)
    }

    /// The flat gradient of the mean loss.
    func gradient(_ workspace: M.Workspace) -> [Float] {
      let zero = model.padding([Float](repeating: 0, count: start.count))
      let sum = model.padding([Float](repeating: 0, count: start.count))
      model.addGradient(
        of: batch, in: data, at: model.padding(start), scale: 1 / Float(batch.count), to: sum, workspace
      ) { _ in
      }
      return model.difference(sum, zero)
    }

    /// Central differences in float32: the loss has 1e-6, so a difference over 8e-3 has some 1e-4, one over 2e-3 some 5e-4. A ReLU or
    /// a maximum that switches within the step spoils a difference, so that a coordinate has two, and few may fail both.
    func gradientAgainstDifferences() -> [LawViolation] {
      let slopes = gradient(model.makeWorkspace(capacity: batch.count))
      var parameters = start
      var wrong: [(index: Int, found: Double, expected: Double)] = []
      let tried = Array(stride(from: 0, to: start.count, by: 1 + start.count / 400))
      for i in tried {
        var slope = 0.0
        let agrees = [Float(4e-3), 1e-3].contains { step in
          parameters[i] = start[i] + step
          let up = loss(parameters)
          parameters[i] = start[i] - step
          let down = loss(parameters)
          parameters[i] = start[i]
          slope = (up - down) / (2 * Double(step))
          return abs(slope - Double(slopes[i])) < 2e-3 + 0.01 * abs(slope)
        }
        if !agrees { wrong.append((i, Double(slopes[i]), slope)) }
      }
      guard let first = wrong.first, 20 * wrong.count >= tried.count else { return [] }
      return [
        LawViolation(
          law: "the gradient is that of the loss",
          found:
            "\(wrong.count) of \(tried.count) coordinates differ, the first at \(first.index): \(first.found) where "
            + "differences of the loss have \(first.expected)")
      ]
    }

    /// `scale` times the gradient is added to what is there, also where that is the parameters themselves.
    func addition() -> [LawViolation] {
      let workspace = model.makeWorkspace(capacity: batch.count)
      let slopes = gradient(workspace)
      let scale = -0.5 / Float(batch.count)
      var found: [LawViolation] = []
      for isInPlace in [false, true] {
        let parameters = model.padding(start)
        let target = isInPlace ? parameters : model.padding(start.map { -$0 })
        let before = model.padding(isInPlace ? start : start.map { -$0 })
        model.addGradient(of: batch, in: data, at: parameters, scale: scale, to: target, workspace) { _ in }
        let moved = model.difference(target, before)
        let error = zip(moved, slopes).map { abs($0 + 0.5 * $1) / (1 + abs($1)) }.max() ?? 0
        if !(error < 1e-4) {
          found.append(
            LawViolation(
              law: isInPlace
                ? "a gradient that is added to the parameters themselves is the same"
                : "a gradient is added, times its scale, to what is there",
              found: "a difference of \(error)"))
        }
      }
      return found
    }

    /// Each coordinate is prepared once, before it changes.
    func preparation() -> [LawViolation] {
      let workspace = model.makeWorkspace(capacity: batch.count)
      let parameters = model.padding(start)
      let before = parameters.values
      var prepared = [Int](repeating: 0, count: parameters.count)
      var isEarly = true
      model.addGradient(of: batch, in: data, at: parameters, scale: 1, to: parameters, workspace) { range in
        for i in range {
          prepared[i] += 1
          isEarly = isEarly && parameters.start[i].bitPattern == before[i].bitPattern
        }
      }
      var found: [LawViolation] = []
      if let i = prepared.firstIndex(where: { $0 != 1 }) {
        found.append(
          LawViolation(law: "each coordinate is prepared once", found: "coordinate \(i): \(prepared[i]) times"))
      }
      if !isEarly { found.append(LawViolation(law: "a coordinate is prepared before it changes", found: "after it")) }
      return found
    }

    /// The same bits from a workspace that was used before and from a new one.
    func repetition() -> [LawViolation] {
      let used = model.makeWorkspace(capacity: batch.count)
      _ = model.predictions(of: batch.prefix(1), in: data, at: model.padding(start), used)
      let first = gradient(used)
      let isSame = [gradient(used), gradient(model.makeWorkspace(capacity: batch.count + 3))].allSatisfy {
        zip($0, first).allSatisfy { $0.bitPattern == $1.bitPattern }
      }
      return isSame
        ? [] : [LawViolation(law: "results do not depend on a workspace", found: "another gradient of the same batch")]
    }

    /// Predictions are of the examples, in their order.
    func singlePredictions() -> [LawViolation] {
      let workspace = model.makeWorkspace(capacity: batch.count)
      let parameters = model.padding(start)
      let together = model.predictions(of: batch, in: data, at: parameters, workspace)
      guard together.count == batch.count else {
        return [LawViolation(law: "a prediction of each example", found: "\(together.count) of \(batch.count)")]
      }
      for (example, prediction) in zip(batch, together) {
        let alone = model.predictions(of: [example], in: data, at: parameters, workspace)
        guard let alone = alone.first, alone.isCorrect == prediction.isCorrect,
          abs(alone.loss - prediction.loss) <= 1e-5 * (1 + abs(alone.loss))
        else {
          return [
            LawViolation(
              law: "predictions are those of the examples in their order",
              found: "example \(example): another one alone than in a batch")
          ]
        }
      }
      return []
    }
  }
}
