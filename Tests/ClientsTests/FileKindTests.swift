import Foundation
import Testing

@testable import Datasets
@testable import Files
@testable import Numerics
@testable import Settings

/// The table of file kinds in docs/data.md, a test for each row: what a small file of the kind gives.
@Suite struct FileKindTests {
  struct Kind: CustomTestStringConvertible, Sendable {
    let row: String
    let shape: Dataset.ImageShape?
    let owners: [Int32]?
    let make: @Sendable (TestFolder) throws -> any ExampleSource

    init(
      _ row: String, shape: Dataset.ImageShape? = nil, owners: [Int32]? = nil,
      _ make: @escaping @Sendable (TestFolder) throws -> any ExampleSource
    ) {
      (self.row, self.shape, self.owners, self.make) = (row, shape, owners, make)
    }

    var testDescription: String { row }
  }

  /// Every kind has the labels 1, 0, 1 (as classes), and the features of its first example sum up to the number below.
  static let kinds: [Kind] = [
    Kind("idx", shape: .init(height: 1, width: 2, channels: 1)) { folder in
      try IDXData(
        .init(
          images: folder.write(FileBytes.idx(8, [3, 1, 2], [255, 0, 0, 0, 51, 51]), "i"),
          labels: folder.write(FileBytes.idx(8, [3], [1, 0, 1]), "l")))
    },
    Kind("idx, EMNIST letters", shape: .init(height: 2, width: 1, channels: 1)) { folder in
      try IDXData(
        .init(
          images: folder.write(gzipped(FileBytes.idx(8, [3, 1, 2], [255, 0, 0, 0, 51, 51])), "i.gz"),
          labels: folder.write(gzipped(FileBytes.idx(8, [3], [2, 1, 2])), "l.gz")), isTransposed: true, firstLabel: 1)
    },
    Kind("csv", owners: [0, 1, 0]) { folder in
      try CSVData(
        path: folder.write("a,b,y,who\n1,0,cat,x\n0,0,ant,y\n.2,.2,cat,x\n", "t.csv"),
        columns: .init(label: .name("y"), client: .name("who")))
    },
    Kind("npy", owners: [0, 1, 0]) { folder in
      try NPYData(
        .init(
          features: folder.write(FileBytes.npy("|u1", [3, 2], [5, 0, 0, 0, 1, 1]), "x.npy"),
          labels: folder.write(FileBytes.npy("|u1", [3], [1, 0, 1]), "y.npy")),
        clients: folder.write(FileBytes.npy("|u1", [3], [9, 4, 9]), "c.npy"), scale: 5)
    },
    Kind("npz", owners: [0, 1, 0]) { folder in
      try NPZData(
        path: folder.write(
          FileBytes.zip(
            [
              ("x.npy", FileBytes.npy("|u1", [3, 2], [5, 0, 0, 0, 1, 1])),
              ("y.npy", FileBytes.npy("|u1", [3], [1, 0, 1])), ("clients.npy", FileBytes.npy("|u1", [3], [9, 4, 9])),
            ], method: 8), "a.npz"), scale: 5)
    },
    Kind("leaf", owners: [0, 1, 1]) { folder in
      try LEAFData(
        path: folder.write(
          #"{"users": ["a", "b"], "user_data": {"a": {"x": [[1, 0]], "y": [1]}, "b": {"x": [[0, 0], [0.2, 0.2]], "y": [0, 1]}}}"#,
          "a.json"))
    },
    Kind("libsvm") { folder in
      try LIBSVMData(path: folder.write("+1 1:1\n-1\n+1 1:.2 2:.2 # third\n", "a.svm"))
    },
    Kind("cifar", shape: .init(height: 32, width: 32, channels: 3)) { folder in
      let dark = [UInt8](repeating: 0, count: 3072)
      return try CIFARData(path: folder.write([1, 255] + dark.dropFirst() + [0] + dark + [1] + dark, "c.bin"))
    },
    Kind("image-folder", shape: .init(height: 1, width: 2, channels: 1), owners: [0, 0, 1]) { folder in
      for path in ["ann/ant", "ann/cat", "bob/ant", "bob/cat"] {
        try FileManager.default.createDirectory(atPath: folder.path + "/p/" + path, withIntermediateDirectories: true)
      }
      let png = { (pixels: [UInt8]) in try PNG.bytes(of: pixels, height: 1, width: 2, channels: 1) }
      _ = try folder.write(png([255, 0]), "p/ann/ant/1.png")
      _ = try folder.write(png([0, 0]), "p/ann/cat/2.png")
      _ = try folder.write(png([51, 51]), "p/bob/ant/3.png")
      return ImageFolderData(path: folder.path + "/p", hasClients: true)
    },
  ]

