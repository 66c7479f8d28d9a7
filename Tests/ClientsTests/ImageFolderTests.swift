import Foundation
import Testing

@testable import Datasets
@testable import Files
@testable import Numerics

@Suite struct PictureTests {
  private func bytes(_ text: String) throws -> [UInt8] { Array(try #require(Data(base64Encoded: text))) }

  private func problem(_ bytes: [UInt8]) -> String {
    do throws(DataError) {
      _ = try RasterPicture(bytes, name: "p")
      return "no error"
    } catch { return error.description }
  }

  /// 8 x 8 pixels at quality 60, as Pillow wrote them.
  static let colouredJPEG =
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT0//wAARCAAIAAgDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAT/xAAZEAEAAgMAAAAAAAAAAAAAAAAABQYjMqH/xAAVAQEBAAAAAAAAAAAAAAAAAAAAAv/EABwRAAEDBQAAAAAAAAAAAAAAAAABAgMEBRETIf/aAAwDAQACEQMRAD8AliKzrj4AMeuCrdXz6E6f/9k="
  static let greyJPEG =
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5aYVpQYEpRUk//wAALCAAIAAgBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAABP/EABcQAAMBAAAAAAAAAAAAAAAAAAAGQ4H/2gAIAQEAAD8AChTw/9k="

  /// Pixels as Pillow reads them, by libjpeg-turbo 3.2: those of 2.1 are the same.
  @Test func jpeg() throws {
    let coloured = try RasterPicture(bytes(Self.colouredJPEG), name: "p")
    #expect(coloured.height == 8 && coloured.width == 8 && coloured.channels == 3)
    #expect(
      coloured.pixels.prefix(24)
        == [0, 1, 0, 15, 4, 10, 49, 8, 26, 79, 8, 40, 114, 3, 54, 144, 3, 69, 176, 8, 86, 195, 13, 98])
    let sum = { (pixels: [UInt8]) in pixels.enumerated().reduce(0) { $0 + ($1.offset + 1) * Int($1.element) } }
    #expect(coloured.pixels.reduce(0) { $0 + Int($1) } == 21_482 && sum(coloured.pixels) == 2_531_330)
    let grey = try RasterPicture(bytes(Self.greyJPEG), name: "p")
    #expect(grey.channels == 1 && grey.pixels.prefix(8) == [0, 32, 59, 87, 124, 151, 179, 211])
    #expect(grey.pixels.reduce(0) { $0 + Int($1) } == 6744 && sum(grey.pixels) == 229_280)
  }

  @Test func png() throws {
    for (pixels, channels) in [([UInt8]([1, 2, 3, 4, 5, 6]), 1), ([UInt8](0..<18), 3)] {
      let file = try PNG.bytes(of: pixels, height: 2, width: 3, channels: channels)
      #expect(
        try RasterPicture(file, name: "p") == RasterPicture(height: 2, width: 3, channels: channels, pixels: pixels))
    }
    // A palette of two bits, one bit, sixteen bits, and alpha of 255: what Pillow reads.
    let palette = try RasterPicture(
      bytes(
        "iVBORw0KGgoAAAANSUhEUgAAAAQAAAACAgMAAAACxpXwAAAADFBMVEVQIDhQACggEBgAEAjM0mGrAAAADElEQVR42mN4yvQbAAOyAeMSkM/6AAAAAElFTkSuQmCC"
      ), name: "p")
    #expect(
      palette.pixels == [
        0, 16, 8, 32, 16, 24, 80, 0, 40, 80, 0, 40, 0, 16, 8, 32, 16, 24, 80, 32, 56, 80, 32, 56,
      ])
    let one = try RasterPicture(
      bytes("iVBORw0KGgoAAAANSUhEUgAAAAMAAAACAQAAAAC1D1u3AAAADElEQVR4nGNIYFIAAAFIAIMySF1YAAAAAElFTkSuQmCC"), name: "p")
    #expect(one.channels == 1 && one.pixels == [0, 255, 255, 255, 0, 0])
    let sixteen = try RasterPicture(
      bytes(
        "iVBORw0KGgoAAAANSUhEUgAAAAQAAAACEAAAAAAKU/78AAAAGklEQVR4nGNkYGBoYGD8X8fUwMDYyMjA1AwAHjkDihLuYnEAAAAASUVORK5CYII="
      ), name: "p")
    // The nearest of v / 257 to 0, 128, 129, 65535, 32768, 257, 385, 386.
    #expect(sixteen.pixels == [0, 0, 1, 255, 128, 1, 1, 2])
    let opaque = try RasterPicture(
      bytes("iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAYAAAD0In+KAAAAEUlEQVR4nGNkZGL+z8zMzAAABVABEFdxg1EAAAAASUVORK5CYII="),
      name: "p")
    #expect(opaque == RasterPicture(height: 1, width: 2, channels: 3, pixels: [1, 2, 3, 4, 5, 6]))
    let clear = try bytes(
      "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAYAAAD0In+KAAAAEUlEQVR4nGNkZGL+z8zM/B8ABk8CD654g9gAAAAASUVORK5CYII=")
    #expect(problem(clear).contains("p: row 0, column 1: one can see through the picture"))
  }

  @Test func damageIsNoticed() throws {
    let png = try PNG.bytes(of: [UInt8](0..<48), height: 4, width: 4, channels: 3)
    for i in png.indices {
      #expect(throws: DataError.self, "\(i)") { try RasterPicture(Array(png[..<i]), name: "p") }
      var damaged = png
      damaged[i] ^= 4
      // Marks of chunks that libpng does not need are all that may change.
      if let found = try? RasterPicture(damaged, name: "p") { #expect(found.pixels == [UInt8](0..<48), "\(i)") }
    }
    let jpeg = try bytes(Self.colouredJPEG)
    for i in 0..<(jpeg.count - 2) {
      #expect(throws: DataError.self, "\(i)") { try RasterPicture(Array(jpeg[..<i]), name: "p") }
    }
    var stream = random(7)
    for _ in 0..<300 {
      for whole in [png, jpeg] {
        var bytes = whole
        for _ in 0...stream.integer(below: 4) {
          bytes[stream.integer(below: bytes.count)] = UInt8(stream.integer(below: 256))
        }
        _ = try? RasterPicture(bytes, name: "p")
      }
    }
    #expect(problem([0x47, 0x49, 0x46]).contains("neither a PNG nor a JPEG"))
  }

  /// A few bytes that say that they are very many pixels.
  @Test func sizesAreNotBelieved() throws {
    var png = try PNG.bytes(of: [UInt8(7)], height: 1, width: 1, channels: 1)
    for side in [60_000, 8000] {
      png.replaceSubrange(16..<24, with: FileBytes.big(UInt32(side)) + FileBytes.big(UInt32(side)))
      png.replaceSubrange(29..<33, with: FileBytes.big(FileBytes.crc(Array(png[12..<29]))))
      #expect(problem(png).contains(side == 8000 ? "too short for its pixels" : "too many pixels"), "\(problem(png))")
    }
    var jpeg = try bytes(Self.greyJPEG)
    let frame = try #require(jpeg.indices.first { jpeg[$0...].starts(with: [0xFF, 0xC0]) })
    jpeg.replaceSubrange((frame + 5)..<(frame + 9), with: [0xFF, 0xFF, 0xFF, 0xFF])
    #expect(problem(jpeg).contains("too many pixels") || problem(jpeg).contains("image dimension"), "\(problem(jpeg))")
    jpeg.replaceSubrange((frame + 5)..<(frame + 9), with: [0x1F, 0xFF, 0x1F, 0xFF])
    #expect(problem(jpeg).contains("too short for its pixels"), "\(problem(jpeg))")
  }

  @Test func sizesAreChangedByMeansOfAreas() {
    let four = RasterPicture(height: 2, width: 2, channels: 1, pixels: [0, 10, 20, 31])
    #expect(four.resized(height: 1, width: 1).pixels == [15], "61 / 4 = 15.25")
    #expect(four.resized(height: 2, width: 1).pixels == [5, 26], "25.5 is rounded up")
    #expect(four.resized(height: 4, width: 4).pixels == [0, 0, 10, 10, 0, 0, 10, 10, 20, 20, 31, 31, 20, 20, 31, 31])
    // Three pixels become two: each has one and a half.
    let three = RasterPicture(height: 1, width: 3, channels: 3, pixels: [0, 3, 6, 30, 33, 36, 90, 93, 96])
    #expect(three.resized(height: 1, width: 2).pixels == [10, 13, 16, 70, 73, 76])
    #expect(three.resized(height: 1, width: 3) == three)
    let white = RasterPicture(height: 5, width: 7, channels: 1, pixels: [UInt8](repeating: 255, count: 35))
    #expect(white.resized(height: 3, width: 11).pixels.allSatisfy { $0 == 255 })
    #expect(
      RasterPicture(height: 1, width: 2, channels: 3, pixels: [255, 255, 255, 255, 0, 0]).grey.pixels == [255, 77])
  }
}

