import Foundation

/// Golden files in Tests/Vectors.
public enum Vectors {
  /// Decodes `Tests/Vectors/NAME`.
  public static func load<T: Decodable>(_ name: String, as type: T.Type = T.self) throws -> T {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let file = folder.appendingPathComponent("Vectors").appendingPathComponent(name)
    return try JSONDecoder().decode(T.self, from: Data(contentsOf: file))
  }
}
