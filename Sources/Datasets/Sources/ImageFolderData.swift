import Files
import JSONText
import Settings

/// A folder of pictures, PNG and JPEG: `folder/class/picture.png`, or `folder/client/class/picture.png`.
///
/// A class is called as its folder. Pictures come in the order of their paths, byte by byte, and pixels are divided by 255.
public struct ImageFolderData: ExampleSource {
  /// Height and width that pictures are brought to.
  public struct Size: Sendable, Equatable {
    public var height: Int
    public var width: Int

    public init(height: Int, width: Int) { (self.height, self.width) = (height, width) }
  }

  /// The folder of training examples.
  public var path: String
  /// A folder of test examples, without clients; nil for a split.
  public var test: String?
  /// Nil where all pictures have one size, and keep it.
  public var size: Size?
  /// 1 for grey levels, 3 for colours; nil for what the first picture has, which all must then have.
  public var channels: Int?
  /// Whether the folders within `path` are clients, with their classes in them; nil for no.
  public var hasClients: Bool?

  public init(
    path: String, test: String? = nil, size: Size? = nil, channels: Int? = nil, hasClients: Bool? = nil
  ) {
    (self.path, self.test, self.size) = (path, test, size)
    (self.channels, self.hasClients) = (channels, hasClients)
  }

  public var description: String { "pictures, \(path)" }
  public var hasTest: Bool { test != nil }
  public var placeKeys: [String] { ["path", "test"] }
  public var ownerKey: String? { "clients" }
  public var reviewedLabels: DataSubject? { .file(.training) }

  /// The folders that pictures are in.
  public var paths: [String] {
    let training = hasClients == true ? Self.folders(in: path).flatMap(Self.folders) : Self.folders(in: path)
    return training + (test.map(Self.folders) ?? [])
  }

  /// What there is; what cannot be read `load` says.
  private static func folders(in path: String) -> [String] {
    ((try? FilePath.names(in: path)) ?? []).map { "\(path)/\($0)" }.filter { FilePath.kind($0) == .folder }
  }

  /// A picture that is to be read.
  private struct Entry: Sendable {
    let file: String
    let label: String
    let client: String?
  }

  /// More values than this (16 GiB) are not held.
  private static let mostValues = 1 << 32

  /// - Throws: `DataError` that names the folder or the picture.
  public func load(_ request: LoadRequest) throws(DataError) -> LoadedData {
    let training = try about(.file(.training)) { () throws(DataError) in
      try entries(path, hasClients: hasClients == true)
    }
    let tested = try about(.file(.test)) { () throws(DataError) -> [Entry] in
      guard let test else { return [] }
      return try entries(test, hasClients: false)
    }
    let (classes, names) = CSVData.classes(of: (training + tested).map(\.label))
    guard names.count > 1 else {
      throw DataError.file(
        place: path,
        problem: "found one class, \(ShownText.quoted(names.first ?? "")); a model needs two classes at least"
      ).about(.file(.training))
    }
    let shape = try about(.file(.training)) { () throws(DataError) in try self.shape(training[0]) }
    let trainingSet = try about(.file(.training)) { () throws(DataError) in
      try dataset(training, Array(classes[..<training.count]), names, shape, first: training[0].file, request)
    }
    let testSet = try about(.file(.test)) { () throws(DataError) -> Dataset? in
      guard test != nil else { return nil }
      return try dataset(tested, Array(classes[training.count...]), names, shape, first: training[0].file, request)
    }
    return LoadedData(training: trainingSet, test: testSet, labelPlace: "the folders of \(path)")
  }

  // MARK: Folders

  private func entries(_ path: String, hasClients: Bool) throws(DataError) -> [Entry] {
    var entries: [Entry] = []
    if hasClients {
      for client in try Self.inner(path, "clients") {
        entries += try classes("\(path)/\(client)", client: client)
      }
    } else {
      entries = try classes(path, client: nil)
    }
    guard !entries.isEmpty else { throw .file(place: path, problem: "found no pictures") }
    return entries
  }

  private func classes(_ path: String, client: String?) throws(DataError) -> [Entry] {
    var entries: [Entry] = []
    for label in try Self.inner(path, "classes") {
      for name in try Self.names("\(path)/\(label)") {
        let file = "\(path)/\(label)/\(name)"
        guard Self.isPicture(name) else {
          let isFolder = FilePath.kind(file) == .folder
          throw .file(
            place: file,
            problem: isFolder
              ? "found a folder where a picture was expected: \(client == nil ? "with data.clients the folders are client/class" : "the folders are client/class")"
              : "found a file that is neither .png nor .jpg nor .jpeg")
        }
        entries.append(Entry(file: file, label: label, client: client))
      }
    }
    return entries
  }

  /// Folders within a folder. Files beside them are not looked at, unless they are pictures, which would be of no class.
  private static func inner(_ path: String, _ what: String) throws(DataError) -> [String] {
    var folders: [String] = []
    for name in try names(path) {
      if FilePath.kind("\(path)/\(name)") == .folder {
        folders.append(name)
      } else if isPicture(name) {
        throw .file(place: "\(path)/\(name)", problem: "found a picture where folders of \(what) were expected")
      }
    }
    guard !folders.isEmpty else { throw .file(place: path, problem: "found no folders of \(what)") }
    return folders
  }