  @Test(arguments: kinds) func givesItsExamples(kind: Kind) throws {
    let folder = try TestFolder()
    let source = try kind.make(folder)
    let request = LoadRequest(seed: 1, testFraction: 0.2, parallel: Parallel(threads: 2))
    let data = try source.load(request).training
    let isFolder = kind.row == "image-folder"
    #expect(data.count == 3 && data.classCount >= 2)
    #expect(isFolder || kind.row == "leaf" || data.labels == [1, 0, 1])
    #expect(!isFolder || data.labels == [0, 1, 0])
    #expect(data.features.prefix(data.featureCount).reduce(0, +) == 1)
    #expect(data.imageShape == kind.shape && data.owners == kind.owners)
    #expect(!source.paths.isEmpty && source.paths.allSatisfy { FilePath.exists($0) })
    // What names the files is no part of a run's key: the keys are there.
    let written = try #require(Choices<any ExampleSource>.standard.write(source))
    #expect(source.placeKeys.contains { written.values[$0] != nil })
    #expect(written.name == kind.row.prefix { $0 != "," })
  }

  /// Sources of files that learn quantities say so, and give them.
  @Test(arguments: kinds.filter { ["idx", "npy", "npz", "libsvm"].contains($0.row) })
  func givesQuantities(kind: Kind) throws {
    let source = try kind.make(TestFolder())
    #expect(source.readsTargets)
    let folder = try TestFolder()
    let request = LoadRequest(seed: 1, testFraction: 0.2, parallel: Parallel(threads: 1), aim: .quantities)
    let data = try kind.make(folder).load(request).training
    #expect(data.targets == (kind.row == "libsvm" ? [1, -1, 1] : [1, 0, 1]) && data.classCount == 1)
  }
}

@Suite struct IDXTypeTests {
  private let request = LoadRequest(seed: 1, testFraction: 0.2, parallel: Parallel(threads: 1))

  @Test func everyTypeIsRead() throws {
    let folder = try TestFolder()
    let labels = try folder.write(FileBytes.idx(8, [2], [1, 0]), "l")
    let images: [(UInt8, [UInt8], [Float])] = [
      (0x08, [0, 255, 51, 102], [0, 1, 0.2, 0.4]), (0x09, [0, 0xFF, 0x80, 5], [0, -1, -128, 5]),
      (0x0B, [0, 1, -2, 300].flatMap { FileBytes.big(Int16($0)) }, [0, 1, -2, 300]),
      (0x0C, [0, 1, -2, 70_000].flatMap { FileBytes.big(Int32($0)) }, [0, 1, -2, 70_000]),
      (0x0D, [0, 1.5, -2, 0.1].flatMap { FileBytes.big(Float($0).bitPattern) }, [0, 1.5, -2, 0.1]),
      (0x0E, [0, 1.5, -2, 0.1].flatMap { FileBytes.big(Double($0).bitPattern) }, [0, 1.5, -2, 0.1]),
    ]
    for (type, bytes, expected) in images {
      let file = try folder.write(FileBytes.idx(type, [2, 1, 2], bytes), "i\(type)")
      let data = try IDXData(.init(images: file, labels: labels)).load(request).training
      #expect(data.features == expected && data.labels == [1, 0], "\(type)")
      let halved = try IDXData(.init(images: file, labels: labels), scale: 2).load(request).training
      #expect(halved.features == (type == 8 ? [0, 127.5, 25.5, 51] : expected.map { $0 / 2 }), "\(type)")
      for count in bytes.indices {
        let short = try folder.write(FileBytes.idx(type, [2, 1, 2], Array(bytes[..<count])), "s")
        #expect(throws: DataError.self) { try IDXData(.init(images: short, labels: labels)).load(request) }
      }
    }
    let infinite = try folder.write(
      FileBytes.idx(0x0D, [2, 1, 1], ([1, .infinity] as [Float]).flatMap { FileBytes.big($0.bitPattern) }), "f")
    let found = problem { _ = try IDXData(.init(images: infinite, labels: labels)).load(request) }
    #expect(found.contains("f: byte 20: feature 0 of example 1 is not finite"), "\(found)")
  }

