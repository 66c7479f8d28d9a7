import Files
import Settings

/// The binary files of CIFAR-10 and CIFAR-100: records of one or two label bytes and 3072 pixels, a plane of 32 x 32 for each of red, green and blue.
/// Pixels are put channels last, and divided by 255.
///
/// A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
public struct CIFARData: ExampleSource {
  /// Which label of CIFAR-100 is learned; CIFAR-10 has one.
  public enum Labels: String, Sendable, CaseIterable, SettingValue {
    /// One of 20 groups of classes.
    case coarse
    /// One of 100 classes.
    case fine
  }

  /// A file of training examples, or the folder that has the training files under their own names.
  public var path: String
  /// A file of test examples, or the folder that has it under its own name; nil for a split.
  public var test: String?
  /// Nil for CIFAR-10.
  public var labels: Labels?

  public init(path: String, test: String? = nil, labels: Labels? = nil) {
    (self.path, self.test, self.labels) = (path, test, labels)
  }

  public var description: String { "CIFAR-\(labels == nil ? 10 : 100), \(path)" }
  public var hasTest: Bool { test != nil }
  public var placeKeys: [String] { ["path", "test"] }
  public var paths: [String] { [path] + (test.map { [$0] } ?? []) }
  public var areClassesGiven: Bool { true }
  public var reviewedLabels: DataSubject? { .file(.training) }

  private static let side = 32
  private static let pixels = 3 * side * side
  private var classCount: Int { labels.map { $0 == .coarse ? 20 : 100 } ?? 10 }
  private var labelBytes: Int { labels == nil ? 1 : 2 }

  /// - Throws: `DataError` that names the file and the byte.
  public func load(_ request: LoadRequest) throws(DataError) -> LoadedData {
    let training = try about(.file(.training)) { () throws(DataError) in
      try dataset(files(path, labels == nil ? (1...5).map { "data_batch_\($0).bin" } : ["train.bin"]))
    }
    let tested = try about(.file(.test)) { () throws(DataError) -> Dataset? in
      guard let test else { return nil }
      return try dataset(files(test, [labels == nil ? "test_batch.bin" : "test.bin"]))
    }
    return LoadedData(training: training, test: tested, labelPlace: "the labels of \(path)")
  }

  /// A file, or those of a folder under their own names, plain or gzipped.
  private func files(_ path: String, _ names: [String]) throws(DataError) -> [String] {
    guard FilePath.kind(path) == .folder else { return [path] }
    var files: [String] = []
    for name in names {
      let plain = "\(path)/\(name)"
      let file = FilePath.exists(plain) ? plain : plain + ".gz"
      guard FilePath.exists(file) else {
        let isPython = FilePath.exists("\(path)/\(name.prefix { $0 != "." })")
        throw .file(
          place: path,
          problem: "found a folder without \(name)"
            + (isPython ? ": these are the files for Python; the binary version has others" : ""))
      }
      files.append(file)
    }
    return files
  }

  private func dataset(_ files: [String]) throws(DataError) -> Dataset {
    let record = labelBytes + Self.pixels
    let levels = (0..<256).map { Float($0) / 255 }
    var features: [Float] = []
    var found: [Int32] = []
    for file in files {
      // A record begins with a label and the pixels of a row, which may be any bytes: the length alone says what is none.
      let bytes = try DataFile.read(file, formats: Set(KnownFormat.allCases))
      guard !bytes.isEmpty, bytes.count % record == 0 else {
        _ = try DataFile.read(file, formats: [.idx])
        let other = labels == nil ? 2 + Self.pixels : 1 + Self.pixels
        throw .file(
          place: file,
          problem: "found \(bytes.count) bytes; allowed: a multiple of \(record), of which an example takes"
            + (bytes.count > 0 && bytes.count % other == 0
              ? ": is it CIFAR-\(labels == nil ? "100, with data.labels" : "10, without data.labels")?" : ""))
      }
      features.reserveCapacity(features.count + bytes.count / record * Self.pixels)
      for start in stride(from: 0, to: bytes.count, by: record) {
        // The coarse label stands before the fine one.
        let place = start + (labels == .fine ? 1 : 0)
        guard bytes[place] < classCount else {
          throw .file(
            place: file, problem: "byte \(place): found label \(bytes[place]); allowed: 0 to \(classCount - 1)")
        }
        found.append(Int32(bytes[place]))
        let planes = start + labelBytes
        let size = Self.side * Self.side
        for pixel in 0..<size {
          for channel in 0..<3 { features.append(levels[Int(bytes[planes + channel * size + pixel])]) }
        }
      }
    }
    return try Dataset(
      features: features, labels: found, featureCount: Self.pixels, classCount: classCount,
      imageShape: .init(height: Self.side, width: Self.side, channels: 3))
  }
}

extension CIFARData: Configurable {
  public static let keys = SettingList(
    CIFARData(path: ""),
    [
      Setting(
        "test", \.test, .path, .unset("split by `testFraction`"),
        "file of test examples, or the folder that has test_batch.bin (of CIFAR-100: test.bin)"),
      Setting(
        "path", \.path, .path, .needed("a file or folder"),
        "file of training examples, or the folder that has data_batch_1.bin to data_batch_5.bin (of CIFAR-100: train.bin)"
      ),
      Setting(
        "labels", \.labels, .choice(Labels.self), .absent("CIFAR-10, which has one label"),
        "which label of CIFAR-100 is the class: one of 20 (`coarse`) or of 100 (`fine`)"),
    ])
}
