import Foundation
import Testing

@testable import Datasets
@testable import Files
@testable import Numerics

@Suite struct NPZDataTests {
  private let folder: TestFolder
  init() throws { folder = try TestFolder() }

  private let request = LoadRequest(seed: 1, testFraction: 0.2, parallel: Parallel(threads: 1))

  private func problem(_ source: NPZData) -> String {
    do throws(DataError) {
      _ = try source.load(request)
      return "no error"
    } catch { return error.description }
  }

  private let x = FileBytes.npy("|u1", [3, 2], [0, 1, 2, 3, 4, 5])
  private let y = FileBytes.npy("<i4", [3], [2, 0, 1].flatMap { FileBytes.little(Int32($0)) })
  private let who = FileBytes.npy("<i8", [3, 1], [70, -5, 70].flatMap { FileBytes.little(Int64($0)) })

  @Test(arguments: [(UInt16(0), false), (8, false), (0, true), (8, true)])
  func arraysAreFoundByTheirNames(method: UInt16, isWide: Bool) throws {
    let path = try folder.write(
      FileBytes.zip([("y.npy", y), ("x.npy", x), ("clients.npy", who)], method: method, isWide: isWide), "a.npz")
    let data = try NPZData(path: path, scale: 5).load(request).training
    #expect(data.features == [0, 0.2, 0.4, 0.6, 0.8, 1] && data.featureCount == 2)
    #expect(data.labels == [2, 0, 1] && data.classCount == 3 && data.owners == [0, 1, 0])
  }