  @Test func labelsOfEveryIntegerTypeAreRead() throws {
    let folder = try TestFolder()
    let images = try folder.write(FileBytes.idx(8, [2, 1, 1], [1, 2]), "i")
    let labels: [(UInt8, [UInt8])] = [
      (8, [3, 0]), (9, [3, 0]), (0x0B, [0, 3, 0, 0]), (0x0C, [0, 0, 0, 3, 0, 0, 0, 0]),
    ]
    for (type, bytes) in labels {
      let file = try folder.write(FileBytes.idx(type, [2], bytes), "l\(type)")
      let data = try IDXData(.init(images: images, labels: file)).load(request).training
      #expect(data.labels == [3, 0] && data.classCount == 4)
    }
    let real = try folder.write(FileBytes.idx(0x0D, [2], [1, 0].flatMap { FileBytes.big(Float($0).bitPattern) }), "r")
    #expect(
      problem { _ = try IDXData(.init(images: images, labels: real)).load(request) }.contains("labels are integers"))
    let negative = try folder.write(FileBytes.idx(9, [2], [0, 0xFF]), "n")
    #expect(
      problem { _ = try IDXData(.init(images: images, labels: negative)).load(request) }.contains(
        "n: byte 9: found label -1"))
  }

  /// EMNIST: columns come first, letters are labelled from 1.
  @Test func emnist() throws {
    let folder = try TestFolder()
    let images = try folder.write(FileBytes.idx(8, [2, 2, 3], [UInt8](0..<12)), "i")
    let labels = try folder.write(FileBytes.idx(8, [2], [26, 1]), "l")
    let data = try IDXData(.init(images: images, labels: labels), scale: 1, isTransposed: true, firstLabel: 1)
      .load(request).training
    #expect(data.features == [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11])
    #expect(data.imageShape == .init(height: 3, width: 2, channels: 1))
    #expect(data.labels == [25, 0] && data.classCount == 26)
    let zero = try folder.write(FileBytes.idx(8, [2], [3, 0]), "z")
    let found = problem {
      _ = try IDXData(.init(images: images, labels: zero), firstLabel: 1).load(request)
    }
    #expect(found.contains("z: byte 9: found label 0; allowed: 1 to 65536"), "\(found)")
    let few = problem {
      _ = try IDXData(.init(images: images, labels: labels), classes: 10, firstLabel: 1).load(request)
    }
    #expect(few.contains("l: byte 8: found label 26; allowed: 1 to 10"), "\(few)")
  }

  private func problem(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch { return "\(error)" }
  }
}

/// Formats that no source reads, and those that another one reads, are named with what can be done.
@Suite struct KnownFormatTests {
  private static func padded(_ start: [UInt8]) -> [UInt8] { start + [UInt8](repeating: 7, count: 600) }
  private static func padded(_ start: String) -> [UInt8] { padded(Array(start.utf8)) }

