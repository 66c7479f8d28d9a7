/// Arrays in NumPy's file format, of any number of dimensions.
///
/// Read: versions 1.0, 2.0 and 3.0; '<f4', '<f8', '|u1', '|i1', '|b1', '<u2', '<i2', '<u4', '<i4', '<u8' and '<i8'; C order, and Fortran order, whose
/// numbers are put into C order (a second copy of them while that is done).
package enum NPYArray {
  /// - Parameter name: what errors call the file.
  /// - Throws: `ToolError.input` with the byte at which the file stops being one that is allowed.
  package static func read(_ bytes: [UInt8], name: String) throws(ToolError) -> NumberArray {
    let (header, start) = try NPYFile.readHeader(bytes, name: name, types: NPYType.allCases)
    let count = NumberArray.product(header.shape)
    try NPYFile.checkLength(count, header, start, bytes.count, name: name)
    let order = header.isFortran ? FortranOrder(header.shape) : nil
    return NumberArray(
      order?.inCOrder(bytes, from: start, count: count ?? 0, itemBytes: header.itemBytes) ?? bytes, type: header.type,
      isBigEndian: false, shape: header.shape, shapeOffset: header.shapeOffset, start: start, count: count ?? 0,
      fortranOrder: order)
  }

  /// What a header says of its file's length, for whoever unpacks one: as many bytes as are given where they are no array's, and nil where the
  /// header goes on behind them.
  package static func announcedBytes(_ first: [UInt8]) -> Int? {
    guard first.dropFirst().starts(with: "NUMPY".utf8) else { return first.count }
    guard let (header, start) = try? NPYFile.readHeader(first, name: "", types: NPYType.allCases),
      let count = NumberArray.product(header.shape)
    else { return nil }
    return start + count * header.itemBytes
  }
}