@Suite struct ImageFolderTests {
  private let folder: TestFolder
  init() throws { folder = try TestFolder() }

  private func write(_ bytes: [UInt8], _ path: String) throws {
    let file = folder.path + "/" + path
    try FileManager.default.createDirectory(
      at: URL(fileURLWithPath: file).deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(fileURLWithPath: file))
  }

  private func png(_ pixels: [UInt8], _ height: Int, _ width: Int, channels: Int = 1) throws -> [UInt8] {
    try PNG.bytes(of: pixels, height: height, width: width, channels: channels)
  }

  private func load(
    _ source: ImageFolderData, threads: Int = 2
  ) throws(DataError) -> LoadedData {
    try source.load(LoadRequest(seed: 1, testFraction: 0.2, parallel: Parallel(threads: threads)))
  }

  private func problem(_ source: ImageFolderData, threads: Int = 2) -> String {
    do throws(DataError) {
      _ = try load(source, threads: threads)
      return "no error"
    } catch { return error.description }
  }

  private var root: String { folder.path + "/p" }

  @Test func classesAreFolders() throws {
    try write(png([51, 102], 1, 2), "p/10/b.png")
    try write(png([255, 0], 1, 2), "p/10/a.PNG")
    try write(png([0, 0], 1, 2), "p/9/z.png")
    try write([1], "p/9/.DS_Store")
    try write([1], "p/notes.txt")
    let data = try load(ImageFolderData(path: root)).training
    #expect(data.labels == [1, 1, 0] && data.classNames == ["9", "10"], "numbers by their values")
    #expect(data.features == [1, 0, 0.2, 0.4, 0, 0] && data.imageShape == .init(height: 1, width: 2, channels: 1))
    #expect(data.owners == nil)
    try write(png([1, 1], 1, 2), "t/11/a.png")
    let both = try load(ImageFolderData(path: root, test: folder.path + "/t"))
    #expect(both.test?.labels == [2] && both.training.classCount == 3)
    let source = ImageFolderData(path: root, test: folder.path + "/t")
    #expect(source.paths == [root + "/10", root + "/9", folder.path + "/t/11"])
  }

