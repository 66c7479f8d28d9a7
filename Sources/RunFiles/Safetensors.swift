import Clients
import JSONText

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
    for (index, layer) in network.layers.enumerated() {
      let weight =
        switch layer {
        case .dense(let inputs, let outputs): [outputs, inputs]
        case .convolution(let shape): [shape.outputs, shape.inputs, shape.kernel, shape.kernel]
        }
      for (name, shape) in [("weight", weight), ("bias", [layer.outputs])] {
        let end = offset + 4 * shape.reduce(1, *)
        header["layers.\(index).\(name)"] = [
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
    var first = 0
    var image: Convolution?
    for layer in network.layers {
      let order = torchInputs(layer, after: image)
      for output in 0..<layer.outputs {
        for input in order { put(parameters[first + input * layer.outputs + output], &bytes) }
      }
      let biases = first + layer.inputs * layer.outputs
      for i in biases..<(biases + layer.outputs) { put(parameters[i], &bytes) }
      first += layer.parameterCount
      image = if case .convolution(let shape) = layer { shape } else { nil }
    }
    return bytes
  }

  /// Our inputs in torch's order, which has channels before rows and columns, also where an image is flattened.
  private static func torchInputs(_ layer: Layer, after image: Convolution?) -> [Int] {
    let (channels, height, width): (Int, Int, Int)
    switch (layer, image) {
    case (.convolution(let shape), _): (channels, height, width) = (shape.inputs, shape.kernel, shape.kernel)
    case (.dense, let image?): (channels, height, width) = (image.outputs, image.pooledHeight, image.pooledWidth)
    case (.dense(let inputs, _), nil): return Array(0..<inputs)
    }
    return (0..<channels).flatMap { c in
      (0..<height).flatMap { y in (0..<width).map { x in (y * width + x) * channels + c } }
    }
  }

  private static func put(_ value: Float, _ bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
  }
}
