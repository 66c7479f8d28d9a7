import ChannelCoding
import Files
import JSONText

/// Hashes of the files that a sweep's examples are read from: what tells `--resume` that data have changed.
struct DataFingerprints {
  private static let key = "data"
  private static let partBytes = 1 << 20

  /// By path, as scenarios have it; a folder's files one by one.
  private let hashes: JSONObject

  /// - Throws: `ToolError` for a file that cannot be read.
  init(_ sweep: Sweep) throws {
    var hashes = JSONObject()
    var known = Set<String>()
    for run in sweep.runs {
      for path in run.scenario.inputPaths where known.insert(path).inserted {
        for file in try Self.files(path) { hashes[file] = .string(try Self.hash(file)) }
      }
    }
    self.hashes = hashes
  }

  /// sweep.json with the hashes; as it was where no file is read.
  func added(to json: JSON) -> JSON {
    guard case .object(var object) = json, !hashes.isEmpty else { return json }
    object[Self.key] = .object(hashes)
    return .object(object)
  }

  /// The first file whose contents are others than they were, or that is new or gone, between two versions of one sweep.json; nil where
  /// something else differs.
  func firstChange(from before: JSON, to now: JSON) -> String? {
    guard case .object(var old) = before, case .object(var new) = now,
      case .object(let oldFiles)? = old[Self.key], case .object(let newFiles)? = new[Self.key]
    else { return nil }
    (old[Self.key], new[Self.key]) = (nil, nil)
    guard old == new else { return nil }
    return (newFiles.keys + oldFiles.keys).first { newFiles[$0] != oldFiles[$0] }
  }

  /// A pipe has nothing that could be read twice.
  private static func files(_ path: String) throws -> [String] {
    switch FilePath.kind(path) {
    case .file: return [path]
    case .folder:
      return try FilePath.names(in: path).sorted().map { "\(path)/\($0)" }.filter { FilePath.kind($0) == .file }
    default: return []
    }
  }

  private static func hash(_ path: String) throws -> String {
    do throws(FileFailure) {
      let file = try OpenFile(path, for: .reading)
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: partBytes, alignment: 64)
      defer { buffer.deallocate() }
      var fingerprint = Fingerprint()
      var done = 0
      while true {
        let count = try file.read(at: done, into: buffer)
        fingerprint.add(byteCount: count) { $0(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
        done += count
        if count < partBytes { break }
      }
      let digits = Array("0123456789abcdef")
      return String(fingerprint.bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    } catch {
      throw ToolError(error)
    }
  }
}