  static let files: [(KnownFormat, [UInt8])] = [
    (.parquet, Array("PAR1".utf8) + [UInt8](repeating: 7, count: 9) + Array("PAR1".utf8)),
    (.arrow, padded("ARROW1\0\0")),
    (.arrow, Array("FEA1".utf8) + [UInt8](repeating: 7, count: 9) + Array("FEA1".utf8)),
    (.hdf5, padded([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A])),
    (.hdf5, [UInt8](repeating: 65, count: 512) + [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]),
    (.excel, padded([0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1])), (.pickle, padded([0x80, 4, 0x95])),
    (.matlab, padded("MATLAB 5.0 MAT-file, Platform")), (.sqlite, padded("SQLite format 3\0")),
    (.rData, padded("RDX3\nX\n")),
    (.avro, padded("Obj\u{1}")), (.orc, padded("ORC\u{1}")), (.xz, padded([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0])),
    (.bzip2, padded("BZh91AY&SY")), (.zstd, padded([0x28, 0xB5, 0x2F, 0xFD])), (.lz4, padded([4, 0x22, 0x4D, 0x18])),
    (.sevenZip, padded([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C])), (.utf16, [0xFF, 0xFE, 0x61, 0]),
    (.utf16, [0xFE, 0xFF, 0, 0x61]), (.utf32, [0xFF, 0xFE, 0, 0, 0x61, 0, 0, 0]),
    (.utf32, [0, 0, 0xFE, 0xFF, 0, 0, 0, 0x61]),
    (.html, Array("\n<!DOCTYPE HTML><html>".utf8)), (.html, Array("<html><body>".utf8)),
    (.gitLFS, Array("version https://git-lfs.github.com/spec/v1\noid sha256:".utf8)), (.pdf, padded("%PDF-1.7")),
    (.tar, [UInt8](repeating: 0x61, count: 257) + Array("ustar\0".utf8) + [UInt8](repeating: 0, count: 250)),
    (.png, padded([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])), (.jpeg, padded([0xFF, 0xD8, 0xFF, 0xE0])),
    (.npy, FileBytes.npy("|u1", [1], [0])), (.idx, FileBytes.idx(8, [1], [0])),
    (.npz, (try? FileBytes.zip([("x.npy", [1])])) ?? []), (.zip, (try? FileBytes.zip([("a.csv", [1])])) ?? []),
    (.excel, (try? FileBytes.zip([("[Content_Types].xml", [1])])) ?? []),
    (.excel, (try? FileBytes.zip([("docProps/app.xml", [1])])) ?? []),
    // pandas writes the first stripe behind the mark at once, and the mark again before the last byte.
    (.orc, Array("ORCPQ".utf8) + [UInt8](repeating: 200, count: 40) + Array("ORC".utf8) + [25]),
    (.rData, padded("X\n\0\0\0\u{3}")), (.rData, padded("X\n\0\0\0\u{2}")),
    (.utf16LittleEndian, Array("Größe;y\n".utf16).flatMap { [UInt8($0 & 255), 0] }),
    (.utf16BigEndian, Array("Größe;y\n".utf16).flatMap { [0, UInt8($0 & 255)] }),
    (.torch, (try? FileBytes.zip([("model/data.pkl", [1])])) ?? []),
  ]

  @Test func everyFormatHasAFile() {
    for format in KnownFormat.allCases { #expect(Self.files.contains { $0.0 == format }, "\(format)") }
  }

  /// Whichever source is given the file: none of them guesses.
  @Test(arguments: files) func isNamedByEverySource(format: KnownFormat, bytes: [UInt8]) throws {
    #expect(KnownFormat.of(bytes) == format)
    let folder = try TestFolder()
    let request = LoadRequest(seed: 1, testFraction: 0.2, parallel: Parallel(threads: 1))
    for isPacked in [false, true] {
      let path = try folder.write(isPacked ? gzipped(bytes) : bytes, "file")
      let sources: [(any ExampleSource, Set<KnownFormat>)] = [
        (CSVData(path: path, columns: .init(label: .name("y"), client: nil)), []), (LEAFData(path: path), []),
        (LIBSVMData(path: path), []), (IDXData(.init(images: path, labels: path)), [.idx]),
        (NPYData(.init(features: path)), [.npy]), (NPZData(path: path), [.npz, .zip]), (CIFARData(path: path), [.idx]),
      ]
      for (source, read) in sources where !read.contains(format) {
        do throws(DataError) {
          _ = try source.load(request)
          Issue.record("no error")
        } catch {
          #expect(
            error.description == "\(path): \(format.refusal(isPacked: isPacked))", "\(type(of: source)): \(error)")
        }
      }
    }
  }

  /// What these formats' names begin with is no mark of theirs.
  @Test(arguments: [
    "PAR1,b,y\n1,2,3\n", "ORC,b\n1,2\n", "ORC,b\n1,ORC\n", "ORC\n1\nORC2", "X\n1\n", "Obj,y\n", "BZh9,y\n",
    "PK,y\n1,2\n", "x,y\n", "",
    "\u{FEFF}a,b\n", "7z,a\n",
    "FEA,1\n", "FEA1,b,y\n1,2,3\n4,5,6\n",
    "%PDF,b\n", "<htm,y\n", "+1 1:0.5\n", "{\"users\": []}",
  ])
  func textIsText(text: String) {
    #expect(KnownFormat.of(Array(text.utf8)) == nil)
  }
}

