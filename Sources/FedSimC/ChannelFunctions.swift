import CFedSim
import ChannelCoding
import Numerics

// The channel of fedsim.h.

@_cdecl("fs_channel_new")
public func channelNew(
  _ settings: UnsafePointer<CChar>?, _ count: Int64, _ rotationKey: UnsafePointer<UInt8>?,
  _ out: UnsafeMutablePointer<Int64>?, _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64
) -> Int64 {
  callForObject(out, error, capacity) {
    let request = try Request(Argument.bytes(settings, count, "settings"), "settings")
    let key = try Argument.key(rotationKey, "rotation_key")
    let checked = try ChannelRequest.settings(request)
    return { ChannelObject(checked, rotationKey: key, number: $0) }
  }
}

@_cdecl("fs_channel_about")
public func channelAbout(
  _ channel: Int64, _ json: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?,
  _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64
) -> Int64 {
  callForJSON(json, error, capacity) { try Objects.shared.find(channel, "channel", as: ChannelObject.self).about }
}

/// A call on a channel: what all of them check.
private struct ChannelCall {
  let object: ChannelObject
  let channel: Channel
  let round: Int

  /// - Parameter dimension: what the caller takes the dimension for.
  init(_ number: Int64, round: Int64, dimension: Int64) throws {
    object = try Objects.shared.find(number, "channel")
    self.round = try Argument.integer(round, "round", in: Limits.round)
    guard dimension == object.settings.dimension else {
      throw Failure.invalid(
        "dimension", found: "\(dimension)", allowed: "\(object.settings.dimension), as the channel has")
    }
    channel = try object.channel(round: self.round)
  }
}

@_cdecl("fs_channel_encode")
public func channelEncode(
  _ channel: Int64, _ round: Int64, _ pairKey: UnsafePointer<UInt8>?, _ secret: UnsafePointer<UInt8>?,
  _ update: UnsafePointer<Float>?, _ dimension: Int64,
  _ out: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?, _ error: UnsafeMutablePointer<CChar>?,
  _ capacity: Int64
) -> Int64 {
  callForBytes(out, "out", error, capacity) {
    let call = try ChannelCall(channel, round: round, dimension: dimension)
    let payload = try ChannelObject.encode(
      Argument.buffer(update, Int(dimension), "update"), with: call.channel, pair: Argument.key(pairKey, "pair_key"),
      secret: secret.map { Argument.key($0) }, round: call.round)
    var bytes = OutputBytes()
    try bytes.append(payload.bytes)
    return bytes
  }
}

@_cdecl("fs_channel_decode")
public func channelDecode(
  _ channel: Int64, _ round: Int64, _ pairKey: UnsafePointer<UInt8>?, _ payload: UnsafePointer<UInt8>?,
  _ count: Int64, _ out: UnsafeMutablePointer<Double>?, _ dimension: Int64, _ error: UnsafeMutablePointer<CChar>?,
  _ capacity: Int64
) -> Int64 {
  call(error, capacity) {
    let call = try ChannelCall(channel, round: round, dimension: dimension)
    let key = try Argument.key(pairKey, "pair_key")
    let bytes = try Argument.buffer(payload, Argument.integer(count, "count", in: Limits.bytes), "payload")
    let place = try Argument.buffer(out, Int(dimension), "out")
    var sample = try call.channel.decode(
      Payload(bytes: Array(bytes)), shared: ChannelObject.shared(key, round: call.round))
    call.channel.unrotate(&sample)
    _ = place.update(fromContentsOf: sample)
    return 0
  }
}

