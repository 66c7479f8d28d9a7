import Datasets

/// Examples of a caller.
struct DataObject: NamedObject {
  static let kind = "data of fs_data_new"
  let data: Dataset
}

/// What data of a caller may be: more is no classification, or no federation.
private enum DataLimits {
  static let examples: ClosedRange<Int64> = 1...Int64(Int32.max)
  static let width: ClosedRange<Int64> = 1...1 << 27
  static let classes: ClosedRange<Int64> = 0...1_000_000
  static let owners: Int32 = 10_000_000
  static let sides: ClosedRange<Int64> = 1...65_536
}

@_cdecl("fs_data_new")
public func dataNew(
  _ features: UnsafePointer<Float>?, _ examples: Int64, _ width: Int64, _ labels: UnsafePointer<Int32>?,
  _ targets: UnsafePointer<Float>?, _ owners: UnsafePointer<Int32>?, _ classes: Int64, _ image: UnsafePointer<Int64>?,
  _ out: UnsafeMutablePointer<Int64>?, _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64
) -> Int64 {
  callForObject(out, error, capacity) {
    let count = try Argument.integer(examples, "examples", in: DataLimits.examples)
    let width = try Argument.integer(width, "width", in: DataLimits.width)
    let classes = try Argument.integer(classes, "classes", in: DataLimits.classes)
    guard (labels == nil) != (targets == nil) else {
      throw Failure.invalid(
        "labels", found: labels == nil ? "neither labels nor targets" : "labels and targets", allowed: "one of both")
    }
    let values = [Float](try Argument.buffer(features, Argument.values(rows: count, of: width), "features"))
    let clients = try owners.map { owners in
      let clients = [Int32](UnsafeBufferPointer(start: owners, count: count))
      if let i = clients.firstIndex(where: { !(0..<DataLimits.owners).contains($0) }) {
        throw Failure.invalid("owners: index \(i)", found: "\(clients[i])", allowed: "0 to \(DataLimits.owners - 1)")
      }
      return clients
    }
    let shape = try image.map { sides in
      let sides = try (0..<3).map { try Argument.integer(sides[$0], "image: index \($0)", in: DataLimits.sides) }
      return Dataset.ImageShape(height: sides[0], width: sides[1], channels: sides[2])
    }
    let data: Dataset
    if let targets {
      data = try Dataset(
        features: values, targets: [Float](UnsafeBufferPointer(start: targets, count: count)), featureCount: width,
        owners: clients, imageShape: shape)
    } else {
      let labels = [Int32](try Argument.buffer(labels, count, "labels"))
      if let i = labels.firstIndex(where: { !(0..<DataLimits.classes.upperBound).contains(Int64($0)) }) {
        throw Failure.invalid(
          "labels: index \(i)", found: "\(labels[i])", allowed: "0 to \(DataLimits.classes.upperBound - 1)")
      }
      let found = Int(labels.max() ?? 0) + 1
      data = try Dataset(
        features: values, labels: labels, featureCount: width, classCount: classes == 0 ? max(found, 2) : classes,
        owners: clients, imageShape: shape)
    }
    return { _ in DataObject(data: data) }
  }
}
