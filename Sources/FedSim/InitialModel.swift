import ChannelCoding
import Clients
import Files

/// The model that a run starts from, where a file has it: `model.initial`.
enum InitialModel {
  /// The parameters that a file has of a model.
  ///
  /// - Throws: `DataError` with the file, the tensor and what was found: names, shapes and numbers of values must be those that the model is
  ///   written with, and all values finite.
  static func parameters(of model: some Model, from path: String) throws(DataError) -> [Float] {
    try parameters(of: model, from: SafetensorsFile(path: path), name: path)
  }

  static func parameters(
    of model: some Model, from file: SafetensorsFile, name: String
  ) throws(DataError) -> [Float] {
    func failure(_ tensor: String, _ problem: String) -> DataError {
      .file(place: "\(name): tensor \(ShownText.quoted(tensor))", problem: problem)
    }
    let expected = model.tensors
    for tensor in file.tensors where !expected.contains(where: { $0.name == tensor.name }) {
      throw failure(
        tensor.name,
        "the model has none of this name; allowed: \(expected.prefix(8).map(\.name).joined(separator: ", "))")
    }
    var values: [[Float]] = []
    for tensor in expected {
      guard let found = file.tensors.first(where: { $0.name == tensor.name }) else {
        throw failure(tensor.name, "the file has none of this name, and the model needs it (shape \(tensor.shape))")
      }
      guard found.shape == tensor.shape else {
        throw failure(tensor.name, "found shape \(found.shape); allowed: \(tensor.shape)")
      }
      let part = file.values(of: found)
      if let bad = part.firstIndex(where: { !$0.isFinite }) {
        throw failure(tensor.name, "value \(bad) is \(part[bad]); allowed: finite values")
      }
      values.append(part)
    }
    guard let parameters = model.parameters(fromTensors: values) else {
      throw .file(place: name, problem: "this model's tensors do not say where its parameters are")
    }
    return parameters
  }
}
