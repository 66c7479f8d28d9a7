/// What somebody meant who wrote a name that there is not.
package enum Spelling {
  /// Longer names are not compared: the time is that of a product of lengths.
  private static let longest = 100

  /// The known name that is nearest: equal but for case; or a few letters away, more for longer names and three at most; or one that goes on
  /// where the written one, or its singular, ends.
  ///
  /// - Parameter known: in the order in which they are preferred where several are as near.
  /// - Returns: nil where none is near.
  package static func nearest(_ written: String, among known: [String]) -> String? {
    let written = written.lowercased()
    let count = written.count
    guard (1...longest).contains(count) else { return nil }
    let most = min((count + 1) / 3, 3)
    var best: (name: String, distance: Int)?
    for name in known where (count - most...count + most).contains(name.count) {
      let distance = distance(written, name.lowercased())
      if distance <= most, distance < best?.distance ?? Int.max { best = (name, distance) }
    }
    if let best { return best.name }
    let stem = count > 3 && written.hasSuffix("s") ? String(written.dropLast()) : written
    return known.first { count >= 3 && $0.lowercased().hasPrefix(stem) }
  }

  /// How many letters are to be put in, left out or exchanged.
  package static func distance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a), Array(b))
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let next = min(row[j] + 1, row[j + 1] + 1, diagonal + (x == y ? 0 : 1))
        diagonal = row[j + 1]
        row[j + 1] = next
      }
    }
    return row[b.count]
  }
}
