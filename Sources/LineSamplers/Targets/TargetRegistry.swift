import Files

/// A kind of target as the command line writes it: its name, what follows the colon, and how it is made.
public struct TargetKind: Sendable {
  public let name: String
  /// What follows the colon, such as "m,s".
  public let parameters: String
  /// One line on the pair of laws.
  public let summary: String
  let make: @Sendable (_ parameters: String) throws(ToolError) -> any LineTarget
}

/// All kinds of targets.
public enum TargetRegistry {
  public static let kinds: [TargetKind] = [
    TargetKind(name: "gaussian", parameters: "m,s", summary: "P = N(0, 1), Q = N(m, s^2), s < 1") {
      (text) throws(ToolError) in
      let values = try numbers(text, of: "gaussian:m,s", count: 2)
      return try GaussianTarget(mean: values[0], deviation: values[1])
    },
    TargetKind(name: "laplace", parameters: "m,b", summary: "P = Laplace(0, 1), Q = Laplace(m, b), b < 1") {
      (text) throws(ToolError) in
      let values = try numbers(text, of: "laplace:m,b", count: 2)
      return try LaplaceTarget(mean: values[0], scale: values[1])
    },
    TargetKind(name: "uniform", parameters: "a,w", summary: "P = U(0, 1), Q uniform on [a, a + w]") {
      (text) throws(ToolError) in
      let values = try numbers(text, of: "uniform:a,w", count: 2)
      return try UniformTarget(start: values[0], width: values[1])
    },
    TargetKind(
      name: "mixture", parameters: "w,m,s+w,m,s+...",
      summary: "P = N(0, 1), Q the mixture of N(m, s^2) with weights w, as a table of 1,024 cells"
    ) { (text) throws(ToolError) in
      let spelling = "mixture:w,m,s+w,m,s+..."
      var parts: [MixtureTarget.Part] = []
      for part in text.split(separator: "+", omittingEmptySubsequences: false) {
        let values = try numbers(String(part), of: spelling, count: 3)
        parts.append(MixtureTarget.Part(weight: values[0], mean: values[1], deviation: values[2]))
      }
      return try MixtureTarget.table(parts)
    },
    TargetKind(
      name: "table", parameters: "FILE", summary: "P = U(0, 1), Q by the masses of cells of equal width, a CSV file"
    ) { (path) throws(ToolError) in
      try TableTarget(
        CellMasses.read(InputFile.read(path), name: path), .uniform, spelling: "table:\(path)", name: path)
    },
  ]

  /// All spellings in words, for messages.
  public static var spellings: String { kinds.map { "\($0.name):\($0.parameters)" }.joined(separator: ", ") }

  /// The target that a text such as "gaussian:1,0.25" names.
  ///
  /// - Throws: `ToolError.input` that names what is allowed.
  public static func target(_ text: String) throws(ToolError) -> any LineTarget {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, let kind = kinds.first(where: { $0.name == parts[0] }) else {
      throw .input(place: "--target", problem: "found \"\(text)\"; allowed: \(spellings)")
    }
    return try kind.make(parts[1])
  }

  private static func numbers(_ text: String, of spelling: String, count: Int) throws(ToolError) -> [Double] {
    let values = text.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
    let found = values.compactMap(\.self)
    guard values.count == count, found.count == count else {
      throw .input(place: "--target", problem: "found \"\(text)\"; allowed: \(spelling) with numbers")
    }
    return found
  }
}

/// Cell masses in a text file: numbers with commas, semicolons, blanks or line breaks between them; one heading is allowed.
enum CellMasses {
  static func read(_ bytes: [UInt8], name: String) throws(ToolError) -> [Double] {
    var masses: [Double] = []
    var start = 0
    for i in 0...bytes.count {
      let isEnd = i == bytes.count || isSeparator(bytes[i])
      guard isEnd else { continue }
      defer { start = i + 1 }
      guard start < i else { continue }
      let text = String(decoding: bytes[start..<i], as: UTF8.self)
      if let value = Double(text) {
        masses.append(value)
      } else if !(masses.isEmpty && isFirstLine(bytes, before: start)) {
        let place = bytes.withUnsafeBufferPointer { TextPlace.name(name, offset: start, in: $0) }
        throw .input(place: place, problem: "found \"\(text.prefix(40))\"; allowed: a mass, a number from 0")
      }
    }
    guard !masses.isEmpty else { throw .input(place: name, problem: "found no number; allowed: masses of cells") }
    return masses
  }

  private static func isSeparator(_ byte: UInt8) -> Bool {
    byte == 0x2C || byte == 0x3B || byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
  }

  private static func isFirstLine(_ bytes: [UInt8], before end: Int) -> Bool { !bytes[..<end].contains(0x0A) }
}