@_cdecl("fs_channel_encode_many")
public func channelEncodeMany(
  _ channel: Int64, _ round: Int64, _ pairKeys: UnsafePointer<UInt8>?, _ secrets: UnsafePointer<UInt8>?,
  _ updates: UnsafePointer<Float>?, _ n: Int64, _ dimension: Int64, _ threads: Int64,
  _ ends: UnsafeMutablePointer<Int64>?, _ out: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?,
  _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64
) -> Int64 {
  callForBytes(out, "out", error, capacity) {
    let call = try ChannelCall(channel, round: round, dimension: dimension)
    let n = try Argument.integer(n, "n", in: Limits.rows)
    let width = Int(dimension)
    let parallel = Parallel(threads: try Argument.integer(threads, "threads", in: Limits.threads))
    // Read by all threads, written by none.
    nonisolated(unsafe) let rows = try Argument.buffer(updates, Argument.values(rows: n, of: width), "updates")
    nonisolated(unsafe) let keys = try Argument.buffer(pairKeys, n * Key.byteCount, "pair_keys").baseAddress
    nonisolated(unsafe) let secrets = secrets
    let places = try Argument.buffer(ends, n, "ends")
    let number = call.object.number
    fedsim_stop_enter(number)
    defer { fedsim_stop_leave(number) }
    let (channel, round) = (call.channel, call.round)
    var bytes = OutputBytes()
    var first = 0
    while first < n {
      let start = first
      // Of the rows of a batch there are the payloads twice for a moment.
      let batch = min(n - start, max(parallel.threads, min(1 << 12, (1 << 22) / width), 1))
      let payloads = parallel.map(batch) { i -> Result<Payload, Failure> in
        let row = start + i
        guard let keys else { return .failure(.invalid("pair_keys", found: "NULL", allowed: "an array")) }
        if isStopped(number) { return .failure(.stopped) }
        do throws(Failure) {
          return .success(
            try ChannelObject.encode(
              UnsafeBufferPointer(rebasing: rows[(row * width)..<((row + 1) * width)]), with: channel,
              pair: Argument.key(keys, row), secret: secrets.map { Argument.key($0, row) }, round: round))
        } catch {
          return .failure(Failure(code: error.code, reason: "row \(row): \(error.reason)"))
        }
      }
      if isStopped(number) { throw Failure.stopped }
      for payload in payloads {
        try bytes.append(try payload.get().bytes)
        places[first] = Int64(bytes.count)
        first += 1
      }
    }
    return bytes
  }
}

/// What one thread adds up.
private final class PartialSum {
  var sum: ExactSum

  init(_ sum: ExactSum) { self.sum = sum }
}

@_cdecl("fs_channel_sum")
public func channelSum(
  _ channel: Int64, _ round: Int64, _ pairKeys: UnsafePointer<UInt8>?, _ payloads: UnsafePointer<UInt8>?,
  _ ends: UnsafePointer<Int64>?, _ n: Int64, _ terms: Int64, _ threads: Int64, _ out: UnsafeMutablePointer<Double>?,
  _ dimension: Int64, _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64
) -> Int64 {
  call(error, capacity) {
    let call = try ChannelCall(channel, round: round, dimension: dimension)
    let n = try Argument.integer(n, "n", in: Limits.rows)
    let terms = try Argument.integer(terms, "terms", in: Int64(max(n, 1))...Int64(Limits.terms))
    let parallel = Parallel(threads: try Argument.integer(threads, "threads", in: Limits.threads))
    // Read by all threads, written by none.
    nonisolated(unsafe) let keys = try Argument.buffer(pairKeys, n * Key.byteCount, "pair_keys").baseAddress
    nonisolated(unsafe) let ends = try rising(ends, n)
    nonisolated(unsafe) let bytes = try Argument.buffer(payloads, Int(ends.last ?? 0), "payloads")
    let place = try Argument.buffer(out, Int(dimension), "out")
    let number = call.object.number
    fedsim_stop_enter(number)
    defer { fedsim_stop_leave(number) }
    let (channel, round) = (call.channel, call.round)
    let empty = ExactSum(count: channel.paddedDimension, grid: channel.settings.sumGrid(terms: terms))
    var sum = empty
    var first = 0
    while first < n {
      let start = first
      let (results, workers) = parallel.mapWithWorkers(
        min(n - start, 1 << 16), worker: { PartialSum(empty) },
        body: { part, i -> PayloadError? in
          guard let keys, !isStopped(number) else { return nil }
          let row = start + i
          let payload = Payload(bytes: Array(bytes[(row == 0 ? 0 : Int(ends[row - 1]))..<Int(ends[row])]))
          do throws(PayloadError) {
            let shared = ChannelObject.shared(Argument.key(keys, row), round: round)
            try channel.decodeSample(payload, shared: shared).add(to: &part.sum)
            return nil
          } catch {
            return error
          }
        })
      if isStopped(number) { throw Failure.stopped }
      for (i, problem) in results.enumerated() {
        if let problem { throw Failure.payload("payload \(start + i): \(problem.text)") }
      }
      for worker in workers { sum.add(worker.sum) }
      first += results.count
    }
    var values = sum.values
    channel.unrotate(&values)
    _ = place.update(fromContentsOf: values)
    return 0
  }
}

