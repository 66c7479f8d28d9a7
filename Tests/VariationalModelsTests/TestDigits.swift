import ChannelCoding
import Datasets

/// The split of digits that the reference values are of: 800 to learn (a), 200 held out (b); NumPy's default_rng(7).permutation(1797), its
/// first 800 and last 200.
enum ReferenceSplit {
  static func examples(_ part: Character) -> [Int] {
    let letters = text.filter { $0 != "\n" && $0 != " " }
    return letters.enumerated().filter { $0.element == part }.map(\.offset)
  }

  private static let text = """
    aa.a.a..ba.aaaa......aaaaa..abaa..aaaa.aa.......babab.a.aa.a.aa.aa.ab..a.baaa...aa...b.aaaa.aaaaa..a
    a..ab.aaaaa..aaa.a.a.ab..aaa.a.a..a..ba.abab.baaaa.a....aa.aab..baaabab.ab.aaababbaa..a.aa.....aa..a
    baaaba..a...aaa.aa.a....aa.baaba.a..babaa.abb.ba.....aaa.aaa....aa.a..aaaa.aaabaaaa..a..ab.a.aba.aaa
    b..a.a.a.a.aaaaaa.a...a..baaa...a.....a.a...aaa.aab...baa.aa.....ab.ab..a..abba..aaba.aa..ab...a.aaa
    .aaa.a..aaaa..aab...a..a.b..a.aa.aab...aaa.ba.....a.a....aa.aa.a....aab.ba.a.....aa...a..b.aa......a
    aaaaaaa...a.aaaaa.ba.aaa.b.baab..a.aaba..aabaa.aabaab.a..aab....baaab.a.aaa.ba...aaa....aa..a...aaa.
    a..ba.a.ab.aa..aabb.aa..a.......a..aa.aaaba..baa..aba.baaa..ab.a.b...a.a.a...a.aaa.baa....ba....baa.
    .b.aaa.b......a.a..aaa.aa.abba..aaaaba..aa.aaabb...aa.aab..ab..a...a..aaaaa.a...a.aa.bbba..b.aa.ab.b
    ...a..a..ab..aaa...aa..aa.aa.....b.ab.aab.a.aa.ba.baab.b.....a...aa.aa..baababbba...a....aaab.aaaa..
    aaaaa.a...aaaaaba.ba.ab.a.a...aaa.aba.a.a.aa..a....aa...a.baaa.aaaaaabba..ab.a.aaaa...a....a.aababaa
    ....aa....b.aa..a.aaaabaa....aa..aab.aa..a.aa.a...ab....a..aaaa..aaaa.aaaa....aaaa.b.a.....b.aaab...
    a...a.abbaa.abaaaab..a...aa...aa.aaabaaa...bba..ba..aaab......b.a..a.......a.ba..ab.a....a.a....aaa.
    aa..aaa.aa.aaa.aaaaaaa.a.baa.a..a.a.aa.aa..aa.....aaaa.a.a.b..a..aba....a..aaa..a.aa.aaaba.a.a..baa.
    aa..aa....baaba.aabb...a....a..baba..a..ba.b.aab.a.aa..ab.aaab.....ab.a..a..baab..aaaaaaaaa....aaa.a
    baa.aaaa.b.b.baabb...a..a.ba......b..aaa...a.aaaa.ab...aaa..ba.a..aab.aaaa.a...b..a..a..aaaa.aaaa.aa
    .a.aa..aaaa.aa.a.a.aaaa.aa...baa..aa..ab.ab.a..aaaaaab.a.a.ab....abb..aab..aa..a..aa.aa....a.....aaa
    a..aa.....a.a.b..aa..ab.aaa.aa.bb.aaba..a...a.aaab.ab.aaa..aa...baa.a..ab..aa..b...a..a.....aa.b..b.
    aabaa.b.a.abaa.ababaaaa....abba.aa...a...abaaba.b.a..baa.b.a..abaaab.a...aaaa.a.aaa.baaa..aaaa...
    """
}

/// Digits of few pixels by which tests are quick: a picture of 4 x 4 or a signal, smooth and at random.
func smoothPictures(_ count: Int, height: Int, width: Int, channels: Int = 1, seed: UInt64 = 1) throws -> Dataset {
  var random = RandomStream(key: Key(seed: seed, label: "pictures"))
  var features = [Float]()
  for _ in 0..<count {
    let (a, b, c) = (random.normal(), random.normal(), random.normal())
    for y in 0..<height {
      for x in 0..<width {
        for channel in 0..<channels {
          let value = 0.5 + 0.2 * a * Double(x) / Double(width) + 0.15 * b * Double(y) / Double(height)
          features.append(Float(value + 0.1 * c * Double(channel + 1) * Double(x * y) / Double(width * height)))
        }
      }
    }
  }
  return try Dataset(
    features: features, labels: [Int32](repeating: 0, count: count), featureCount: height * width * channels,
    classCount: 2, imageShape: .init(height: height, width: width, channels: channels))
}
