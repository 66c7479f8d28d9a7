import Foundation
import Testing

@testable import Files

/// The one place where files are opened, staged, locked and told apart.
@Suite struct FileTests {
  private func inScratch(_ body: (String) throws -> Void) throws {
    let folder = scratchPath()
    try FilePath.makeFolder(folder)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  private func failure(_ body: () throws -> Void) -> FileFailure? {
    do { try body() } catch { return error as? FileFailure }
    return nil
  }

  @Test func bytesAreReadAsTheyWereWritten() throws {
    try inScratch { folder in
      let path = "\(folder)/a"
      let bytes = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
      let file = try OpenFile(path, for: .creating)
      try file.write(bytes)
      try file.close()
      #expect(try OpenFile(path, for: .reading).readAll() == bytes)
      // A bound stops reading behind it, and shows that there is more.
      #expect(try OpenFile(path, for: .reading).readAll(atMost: 1000).count > 1000)
      #expect(try OpenFile(path, for: .reading).readAll(atMost: bytes.count) == bytes)
      let more = try OpenFile(path, for: .appending)
      try more.write([1, 2, 3])
      try more.close()
      let tail = try OpenFile(path, for: .overwriting)
      try tail.write([9, 9], at: bytes.count + 1)
      try tail.close()
      #expect(try OpenFile(path, for: .reading).length() == bytes.count + 3)
      var part = [UInt8](repeating: 0, count: 8)
      let count = try part.withUnsafeMutableBytes { buffer in
        try OpenFile(path, for: .reading).read(at: bytes.count - 1, into: buffer)
      }
      #expect(count == 4 && part == [bytes[bytes.count - 1], 1, 9, 9, 0, 0, 0, 0])
      try FilePath.truncate(path, to: 5)
      #expect(try InputFile.read(path) == Array(bytes[..<5]))
      #expect(failure { _ = try OpenFile(path, for: .creating) }?.isThere == true)
    }
  }

  /// In the same words wherever a file is read or written.
  @Test func failuresSayWhatHappened() throws {
    try inScratch { folder in
      #expect(failure { _ = try OpenFile("\(folder)/none", for: .reading) }?.problem == "there is no such file")
      #expect(
        failure { _ = try OpenFile(folder, for: .reading).readAll() }?.problem
          == "found a folder where a file was expected")
      #expect(
        failure { _ = try OpenFile("\(folder)/none/a", for: .appending) }?.description
          == "\(folder)/none/a: could not be written: No such file or directory")
      try StagedFile.write("x", to: "\(folder)/file")
      #expect(
        failure { try FilePath.makeFolder("\(folder)/file/inner") }?.problem == "could not be made: Not a directory")
      #expect(failure { try FilePath.makeFolder("\(folder)/file") }?.problem == "could not be made: File exists")
      #expect(failure { try FilePath.remove(folder) } != nil, "a folder is no file")
      #expect(throws: ToolError.input(place: "\(folder)/none", problem: "there is no such file")) {
        try InputFile.read("\(folder)/none")
      }
      #expect(try InputFile.readIfThere("\(folder)/none") == nil)
    }
  }

  @Test func foldersAreMadeWithThoseTheyAreIn() throws {
    try inScratch { folder in
      for path in ["a/b/c", "a/b/c", "a//d/", "e"] {
        try FilePath.makeFolder("\(folder)/\(path)")
        #expect(FilePath.kind("\(folder)/\(path)") == .folder, "\(path)")
      }
      try StagedFile.write("", to: "\(folder)/a/B")
      #expect(try FilePath.names(in: "\(folder)/a") == ["B", "b", "d"])
      #expect(FilePath.kind("\(folder)/a/B") == .file && FilePath.kind("/dev/null") == .device)
      #expect(!FilePath.exists("\(folder)/none"))
    }
  }

  @Test func aStagedFileReplacesWholeOrNotAtAll() throws {
    try inScratch { folder in
      let path = "\(folder)/a"
      try StagedFile.write("old", to: path)
      // What a killed process left.
      let part = "\(path).part"
      try StagedFile.write("left", to: part)
      do {
        let dropped = try StagedFile(path, temporary: part)
        try dropped.append(Array("new".utf8))
        #expect(FilePath.exists(part))
      }
      #expect(try InputFile.read(path) == Array("old".utf8) && !FilePath.exists(part))
      let kept = try StagedFile(path, temporary: part)
      try kept.append(Array("new".utf8))
      try kept.keep()
      #expect(try InputFile.read(path) == Array("new".utf8) && FilePath.names(in: folder) == ["a"])
    }
  }

  @Test func oneHasALockAtATime() throws {
    try inScratch { folder in
      var first = FileLock(folder)
      #expect(first != nil && FileLock(folder) == nil)
      first = nil
      #expect(FileLock(folder) != nil)
      // What is not there cannot be taken from anyone.
      #expect(FileLock("\(folder)/none") != nil)
    }
  }

  /// By another name, through a link, as a hard link: the same file.
  @Test func noInputIsWrittenOver() throws {
    try inScratch { folder in
      try FilePath.makeFolder("\(folder)/in")
      try StagedFile.write("x", to: "\(folder)/in/a")
      try FileManager.default.createSymbolicLink(atPath: "\(folder)/soft", withDestinationPath: "\(folder)/in/a")
      try FileManager.default.linkItem(atPath: "\(folder)/in/a", toPath: "\(folder)/hard")
      var inputs = InputFiles()
      inputs.add("\(folder)/in", as: "data")
      for name in ["in/a", "in/../in/a", "soft", "hard"] {
        #expect(throws: ToolError.self, "\(name)") { try inputs.refuse("\(folder)/\(name)", flag: "--out") }
      }
      try inputs.refuse("\(folder)/in/b", flag: "--out")
      try StagedFile.write("x", to: "\(folder)/other")
      try inputs.refuse("\(folder)/other", flag: "--out")
    }
  }
}