/// Where payloads end: from 0 on, none before the one in front of it.
private func rising(_ ends: UnsafePointer<Int64>?, _ n: Int) throws(Failure) -> UnsafeBufferPointer<Int64> {
  let ends = try Argument.buffer(ends, n, "ends")
  var last: Int64 = 0
  for (i, end) in ends.enumerated() {
    guard (last...Limits.bytes.upperBound).contains(end) else {
      throw .invalid(
        "ends: index \(i)", found: "\(end)", allowed: "an integer from \(last) to \(Limits.bytes.upperBound)")
    }
    last = end
  }
  return ends
}

@_cdecl("fs_channel_complete")
public func channelComplete(
  _ channel: Int64, _ round: Int64, _ key: UnsafePointer<UInt8>?, _ arrived: Int64, _ target: Double,
  _ sum: UnsafeMutablePointer<Double>?, _ dimension: Int64, _ error: UnsafeMutablePointer<CChar>?, _ capacity: Int64
) -> Int64 {
  call(error, capacity) {
    let object: ChannelObject = try Objects.shared.find(channel, "channel")
    let round = try Argument.integer(round, "round", in: Limits.round)
    guard dimension == object.settings.dimension else {
      throw Failure.invalid(
        "dimension", found: "\(dimension)", allowed: "\(object.settings.dimension), as the channel has")
    }
    let arrived = try Argument.integer(arrived, "arrived", in: 0...Int64(Limits.terms))
    guard target == 0 || Limits.noise.contains(target) else {
      throw Failure.invalid("target", found: "\(target)", allowed: "0, or a number from 1e-30 to 1e30")
    }
    let sigma = object.settings.noiseScale
    guard object.settings.descriptor?.isExact == true, object.settings.clippingNorm.isFinite else {
      throw Failure.refused(
        "the noise of a sum is Gaussian and its sensitivity known only with an exact codec and a clipping norm; found codec \""
          + "\(object.settings.codec)\"" + (object.settings.clippingNorm.isFinite ? "" : " without a clipping norm"))
    }
    // In units of the target nothing overflows.
    let share = target > 0 ? sigma / target : 0
    let rest = target > 0 ? 1 - Double(arrived) * share * share : 0
    guard target > 0 ? rest >= -1e-12 : sigma == 0 || arrived == 0 else {
      throw Failure.refused(
        "\(arrived) payloads bring noise of \(sigma * Double(arrived).squareRoot()), which is more than the target of \(target): "
          + "no more may arrive than target^2 / sigma^2")
    }
    let values = try Argument.buffer(sum, Int(dimension), "sum")
    if let bad = values.firstIndex(where: { !$0.isFinite }) {
      throw Failure.invalid("sum: coordinate \(bad)", found: "\(values[bad])", allowed: "finite numbers")
    }
    guard rest > 0 else { return 0 }
    let root = key.map { Argument.key($0).derived(.completion, index: UInt64(round)) }
    var random = root.map { PrivateRandomness(key: $0) } ?? .fromSystem()
    random.stream.addNormals(scale: target * rest.squareRoot(), to: values, Parallel(threads: 1))
    return 0
  }
}
