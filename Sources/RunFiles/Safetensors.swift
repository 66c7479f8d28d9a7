import Clients
import JSONText

/// Model parameters in the safetensors format: a 64-bit length, a JSON header, then little-endian float32 data.
///
/// Tensors are those that the model names: for our networks `layers.I.weight` and `layers.I.bias`.
public enum Safetensors {
  public static func encode(_ parameters: [Float], of model: some Model, metadata: [(String, String)]) -> [UInt8] {
    let tensors = model.tensors
    var header = JSONObject()
    var notes = JSONObject()
    for (key, value) in metadata { notes[key] = .string(value) }
    header["__metadata__"] = .object(notes)
    var offset = 0
    for tensor in tensors {
      let end = offset + 4 * tensor.count
      header[tensor.name] = [
        "dtype": "F32", "shape": .array(tensor.shape.map { .integer($0) }),
        "data_offsets": [.integer(offset), .integer(end)],
      ]
      offset = end
    }
    var text = Array(JSON.object(header).text(pretty: false).utf8)
    // Data begin at a multiple of 8.
    while text.count % 8 != 0 { text.append(UInt8(ascii: " ")) }
    var bytes = withUnsafeBytes(of: UInt64(text.count).littleEndian, Array.init) + text
    bytes.reserveCapacity(bytes.count + 4 * parameters.count)
    for index in tensors.indices {
      for value in model.values(of: index, in: parameters) { put(value, &bytes) }
    }
    return bytes
  }

  private static func put(_ value: Float, _ bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
  }
}