@Suite struct CIFARDataTests {
  private let request = LoadRequest(seed: 1, testFraction: 0.2, parallel: Parallel(threads: 1))
  private let folder: TestFolder
  init() throws { folder = try TestFolder() }

  /// Planes of red 1, green 2, blue 3 at the first pixel.
  private func record(_ labels: [UInt8]) -> [UInt8] {
    labels + (0..<3).flatMap { [UInt8($0 + 1)] + [UInt8](repeating: 0, count: 1023) }
  }

  private func problem(_ source: CIFARData) -> String {
    do throws(DataError) {
      _ = try source.load(request)
      return "no error"
    } catch { return error.description }
  }

  @Test func planesBecomeChannels() throws {
    let data = try CIFARData(path: folder.write(record([9]) + record([0]), "a.bin")).load(request).training
    #expect(data.features.prefix(4) == [Float(1) / 255, Float(2) / 255, Float(3) / 255, 0])
    #expect(data.labels == [9, 0] && data.classCount == 10)
    let hundred = try folder.write(record([19, 99]), "b.bin")
    #expect(try CIFARData(path: hundred, labels: .fine).load(request).training.labels == [99])
    let coarse = try CIFARData(path: hundred, labels: .coarse).load(request).training
    #expect(coarse.labels == [19] && coarse.classCount == 20)
    #expect(coarse.features.prefix(3) == data.features.prefix(3))
  }

  /// A label and pixels may be the first bytes of any format.
  @Test func firstBytesAreNoMark() throws {
    for mark: [UInt8] in [[0x04, 0x22, 0x4D, 0x18], [0, 0, 0xFE, 0xFF, 0, 0, 0, 0]] {
      let bytes = mark + record([0]).dropFirst(mark.count)
      #expect(try CIFARData(path: folder.write(bytes, "m.bin")).load(request).training.labels == [Int32(mark[0])])
    }
  }

  @Test func foldersHaveTheirFiles() throws {
    for i in 1...5 { _ = try folder.write(record([UInt8(i)]), "data_batch_\(i).bin") }
    _ = try folder.write(gzipped(record([7])), "test_batch.bin.gz")
    let loaded = try CIFARData(path: folder.path, test: folder.path).load(request)
    #expect(loaded.training.labels == [1, 2, 3, 4, 5] && loaded.test?.labels == [7])
    #expect(problem(CIFARData(path: folder.path, labels: .fine)).contains("found a folder without train.bin"))
    let python = try TestFolder()
    _ = try python.write([0x80, 2], "data_batch_1")
    #expect(problem(CIFARData(path: python.path)).contains("these are the files for Python"))
  }

  @Test func mistakesAreNamed() throws {
    let short = try folder.write(Array(record([1]).dropLast()), "s.bin")
    #expect(problem(CIFARData(path: short)).contains("s.bin: found 3072 bytes; allowed: a multiple of 3073"))
    let hundred = try folder.write(record([1, 2]), "h.bin")
    #expect(problem(CIFARData(path: hundred)).contains("is it CIFAR-100, with data.labels?"))
    #expect(
      try problem(CIFARData(path: folder.write(record([1]), "t.bin"), labels: .fine)).contains(
        "is it CIFAR-10, without"))
    let label = try folder.write(record([1]) + record([10]), "l.bin")
    #expect(problem(CIFARData(path: label)).contains("l.bin: byte 3073: found label 10; allowed: 0 to 9"))
    #expect(try problem(CIFARData(path: folder.write([], "e.bin"))).contains("found 0 bytes"))
  }
}

@Suite struct LIBSVMDataTests {
  private let request = LoadRequest(seed: 1, testFraction: 0.2, parallel: Parallel(threads: 1))
  private let folder: TestFolder
  init() throws { folder = try TestFolder() }

  private func load(_ text: String, test: String? = nil, features: Int? = nil) throws -> LoadedData {
    try LIBSVMData(
      path: folder.write(text, "a.svm"), test: test.map { try folder.write($0, "t.svm") }, features: features
    ).load(request)
  }

  private func problem(_ text: String, test: String? = nil, features: Int? = nil) -> String {
    do {
      _ = try load(text, test: test, features: features)
      return "no error"
    } catch { return "\(error)" }
  }

