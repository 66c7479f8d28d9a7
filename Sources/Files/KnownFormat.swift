/// Formats that files of examples commonly have, told by their first bytes: a reader that is given one that it does not read says what it is
/// and what can be done.
package enum KnownFormat: Sendable, Equatable, CaseIterable {
  // What a source reads.
  case npy, npz, idx, png, jpeg
  // What two lines of Python make readable.
  case parquet, arrow, hdf5, excel, pickle, torch, matlab, sqlite, rData, avro, orc
  // What has to be unpacked first.
  case zip, tar, xz, bzip2, zstd, lz4, sevenZip
  // Text in other bytes than UTF-8.
  case utf16, utf32
  /// Without a mark, by the order of its bytes.
  case utf16LittleEndian, utf16BigEndian
  // What was not downloaded.
  case html, gitLFS
  case pdf

  /// What a file with these first bytes is; nil for text, and for all that has no mark of its own.
  package static func of(_ bytes: [UInt8]) -> KnownFormat? {
    let starts = { (text: String) in bytes.starts(with: text.utf8) }
    switch bytes.first {
    case 0x93? where bytes.dropFirst().starts(with: "NUMPY".utf8): return .npy
    case 0x50? where ZipArchive.isZip(bytes): return ofArchive(bytes)
    // A table may have a column PAR1; a Parquet file has the mark at its end too.
    case 0x50? where starts("PAR1") && bytes.count >= 12 && bytes.suffix(4).elementsEqual("PAR1".utf8): return .parquet
    case 0x46? where starts("FEA1") && bytes.count >= 12 && bytes.suffix(4).elementsEqual("FEA1".utf8): return .arrow
    case 0: return ofZeros(bytes)
    case 0x89? where bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]): return .png
    case 0x89? where bytes.starts(with: [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]): return .hdf5
    case 0xFF? where bytes.starts(with: [0xFF, 0xD8, 0xFF]): return .jpeg
    case 0xFF? where bytes.starts(with: [0xFF, 0xFE, 0, 0]): return .utf32
    case 0xFF? where bytes.starts(with: [0xFF, 0xFE]): return .utf16
    case 0xFE? where bytes.starts(with: [0xFE, 0xFF]): return .utf16
    case 0xFD? where bytes.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0]): return .xz
    case 0x28? where bytes.starts(with: [0x28, 0xB5, 0x2F, 0xFD]): return .zstd
    case 0x04? where bytes.starts(with: [0x04, 0x22, 0x4D, 0x18]): return .lz4
    case 0x37? where bytes.starts(with: [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]): return .sevenZip
    case 0xD0? where bytes.starts(with: [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]): return .excel
    // Protocols 2 to 5, which begin with their number and, from 4 on, a frame.
    case 0x80? where bytes.count > 1 && (2...5).contains(bytes[1]): return .pickle
    case 0x42?
    where starts("BZh") && bytes.count > 9 && bytes[4..<10].elementsEqual([0x31, 0x41, 0x59, 0x26, 0x53, 0x59]):
      return .bzip2
    default: break
    }
    let texts: [(String, KnownFormat)] = [
      ("ARROW1\0", .arrow), ("SQLite format 3\0", .sqlite), ("MATLAB 5.0 MAT-file", .matlab),
      ("RDX2\n", .rData), ("RDX3\n", .rData), ("Obj\u{1}avro", .avro), ("%PDF-", .pdf),
      ("version https://git-lfs.github.com/spec/", .gitLFS),
    ]
    if let (_, format) = texts.first(where: { starts($0.0) }) { return format }
    if starts("Obj\u{1}") { return .avro }
    // Its last byte is the length of a tail that ends with the mark again; a table may have a column ORC, and end with it.
    if starts("ORC"), bytes.count >= 8, bytes.suffix(4).dropLast().elementsEqual("ORC".utf8),
      let last = bytes.last, last != 0x0A, last != 0x0D, last < 0x20 || last > 0x7E
    {
      return .orc
    }
    if starts("ORC"), bytes.count > 3, bytes[3] < 0x20, bytes[3] != 0x0A, bytes[3] != 0x0D { return .orc }
    if bytes.count >= 262, bytes[257..<262].elementsEqual("ustar".utf8) { return .tar }
    if starts("X\n\0\0\0"), bytes.count > 5, (2...3).contains(bytes[5]) { return .rData }
    // HDF5 files of MATLAB and others may have a block of their own before the mark.
    if bytes.count >= 520, bytes[512..<520].elementsEqual([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]) {
      return .hdf5
    }
    if let text = utf16(bytes) { return text }
    return isHTML(bytes) ? .html : nil
  }

  /// Text of Latin letters in UTF-16: every other byte is zero, and none is in between.
  private static func utf16(_ bytes: [UInt8]) -> KnownFormat? {
    let first = bytes.prefix(min(64, bytes.count & ~1))
    guard first.count >= 8 else { return nil }
    let isText = { (byte: UInt8) in (0x20..<0x7F).contains(byte) || byte >= 0xA0 || [0x09, 0x0A, 0x0D].contains(byte) }
    if first.indices.allSatisfy({ $0 & 1 == 0 ? isText(first[$0]) : first[$0] == 0 }) { return .utf16LittleEndian }
    if first.indices.allSatisfy({ $0 & 1 == 1 ? isText(first[$0]) : first[$0] == 0 }) { return .utf16BigEndian }
    return nil
  }

  /// Two zeros: an IDX file's type and dimensions, or a mark of UTF-32.
  private static func ofZeros(_ bytes: [UInt8]) -> KnownFormat? {
    guard bytes.count >= 8, bytes[1] == 0 else { return utf16(bytes) }
    if bytes[2] == 0xFE, bytes[3] == 0xFF { return .utf32 }
    return [0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E].contains(bytes[2]) && (1...4).contains(bytes[3]) ? .idx : nil
  }

  /// By the name of the first file in it, which stands in the first header.
  private static func ofArchive(_ bytes: [UInt8]) -> KnownFormat {
    guard bytes.count >= 30 else { return .zip }
    let length = Int(bytes[26]) | Int(bytes[27]) << 8
    let name = String(decoding: bytes[30..<min(30 + length, bytes.count)], as: UTF8.self)
    if name.hasSuffix(".npy") { return .npz }
    if name.hasPrefix("xl/") || name == "[Content_Types].xml" || name.hasPrefix("_rels/") || name.hasPrefix("docProps/")
    {
      return .excel
    }
    return name.hasSuffix("/data.pkl") || name == "data.pkl" ? .torch : .zip
  }

  private static func isHTML(_ bytes: [UInt8]) -> Bool {
    let text = bytes.drop { [0x20, 0x09, 0x0A, 0x0D, 0xEF, 0xBB, 0xBF].contains($0) }.prefix(14).map { byte in
      (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
    }
    return text.elementsEqual("<!doctype html".utf8) || text.starts(with: "<html".utf8)
  }

  /// What it is, in words.
  package var description: String {
    switch self {
    case .npy: "a NumPy array (.npy)"
    case .npz: "an archive of NumPy arrays (.npz)"
    case .idx: "an IDX file"
    case .png: "a PNG picture"
    case .jpeg: "a JPEG picture"
    case .parquet: "a Parquet file"
    case .arrow: "an Arrow or Feather file"
    case .hdf5: "an HDF5 file"
    case .excel: "an Excel workbook"
    case .pickle: "a Python pickle"
    case .torch: "a file of PyTorch"
    case .matlab: "a MATLAB file"
    case .sqlite: "an SQLite database"
    case .rData: "a file of R"
    case .avro: "an Avro file"
    case .orc: "an ORC file"
    case .zip: "a zip archive"
    case .tar: "a tar archive"
    case .xz: "an xz file"
    case .bzip2: "a bzip2 file"
    case .zstd: "a zstd file"
    case .lz4: "an lz4 file"
    case .sevenZip: "a 7z archive"
    case .utf16, .utf16LittleEndian, .utf16BigEndian: "text in UTF-16"
    case .utf32: "text in UTF-32"
    case .html: "a web page: the download failed, or asked for a login"
    case .gitLFS: "a pointer of Git LFS in place of the file"
    case .pdf: "a PDF document"
    }
  }

  /// What can be done with it.
  private var remedy: String {
    let lines = "docs/data.md, \"Other formats\", has the lines"
    return switch self {
    case .npy: "the source \"npy\" reads it"
    case .npz: "the source \"npz\" reads it"
    case .idx: "the source \"idx\" reads it"
    case .png, .jpeg: "the source \"image-folder\" reads folders of pictures"
    case .parquet: "pandas.read_parquet(...).to_csv(...) makes a table of it; \(lines)"
    case .arrow: "pandas.read_feather(...).to_csv(...) makes a table of it; \(lines)"
    case .orc: "pandas.read_orc(...).to_csv(...) makes a table of it; \(lines)"
    case .excel: "pandas.read_excel(...).to_csv(...) makes a table of it; \(lines)"
    case .sqlite: "pandas.read_sql(...).to_csv(...) makes a table of it; \(lines)"
    case .avro: "pandas can write it as CSV once it is loaded; \(lines)"
    case .rData: "write.csv(..., row.names = FALSE) in R makes a table of it; \(lines)"
    case .hdf5: "h5py.File(...) and numpy.savez(...) make arrays of it; \(lines)"
    case .matlab: "scipy.io.loadmat(...) and numpy.savez(...) make arrays of it; \(lines)"
    case .pickle: "pickle.load(...) and numpy.savez(...) make arrays of it; \(lines)"
    case .torch: "torch.load(...) and numpy.savez(...) make arrays of it; \(lines)"
    case .zip: "unpack it (unzip), or pack each file with gzip"
    case .tar: "unpack it (tar -xf), and name the files in it"
    case .xz: "unpack it (xz -d), or pack it with gzip"
    case .bzip2: "unpack it (bunzip2), or pack it with gzip"
    case .zstd: "unpack it (zstd -d), or pack it with gzip"
    case .lz4: "unpack it (lz4 -d), or pack it with gzip"
    case .sevenZip: "unpack it (7z x)"
    case .utf16: "iconv -f UTF-16 -t UTF-8 makes UTF-8 of it; \(lines)"
    case .utf16LittleEndian: "iconv -f UTF-16LE -t UTF-8 makes UTF-8 of it; \(lines)"
    case .utf16BigEndian: "iconv -f UTF-16BE -t UTF-8 makes UTF-8 of it; \(lines)"
    case .utf32: "iconv -f UTF-32 -t UTF-8 makes UTF-8 of it; \(lines)"
    case .html: "look at it, and download the file again"
    case .gitLFS: "git lfs pull fetches the file"
    case .pdf: "examples are no part of it"
    }
  }

  /// What a reader says that does not read it.
  ///
  /// - Parameter isPacked: whether it was found in a gzip file.
  package func refusal(isPacked: Bool) -> String {
    "found \(description)\(isPacked ? ", packed with gzip" : ""): \(remedy)"
  }
}
