import Files

/// More values than this (16 GiB) are not generated: a slip of the keyboard, found before memory is asked for.
let mostGeneratedValues = 1 << 32

func checkGeneratedSize(_ examples: Int, _ features: Int) throws(DataError) {
  let (values, isTooLarge) = examples.multipliedReportingOverflow(by: features)
  guard !isTooLarge, values <= mostGeneratedValues, examples <= Int(Int32.max) else {
    throw .shape(
      "\(examples) examples of \(features) features are more than the \(mostGeneratedValues) values that are generated")
  }
}

/// An array that several threads fill, each its own places.
func filled<T: Sendable & BitwiseCopyable>(
  _ count: Int, _ fill: (UnsafeMutablePointer<T>) -> Void
) -> [T] {
  [T](unsafeUninitializedCapacity: count) { buffer, initialized in
    if let base = buffer.baseAddress { fill(base) }
    initialized = count
  }
}