  /// What a folder has, without what systems hide in it.
  private static func names(_ path: String) throws(DataError) -> [String] {
    do throws(FileFailure) {
      return try FilePath.names(in: path).filter { !$0.hasPrefix(".") && $0 != "Thumbs.db" }
    } catch {
      if error.code == FileFailure.notAFolder {
        throw .file(place: path, problem: "found a file where a folder was expected")
      }
      throw DataError(error)
    }
  }

  private static func isPicture(_ name: String) -> Bool {
    let lower = name.lowercased()
    return [".png", ".jpg", ".jpeg"].contains { lower.hasSuffix($0) }
  }

  // MARK: Pictures

  /// The shape of all pictures, by the first where nobody said it.
  private func shape(_ first: Entry) throws(DataError) -> Dataset.ImageShape {
    let picture = try Self.read(first)
    return .init(
      height: size?.height ?? picture.height, width: size?.width ?? picture.width,
      channels: channels ?? picture.channels)
  }

  private static func read(_ entry: Entry) throws(DataError) -> RasterPicture {
    try RasterPicture(DataFile.read(entry.file, formats: [.png, .jpeg]), name: entry.file)
  }

  /// The pixels of a picture, in the shape that all have.
  private func pixels(_ entry: Entry, _ shape: Dataset.ImageShape, first: String) throws(DataError) -> [UInt8] {
    var picture = try Self.read(entry)
    if picture.channels != shape.channels {
      guard channels != nil else {
        throw .file(
          place: entry.file,
          problem:
            "the picture is \(picture.channels == 1 ? "grey" : "coloured"), and \(first) is not: allowed: pictures of one kind, or data.channels (1 for grey levels, 3 for colours)"
        )
      }
      picture = shape.channels == 1 ? picture.grey : picture.coloured
    }
    if size != nil { picture = picture.resized(height: shape.height, width: shape.width) }
    guard (picture.height, picture.width) == (shape.height, shape.width) else {
      throw .file(
        place: entry.file,
        problem:
          "the picture has \(picture.height) x \(picture.width) pixels, and \(first) has \(shape.height) x \(shape.width): allowed: pictures of one size, or data.size ([height, width])"
      )
    }
    return picture.pixels
  }

  private func dataset(
    _ entries: [Entry], _ classes: [Int32], _ names: [String], _ shape: Dataset.ImageShape, first: String,
    _ request: LoadRequest
  ) throws(DataError) -> Dataset {
    let width = shape.height * shape.width * shape.channels
    let (count, overflows) = entries.count.multipliedReportingOverflow(by: width)
    guard !overflows, count <= Self.mostValues else {
      throw .file(
        place: path,
        problem:
          "\(entries.count) pictures of \(width) values are more than the \(Self.mostValues) that are held; data.size makes them smaller"
      )
    }
    let levels = (0..<256).map { Float($0) / 255 }
    var problem: DataError?
    let features: [Float] = filled(count) { values in
      // Each picture has places of its own.
      nonisolated(unsafe) let values = values
      let problems = request.parallel.map(entries.count) { i -> DataError? in
        do throws(DataError) {
          let pixels = try self.pixels(entries[i], shape, first: first)
          for (j, level) in pixels.enumerated() { values[i * width + j] = levels[Int(level)] }
          return nil
        } catch {
          values.advanced(by: i * width).update(repeating: 0, count: width)
          return error
        }
      }
      // The first one, for any number of threads.
      problem = problems.lazy.compactMap { $0 }.first
    }
    if let problem { throw problem }
    var clients = TextNumbers()
    var owners: [Int32] = []
    for entry in entries { if let client = entry.client { owners.append(clients.number(of: client)) } }
    return try Dataset(
      features: features, labels: classes, featureCount: width, classCount: names.count,
      owners: owners.isEmpty ? nil : owners, imageShape: shape, classNames: names)
  }
}

extension ImageFolderData.Size: SettingValue {
  public init?(setting: JSON) {
    guard let sides = [Int](setting: setting), sides.count == 2 else { return nil }
    self.init(height: sides[0], width: sides[1])
  }

  public var setting: JSON { [height, width].setting }
}

extension ImageFolderData: Configurable {
  public static let keys = SettingList(
    ImageFolderData(path: ""),
    [
      Setting(
        "test", \.test, .path, .unset("split by `testFraction`"), "folder of test examples: test/class/picture.png"),
      Setting(
        "path", \.path, .path, .needed("a folder"), "folder of pictures, .png, .jpg and .jpeg: folder/class/picture.png"
      ),
      Setting(
        "size", \.size, .integers(each: 1...4096, count: 2...2), .absent("pictures have one size, and keep it"),
        "height and width that pictures are brought to, by the mean of the area that a pixel covers"),
      Setting(
        "channels", \.channels, .integer(1...3), .absent("what the first picture has"),
        "1 for grey levels, 3 for colours: pictures of the other kind are converted"),
      Setting(
        "clients", \.hasClients, .flag, .absent("clients are not named"),
        "whether folders are clients with their classes in them: folder/client/class/picture.png"),
    ])

  public var problem: KeyProblem? {
    channels == 2 ? KeyProblem("channels", "found 2", allowed: "1 for grey levels, 3 for colours, or null") : nil
  }
}
