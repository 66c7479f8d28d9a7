/// Numbers texts in the order in which they first appear.
struct TextNumbers {
  private(set) var texts: [String] = []
  private var numbers: [String: Int32] = [:]
  private var lastBytes: [UInt8] = []
  private var last: Int32 = -1

  mutating func number(of text: String) -> Int32 {
    if let known = numbers[text] { return known }
    let number = Int32(texts.count)
    texts.append(text)
    numbers[text] = number
    return number
  }

  /// The number of the text before this one, where this one repeats it: no string need be made. Nil where it does not.
  func repeated(_ bytes: UnsafeBufferPointer<UInt8>) -> Int32? {
    last >= 0 && lastBytes.elementsEqual(bytes) ? last : nil
  }

  /// - Parameter bytes: those of the text, for `repeated`.
  mutating func number(of text: String, from bytes: UnsafeBufferPointer<UInt8>) -> Int32 {
    lastBytes = Array(bytes)
    last = number(of: text)
    return last
  }
}
