import ChannelCoding
import Files
import JSONText
import Settings

/// The codecs that there are, for people and as JSON.
public struct CodecList: Sendable {
  private let codecs: CodecRegistry

  public init(_ codecs: CodecRegistry = .standard) { self.codecs = codecs }

  public var text: String {
    codecs.families.map { family in
      let descriptor = family.descriptor
      var lines = ["\(descriptor.name): \(Self.exactness(descriptor))"]
      lines.append(Text.wrapped(descriptor.summary, indent: "  "))
      let options = family.options.map { "--\($0.flag)" }.joined(separator: ", ")
      for (label, value) in [
        ("noise", descriptor.noise.words), ("views", descriptor.views), ("numerics", numerics(descriptor)),
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
    let entries: [JSON] = codecs.families.map { family in
      let descriptor = family.descriptor
      let time = standard(descriptor.name).prediction?.time
      return [
        "name": .string(descriptor.name.rawValue), "exact": .bool(descriptor.isExact),
        "noise": .string(descriptor.noise.rawValue),
        "views": .string(descriptor.views), "cost": .string(descriptor.cost),
        "reference": descriptor.reference == "-" ? .null : .string(descriptor.reference),
        "totalVariationPerUpload": .optional(standard(descriptor.name).totalVariationBound),
        "summary": .string(descriptor.summary), "options": .array(family.options.map { .string($0.flag) }),
        "guide": descriptor.guide.map { .string($0) } ?? .null,
        "predictedEncodeNanosecondsPerCoordinate": .optional(time?.encodeNanoseconds),
        "predictedDecodeNanosecondsPerCoordinate": .optional(time?.decodeNanoseconds),
      ]
    }
    return ["codecs": .array(entries)]
  }

  /// What bounds on arithmetic and predictions of time are quoted for: 4096 coordinates at a signal-to-noise ratio of 0.01.
  private func standard(_ name: CodecName) -> ChannelSettings {
    ChannelSettings(codec: name, from: codecs, dimension: 4096, clippingNorm: 6.4, noiseScale: 1)
  }

  private func numerics(_ descriptor: CodecDescriptor) -> String {
    guard let bound = standard(descriptor.name).totalVariationBound else {
      return descriptor.isExact ? "no bound is known" : "no bound: the noise is not Gaussian"
    }
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

extension KeyDescription {
  /// The name as flags of commands spell it: `fixed-length` for `fixedLength`.
  public var flag: String { Self.flag(name) }

  static func flag(_ name: String) -> String {
    name.reduce(into: "") { flag, letter in
      if letter.isUppercase { flag += "-" }
      flag += letter.lowercased()
    }
  }
}