  @Test func sizesAndChannelsMayBeSaid() throws {
    try write(png([0, 100, 100, 200], 2, 2), "p/a/1.png")
    try write(png([255, 0, 0], 1, 1, channels: 3), "p/b/2.png")
    try write(Array(#require(Data(base64Encoded: PictureTests.colouredJPEG))), "p/b/3.jpg")
    let grey = try load(ImageFolderData(path: root, size: .init(height: 1, width: 1), channels: 1)).training
    #expect(grey.features.prefix(2) == [Float(100) / 255, Float(77) / 255] && grey.featureCount == 1)
    let coloured = try load(ImageFolderData(path: root, size: .init(height: 2, width: 2), channels: 3)).training
    #expect(
      coloured.featureCount == 12
        && coloured.features.prefix(6) == [0, 0, 0, Float(100) / 255, Float(100) / 255, Float(100) / 255])
    #expect(
      try load(ImageFolderData(path: root, size: .init(height: 2, width: 2), channels: 3), threads: 1).training.bytes
        == coloured.bytes)
    #expect(problem(ImageFolderData(path: root, channels: 1)).contains("p/b/2.png: the picture has 1 x 1 pixels, and "))
    #expect(
      problem(ImageFolderData(path: root, size: .init(height: 1, width: 1))).contains(
        "p/b/2.png: the picture is coloured, and "))
    #expect(ImageFolderData(path: "", channels: 2).problem != nil)
  }

  @Test func mistakesAreNamed() throws {
    try write(png([1], 1, 1), "p/a/1.png")
    #expect(problem(ImageFolderData(path: root)).contains("found one class, \"a\""))
    try write(png([1], 1, 1), "p/b/1.png")
    #expect(problem(ImageFolderData(path: root)) == "no error")
    #expect(
      problem(ImageFolderData(path: root, hasClients: true)).contains(
        "p/a/1.png: found a picture where folders of classes were expected"))
    #expect(problem(ImageFolderData(path: root + "/a")).contains("found a picture where folders of classes"))
    #expect(problem(ImageFolderData(path: root + "/a/1.png")).contains("found a file where a folder was expected"))
    #expect(problem(ImageFolderData(path: root + "/none")).contains("there is no such file"))
    try write([1], "p/b/2.gif")
    #expect(
      problem(ImageFolderData(path: root)).contains("p/b/2.gif: found a file that is neither .png nor .jpg nor .jpeg"))
    try write(Array("PAR1".utf8) + [UInt8](repeating: 0, count: 9) + Array("PAR1".utf8), "q/a/1.png")
    try write(png([1], 1, 1), "q/b/1.png")
    #expect(problem(ImageFolderData(path: folder.path + "/q")).contains("q/a/1.png: found a Parquet file"))
    try write(png([1], 1, 1), "r/a/b/1.png")
    try write(png([1], 1, 1), "r/c/1.png")
    #expect(
      problem(ImageFolderData(path: folder.path + "/r")).contains("r/a/b: found a folder where a picture was expected"))
    // The first mistake by path, for any number of threads.
    try write([9], "s/b/1.png")
    try write(png([1], 1, 1), "s/a/1.png")
    try write([9], "s/b/2.png")
    for threads in [1, 2, 4] {
      #expect(
        problem(ImageFolderData(path: folder.path + "/s"), threads: threads).contains("s/b/1.png: byte 0: neither"))
    }
  }
}
