import Clients

/// Model parameters in the safetensors format: a 64-bit length, a JSON header, then little-endian float32 data.
///
/// Tensors are named `layers.I.weight` (outputs x inputs, row-major, as torch.nn.Linear has it) and `layers.I.bias`.
public enum Safetensors {
  public static func encode(_ parameters: [Float], of network: Network, metadata: [(String, String)]) -> [UInt8] {
    var header = JSONObject()
    var notes = JSONObject()
    for (key, value) in metadata { notes[key] = .string(value) }
    header["__metadata__"] = .object(notes)
    var offset = 0
    for (layer, (inputs, outputs)) in zip(network.widths, network.widths.dropFirst()).enumerated() {
      for (name, shape) in [("weight", [outputs, inputs]), ("bias", [outputs])] {
        let end = offset + 4 * shape.reduce(1, *)
        header["layers.\(layer).\(name)"] = [
          "dtype": "F32", "shape": .array(shape.map { .integer($0) }),
          "data_offsets": [.integer(offset), .integer(end)],
        ]
        offset = end
      }
    }
    var text = Array(JSON.object(header).text(pretty: false).utf8)
    // Data begin at a multiple of 8.
    while text.count % 8 != 0 { text.append(UInt8(ascii: " ")) }
    var bytes = withUnsafeBytes(of: UInt64(text.count).littleEndian, Array.init) + text
    bytes.reserveCapacity(bytes.count + 4 * parameters.count)
    var offsetOfLayer = 0
    for (inputs, outputs) in zip(network.widths, network.widths.dropFirst()) {
      for output in 0..<outputs {
        for input in 0..<inputs { put(parameters[offsetOfLayer + input * outputs + output], &bytes) }
      }
      let biases = offsetOfLayer + inputs * outputs
      for i in biases..<(biases + outputs) { put(parameters[i], &bytes) }
      offsetOfLayer = biases + outputs
    }
    return bytes
  }

  private static func put(_ value: Float, _ bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
  }
}
