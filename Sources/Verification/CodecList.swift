import ChannelCoding
import Files
import JSONText

/// The codecs that there are, for people and as JSON.
public struct CodecList: Sendable {
  private let entries: [(name: CodecName, descriptor: CodecDescriptor)]

  public init() throws(ToolError) {
    var entries: [(CodecName, CodecDescriptor)] = []
    for name in CodecName.allCases { entries.append((name, try name.descriptor())) }
    self.entries = entries
  }

  public var text: String {
    entries.map { name, descriptor in
      var lines = ["\(name.rawValue): \(Self.exactness(descriptor))"]
      lines.append(Text.wrapped(descriptor.summary, indent: "  "))
      let options = name.options.map { "--\($0)" }.joined(separator: ", ")
      for (label, value) in [
        ("noise", descriptor.noise.words), ("views", descriptor.views), ("numerics", Self.numerics(name)),
        ("time", descriptor.cost), ("options", options),
        ("source", descriptor.reference),
      ] where !value.isEmpty && value != "-" {
        let start = "  " + label + String(repeating: " ", count: 9 - label.count)
        let body = Text.wrapped(value, width: 100, indent: String(repeating: " ", count: start.count))
        lines.append(start + body.dropFirst(start.count))
      }
      return lines.joined(separator: "\n")
    }.joined(separator: "\n\n")
  }

  public var json: JSON {
    let codecs: [JSON] = entries.map { name, descriptor in
      [
        "name": .string(name.rawValue), "exact": .bool(descriptor.isExact), "noise": .string(descriptor.noise.rawValue),
        "views": .string(descriptor.views), "cost": .string(descriptor.cost),
        "reference": descriptor.reference == "-" ? .null : .string(descriptor.reference),
        "totalVariationPerUpload": .optional(Self.standard(name).totalVariationBound),
        "summary": .string(descriptor.summary), "options": .array(name.options.map { .string($0) }),
      ]
    }
    return ["codecs": .array(codecs)]
  }

  /// What bounds on arithmetic are quoted for: 4096 coordinates at a signal-to-noise ratio of 0.01.
  private static func standard(_ name: CodecName) -> ChannelSettings {
    ChannelSettings(codec: name, dimension: 4096, clippingNorm: 6.4, noiseScale: 1)
  }

  private static func numerics(_ name: CodecName) -> String {
    guard let bound = standard(name).totalVariationBound else { return "no bound: the noise is not Gaussian" }
    return "an upload chooses otherwise than in real arithmetic with probability at most \(Text.short(bound)) "
      + "(4096 coordinates, snr 0.01)"
  }

  private static func exactness(_ descriptor: CodecDescriptor) -> String {
    switch descriptor.noise {
    case .gaussian: "exact"
    case .uniform: "exact, but not Gaussian"
    case .approximate: "approximate"
    }
  }
}

extension NoiseLaw {
  var words: String {
    switch self {
    case .gaussian: "N(0, sigma^2 I), independent of the update"
    case .uniform: "independent uniforms of variance sigma^2, independent of the update"
    case .approximate: "near N(0, sigma^2 I) only, and dependent on the update"
    }
  }
}

extension CodecName {
  /// What there is to know of the codec; the same for all settings.
  public func descriptor() throws(ToolError) -> CodecDescriptor {
    let settings = ChannelSettings(codec: self, dimension: 16, clippingNorm: 1, noiseScale: 1)
    return try KeyedChannel(settings, key: Key(seed: 0, label: "descriptor")).channel.codec.descriptor
  }

  /// The flags that the codec reads.
  var options: [String] {
    (usesDraws ? ["draws"] : []) + (usesFixedLength ? ["fixed-length"] : [])
  }
}