  @Test func quantitiesAreNamedByTheirPlace() throws {
    let path = try folder.write("1 1:2\n  1e400 1:3\n", "q.svm")
    var request = request
    request.aim = .quantities
    do throws(DataError) {
      _ = try LIBSVMData(path: path).load(request)
      Issue.record("no error")
    } catch { #expect(error.description.contains("q.svm:2:3: found the label \"1e400\"")) }
  }

  @Test func linesBecomeRows() throws {
    let text = "# heading\n+1 1:0.5 3:-2e1\t # it\r\n\n-1\n  1 2:7 \n+1 3:1"
    let data = try load(text).training
    #expect(data.features == [0.5, 0, -20, 0, 0, 0, 0, 7, 0, 0, 0, 1] && data.featureCount == 3)
    #expect(data.labels == [1, 0, 1, 1] && data.classNames == ["-1", "+1"], "+1 and 1 are one class")
    // A test file of fewer or more features has the same columns.
    let both = try load("1 2:1\n2 1:1\n", test: "2 5:1\n")
    #expect(both.training.featureCount == 5 && both.test?.features == [0, 0, 0, 0, 1] && both.test?.labels == [1])
    #expect(try load("1 2:1\n2 1:1\n", features: 9).training.featureCount == 9)
    let named = try load("cat 1:1\nant 1:2\n").training
    #expect(named.classNames == ["ant", "cat"] && named.labels == [1, 0])
  }

  @Test(arguments: [
    ("1 1:1\n2 0:1\n", "a.svm:2:3: found the index 0; indices begin with 1"),
    ("1 2:1 2:1\n", "a.svm:1:7: found the index 2 behind 2: indices rise"),
    ("1 2:1 1:1\n", "a.svm:1:7: found the index 1 behind 2"),
    ("1 1:x\n", "a.svm:1:3: found no number behind the index 1"), ("1 1:\n", "found no number behind the index 1"),
    ("1 1:1x\n", "found no number behind the index 1"), ("1 1:nan\n", "found no number"),
    ("1 1:1e60\n", "a.svm:1:3: found a number beyond the range"),
    ("1 a:1\n", "a.svm:1:3: found \"a:1\"; allowed: index:value"), ("1 5\n", "found \"5\"; allowed: index:value"),
    ("1 qid:3 1:1\n", "a.svm:1:3: found qid"), ("1:1 2:1\n", "a.svm:1:1: found \"1:1\" where the label is expected"),
    ("1,2 1:1\n", "a.svm:1:1: found \"1,2\" as a label"),
    ("1 999999999:1\n", "found the index 999999999; allowed: 1 to 100000000"),
    ("1 99999999999999:1\n", "allowed: index:value"), ("", "found no examples"), ("# only\n", "found no examples"),
    ("1\n2\n", "no line names a feature"), ("1 1:1\n1 1:2\n", "every label is \"1\""),
    ("1 -1:1\n", "found \"-1:1\"; allowed: index:value"),
  ])
  func mistakesNameLineAndColumn(text: String, expected: String) {
    let found = problem(text)
    #expect(found.contains(expected), "\(found)")
  }

  @Test func sizesAreLookedAtBeforeMemoryIsAskedFor() {
    let wide = (0..<20).map { "\($0 % 2) 100000000:1\n" }.joined()
    #expect(problem(wide).contains("20 examples of 100000000 features are more than"))
    #expect(
      problem("1 4:1\n2 1:1\n", features: 3).contains("found the index 4; allowed: 1 to 3, the number of features"))
  }

  @Test func foreignBytesDoNotTrap() {
    var stream = random(5)
    let text = Array("+1 1:0.5 3:-2e1 # c\r\n-1 2:7\n".utf8)
    for _ in 0..<2000 {
      var bytes = text
      for _ in 0...stream.integer(below: 4) {
        bytes[stream.integer(below: bytes.count)] = UInt8(stream.integer(below: 256))
      }
      guard let rows = try? LIBSVMData.rows(bytes, name: "f", most: 1000) else { continue }
      #expect((try? rows.dense(1000, name: "f"))?.count == rows.count * 1000)
      _ = try? rows.targets(name: "f")
    }
  }
}