  @Test func namesMayBeSaid() throws {
    let path = try folder.write(
      FileBytes.zip([("a.npy", x), ("b.npy", y), ("x.npy", y), ("who.npy", who), ("ta.npy", x), ("tb.npy", y)]), "a.npz"
    )
    let names = NPZData.Names(features: "a", labels: "b", clients: "who", testFeatures: "ta", testLabels: "tb")
    let loaded = try NPZData(path: path, test: path, names: names).load(request)
    #expect(loaded.training.owners == [0, 1, 0] && loaded.test?.count == 3 && loaded.test?.owners == nil)
    // Another file has the names of the training examples.
    let other = try folder.write(FileBytes.zip([("a.npy", x), ("b.npy", y)]), "t.npz")
    let test = try NPZData(path: path, test: other, names: .init(features: "a", labels: "b")).load(request).test
    #expect(test?.labels == [2, 0, 1])
    #expect(
      problem(NPZData(path: path, names: .init(features: "none"))).contains(
        "found no array \"none\"; there are 6: \"a\""))
    #expect(problem(NPZData(path: path)).contains("array \"x\": byte 60: found 1 dimensions; examples have 2"))
  }

  /// All examples would be of one class, and every model right.
  @Test func classesNeedLabels() throws {
    let path = try folder.write(FileBytes.zip([("x.npy", x), ("klass.npy", y)]), "a.npz")
    var needing = request
    needing.needsLabels = true
    #expect(throws: Never.self) { try NPZData(path: path).load(request) }
    do throws(DataError) {
      _ = try NPZData(path: path).load(needing)
      Issue.record("no error")
    } catch {
      #expect(
        error.description.contains("its examples have no labels, which are the classes to predict: there are \"x\""))
      #expect(error.description.contains("\"klass\"") && error.description.contains("data.labels"))
      #expect(error.subject == .file(.labels))
    }
    let features = try folder.write(x, "x.npy")
    #expect(throws: DataError.self) { try NPYData(.init(features: features)).load(needing) }
    let none = try folder.write(FileBytes.zip([("pixel.npy", x)]), "n.npz")
    do throws(DataError) { _ = try NPZData(path: none).load(needing) } catch {
      #expect(error.subject == .file(.features))
    }
  }

  /// An array that is called as clients may be says nothing of them unless somebody says so.
  @Test func clientsThatNobodyAskedForMayBeUnusable() throws {
    let texts = FileBytes.npy("<U1", [3], [UInt8](repeating: 65, count: 12))
    let two = FileBytes.npy("<i4", [2], [UInt8](repeating: 0, count: 8))
    for groups in [texts, two, FileBytes.npy("<f4", [3], [UInt8](repeating: 0, count: 12))] {
      let path = try folder.write(FileBytes.zip([("x.npy", x), ("y.npy", y), ("groups.npy", groups)]), "g.npz")
      let loaded = try NPZData(path: path).load(request)
      #expect(loaded.training.owners == nil && loaded.warnings.count == 1)
      #expect(loaded.warnings.first?.contains("array \"groups\"") == true, "\(loaded.warnings)")
      #expect(problem(NPZData(path: path, names: .init(clients: "groups"))) != "no error")
    }
  }

  /// As Keras and MedMNIST name them, in one file.
  @Test(arguments: [
    ("x_train", "y_train", "x_test", "y_test"), ("train_images", "train_labels", "test_images", "test_labels"),
  ])
  func usualNamesHaveTestExamples(names: (String, String, String, String)) throws {
    let one = FileBytes.npy("|u1", [1, 2], [9, 9])
    let column = FileBytes.npy("|u1", [1, 1], [4])
    let path = try folder.write(
      FileBytes.zip([
        (names.0 + ".npy", x), (names.1 + ".npy", y), (names.2 + ".npy", one), (names.3 + ".npy", column),
      ]), "k.npz")
    let loaded = try NPZData(path: path, test: path).load(request)
    #expect(loaded.training.count == 3 && loaded.test?.features == [9, 9] && loaded.test?.labels == [4])
    #expect(loaded.training.classCount == 5)
    let alone = try folder.write(FileBytes.zip([("x.npy", x), ("y.npy", y)]), "alone.npz")
    #expect(problem(NPZData(path: alone, test: alone)).contains("found no array of features"), "training is no test")
  }

  /// What `numpy.savez_compressed` of NumPy 2 wrote: float32, int64 and int64, deflated, with sizes of 64 bits in the local headers.
  @Test func aFileOfNumPyIsRead() throws {
    let text =
      "UEsDBC0AAAAIAAAAIQDMypy9//////////8FABQAeC5ucHkBABAAmAAAAAAAAABVAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GsY6CkaaOgq1CmQDLgYwaLAHEg5ABMQNQLzAAQBQSwMELQAAAAgAAAAhAIoazhP//////////wUAFAB5Lm5weQEAEACYAAAAAAAAAEoAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgbpNpoa6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaxjqaOgq1ChQALiYGVMAIpQFQSwMELQAAAAgAAAAhADIC8dX//////////wsAFABjbGllbnRzLm5weQEAEACYAAAAAAAAAEwAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgbpNpoa6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaxjqaOgq1ChQALnYGCIDRnFAaAFBLAQItAy0AAAAIAAAAIQDMypy9VQAAAJgAAAAFAAAAAAAAAAAAAACAAQAAAAB4Lm5weVBLAQItAy0AAAAIAAAAIQCKGs4TSgAAAJgAAAAFAAAAAAAAAAAAAACAAYwAAAB5Lm5weVBLAQItAy0AAAAIAAAAIQAyAvHVTAAAAJgAAAALAAAAAAAAAAAAAACAAQ0BAABjbGllbnRzLm5weVBLBQYAAAAAAwADAJ8AAACWAQAAAAA="
    let path = try folder.write(Array(#require(Data(base64Encoded: text))), "a.npz")
    let data = try NPZData(path: path).load(request).training
    #expect(data.features == [0, 1, 2, 3, 4, 5] && data.featureCount == 2)
    #expect(data.labels == [2, 0, 1] && data.owners == [0, 0, 1])
  }

  @Test func quantitiesAreTargets() throws {
    let reals = FileBytes.npy("<f8", [3], [0.5, -2, 7].flatMap { FileBytes.little($0.bitPattern) })
    let path = try folder.write(FileBytes.zip([("x.npy", x), ("y.npy", reals)]), "a.npz")
    var request = request
    request.aim = .quantities
    let data = try NPZData(path: path).load(request).training
    #expect(data.targets == [0.5, -2, 7] && data.classCount == 1)
    #expect(problem(NPZData(path: path)).contains("found numbers of type '<f8'; labels are integers"))
    let none = try folder.write(FileBytes.zip([("x.npy", x)]), "n.npz")
    #expect(throws: DataError.self) { try NPZData(path: none).load(request) }
    let npy = try NPYData(.init(features: folder.write(x, "x.npy"), labels: folder.write(reals, "y.npy")))
    #expect(try npy.load(request).training.targets == [0.5, -2, 7])
    let infinite = FileBytes.npy("<f8", [3], [0.5, 1e300, 7].flatMap { FileBytes.little($0.bitPattern) })
    let wrong = try NPYData(.init(features: folder.write(x, "x.npy"), labels: folder.write(infinite, "i.npy")))
    #expect(throws: DataError.self) { try wrong.load(request) }
  }

  @Test func clientsOfNPY() throws {
    let files = try NPYData.Files(features: folder.write(x, "x.npy"), labels: folder.write(y, "y.npy"))
    let data = try NPYData(files, clients: folder.write(who, "w.npy")).load(request).training
    #expect(data.owners == [0, 1, 0])
    let two = FileBytes.npy("<i8", [2], [1, 2].flatMap { FileBytes.little(Int64($0)) })
    let reals = FileBytes.npy("<f4", [3], [1, 2, 3].flatMap { FileBytes.little(Float($0).bitPattern) })
    for (clients, expected) in [
      (two, "found 2 clients for 3 examples"), (reals, "clients are integers"),
      (x, "found 2 dimensions; clients have 1"),
      (FileBytes.npy("<u8", [3], [1, 2, UInt64.max].flatMap { FileBytes.little($0) }), "found client 2^63 or more"),
    ] {
      do throws(DataError) {
        _ = try NPYData(files, clients: (try? folder.write(clients, "c.npy")) ?? "").load(request)
        Issue.record("no error: \(expected)")
      } catch {
        #expect(error.description.contains("c.npy: ") && error.description.contains(expected), "\(error)")
        #expect(error.subject == .file(.clients))
      }
    }
  }

  @Test func damageIsNoticed() throws {
    // In memory: each byte gone, and each byte with another bit.
    let contents = { (bytes: [UInt8]) throws(DataError) -> [String: [UInt8]] in
      let archive = try ZipArchive(bytes, name: "z")
      var found: [String: [UInt8]] = [:]
      for member in archive.members { found[member.name] = try archive.read(member) }
      return found
    }
    for method in [UInt16(0), 8] {
      let whole = try FileBytes.zip([("x.npy", x), ("y.npy", y)], method: method)
      let right = try contents(whole)
      // Of another name an array is another array.
      let names = whole.indices.filter { whole[$0...].starts(with: [0x50, 0x4B, 1, 2]) }.flatMap {
        ($0 + 46)..<($0 + 51)
      }
      for i in whole.indices {
        #expect(throws: DataError.self, "\(i)") { try contents(Array(whole[..<i])) }
        // A flipped bit is an error, or in what nobody reads, such as a time.
        var damaged = whole
        damaged[i] ^= 1 << UInt8(i % 8)
        let found = try? contents(damaged)
        #expect(found == nil || found == right || names.contains(i), "\(i)")
      }
    }
    var encrypted = try FileBytes.zip([("x.npy", x)])
    encrypted[try #require(Self.find([0x50, 0x4B, 1, 2], encrypted)) + 8] = 1
    #expect(try problem(NPZData(path: folder.write(encrypted, "e.npz"))).contains("\"x.npy\" is encrypted"))
    var other = try FileBytes.zip([("x.npy", x)])
    other[try #require(Self.find([0x50, 0x4B, 1, 2], other)) + 10] = 12
    #expect(
      try problem(NPZData(path: folder.write(other, "o.npz"))).contains("is packed by method 12; allowed: 0 (stored)"))
    let twice = try FileBytes.zip([("x.npy", x), ("x.npy", x)])
    #expect(try problem(NPZData(path: folder.write(twice, "t.npz"))).contains("found 2 arrays \"x\""))
    #expect(try problem(NPZData(path: folder.write("x,y\n1,2\n", "c.npz"))).contains("byte 0: not an archive of NumPy"))
  }

  private static func find(_ mark: [UInt8], _ bytes: [UInt8]) -> Int? {
    bytes.indices.first { bytes[$0...].starts(with: mark) }
  }

  /// Sizes that no file has are no memory: neither in the directory nor in the array.
  @Test func sizesAreNotBelieved() throws {
    var archive = try FileBytes.zip([("x.npy", x)], method: 8, isWide: true)
    let entry = try #require(Self.find([0x50, 0x4B, 1, 2], archive))
    for i in 0..<8 { archive[entry + 46 + 5 + 4 + i] = i == 7 ? 0x7F : 0xFF }
    #expect(
      try problem(NPZData(path: folder.write(archive, "h.npz"))).contains("its directory says 9223372036854775807"))
    for i in 0..<8 { archive[entry + 46 + 5 + 4 + i] = 0xFF }
    #expect(
      try problem(NPZData(path: folder.write(archive, "h.npz"))).contains("found the number 18446744073709551615"))
    let bomb = FileBytes.npy("|u1", [2, 2], [UInt8](repeating: 0, count: 3_000_000))
    let packed = try folder.write(FileBytes.zip([("x.npy", bomb)], method: 8), "b.npz")
    #expect(problem(NPZData(path: packed)).contains("\"x.npy\" has 4097 bytes; its directory says 3000128"))
    let huge = FileBytes.npy("<f8", [4_611_686_018_427_387_904, 16], [1])
    let path = try folder.write(FileBytes.zip([("x.npy", huge)], method: 8), "n.npz")
    #expect(problem(NPZData(path: path)).contains("the file ends here"))
  }

  @Test func foreignBytesDoNotTrap() throws {
    var stream = random(9)
    let whole = try FileBytes.zip([("x.npy", x), ("y.npy", y)], method: 8, isWide: true)
    for _ in 0..<2000 {
      var bytes = whole
      for _ in 0...stream.integer(below: 4) {
        bytes[stream.integer(below: bytes.count)] = UInt8(stream.integer(below: 256))
      }
      guard let archive = try? ZipArchive(bytes, name: "z") else { continue }
      for member in archive.members { _ = try? archive.read(member) }
    }
  }
}
