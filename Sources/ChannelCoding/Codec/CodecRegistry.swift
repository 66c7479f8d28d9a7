import Settings

/// The codecs that a run may use, by name. Both ends of a channel need the same one.
///
///     let codecs = CodecRegistry.standard.adding(MyFamily())
///     let channel = ChannelSettings(codec: "my-codec", from: codecs, dimension: 650, clippingNorm: 1, noiseScale: 0.1)
public struct CodecRegistry: Sendable {
  /// The families in the order in which they are listed. Where two are predicted to take the same bits, the first is chosen.
  public private(set) var families: [any CodecFamily] = []
  private var places: [CodecName: Int] = [:]

  /// The codecs of this package.
  public static let standard = CodecRegistry([
    Float32Family(), DitheredFamily(.direct), ShiftedFamily(), DitheredFamily(.uniform), FastGPRSFamily(),
    BlockFamily(.gprs), BlockFamily(.pfr), BlockFamily(.ringToss), BlockFamily(.mrc), BlockFamily(.orc), PolarFamily(),
  ])

  /// - Precondition: as for `adding`.
  public init(_ families: [any CodecFamily]) {
    for family in families { add(family) }
  }

  /// The same with one more family.
  ///
  /// - Precondition: its name is not taken, and is made of small letters, digits and hyphens; an option that another family has
  ///   too is the same option, in range and standard value.
  public func adding(_ family: some CodecFamily) -> CodecRegistry {
    var registry = self
    registry.add(family)
    return registry
  }

  private mutating func add(_ family: any CodecFamily) {
    let name = family.descriptor.name
    precondition(name.isWellFormed, "\"\(name)\": a name is made of small letters, digits and hyphens")
    precondition(places[name] == nil, "there is a codec \"\(name)\" already")
    for option in family.options {
      let other = options.first { $0.name == option.name }
      precondition(
        option.canBeOption, "\"\(option.name)\" is no whole number from 0 on, number or flag with a standard value")
      precondition(other?.isSame(as: option) ?? true, "there is another option \"\(option.name)\" already")
    }
    places[name] = families.count
    families.append(family)
  }

  /// The family of this name.
  public subscript(name: CodecName) -> (any CodecFamily)? { places[name].map { families[$0] } }

  public var names: [CodecName] { families.map(\.descriptor.name) }

  /// The options of all families, each once, in the order of their bytes.
  public var options: [KeyDescription] {
    var found = OptionBytes.always.filter { option in
      families.contains { $0.options.contains { $0.name == option.name } }
    }
    for option in families.flatMap(\.options) where !found.contains(where: { $0.name == option.name }) {
      found.append(option)
    }
    return found
  }
}

extension CodecRegistry {
  /// Whether the family that has a name is this package's own, whose laws, bounds and lengths are proved in docs/codecs.
  func isBuiltIn(_ name: CodecName) -> Bool {
    guard let family = self[name], let own = CodecRegistry.standard[name] else { return false }
    return type(of: family as Any) == type(of: own as Any)
  }
}

/// Registries are the same where they have the same names.
extension CodecRegistry: Equatable {
  public static func == (a: Self, b: Self) -> Bool { a.names == b.names }
}
