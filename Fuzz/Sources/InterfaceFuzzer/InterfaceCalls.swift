import CFedSim

/// Calls of the C interface that nobody makes: sequences of valid, boundary and hostile arguments on live and dead objects.
///
/// A seed says all of them, so what was found can be made again. Whatever is called, the process must go on: each call is counted by its
/// function and what it answered. Addresses are always those of memory that is large enough for what is said of it, or NULL: what else
/// they may be is the caller's fault (fedsim.h).
struct InterfaceCalls {
  /// What a function answered, how often.
  struct Count {
    var success = 0
    /// By FS_* number, from -1 on.
    var failures: [Int64: Int] = [:]
  }

  private(set) var counts: [String: Count] = [:]
  private(set) var calls = 0
  /// What an answer must not be: "function: what is wrong".
  private(set) var faults: [String] = []
  /// Whether each call is shown before it is made, to see the last one.
  var isTraced = false
  private var random: SmallRandom
  private var live: [Kind: [fs_handle]] = [:]
  private var dead: [fs_handle] = [0]
  private var widths: [fs_handle: Int] = [:]
  private var cohorts: [fs_handle: [Int64]] = [:]
  private var payloads: [[UInt8]] = [[]]
  private var states: [[UInt8]] = [[]]
  private let floats: UnsafeMutablePointer<Float>
  private let doubles: UnsafeMutablePointer<Double>
  private let bytes: UnsafeMutablePointer<UInt8>
  private let integers: UnsafeMutablePointer<Int64>

  enum Kind: CaseIterable { case channel, data, run, federation }

  /// Elements of each array.
  static let room = 1 << 14
  private static let mostObjects = 12

  init(seed: UInt64) {
    random = SmallRandom(state: seed)
    floats = .allocate(capacity: Self.room)
    doubles = .allocate(capacity: Self.room)
    bytes = .allocate(capacity: Self.room)
    integers = .allocate(capacity: Self.room)
    floats.initialize(repeating: 0, count: Self.room)
    doubles.initialize(repeating: 0, count: Self.room)
    bytes.initialize(repeating: 0, count: Self.room)
    integers.initialize(repeating: 0, count: Self.room)
  }

  /// Gives all memory and all objects back.
  mutating func end() {
    for kind in Kind.allCases { for object in live[kind] ?? [] { fs_release(object) } }
    live = [:]
    floats.deallocate()
    doubles.deallocate()
    bytes.deallocate()
    integers.deallocate()
  }

  /// Makes one call.
  mutating func step() {
    // Runs and accounts take a thousand times as long as the rest.
    switch random.below(10_000) {
    case ..<1500: encode()
    case ..<3500: decode()
    case ..<4000: encodeMany()
    case ..<5000: sum()
    case ..<5500: complete()
    case ..<5560: newChannel()
    case ..<5563: aboutChannel()
    case ..<6100: keys()
    case ..<6700: releaseOrStop()
    case ..<6720: library()
    case ..<6996: newData()
    case ..<7000: account()
    case ..<7004: newRun()
    case ..<7120: nextRun()
    case ..<7320: otherRun()
    case ..<7360: newFederation()
    case ..<8000: openFederation()
    case ..<8900: sendFederation()
    case ..<9500: closeFederation()
    default: otherFederation()
    }
  }

  // MARK: Channel

  private mutating func newChannel() {
    let dimension = random.pick([1, 2, 3, 8, 17, 64])
    let text = random.mutated(
      Texts.channels[random.below(Texts.channels.count)].replacing("DIM", with: "\(dimension)"))
    var out: fs_handle = 77
    let key = pointer(bytes, 0.98)
    let result = made("fs_channel_new", "\(text.count)") { me, error, capacity in
      me.withText(text) { fs_channel_new($0, $1, key, &out, error, capacity) }
    }
    keep(out, .channel, result, "fs_channel_new")
    // It computes bounds, which takes longer than all else of a channel.
    if result == 0 { widths[out] = random.chance(0.03) ? about(out)["dimension"] : dimension }
  }

  private mutating func aboutChannel() {
    let object = handle(.channel)
    handed("fs_channel_about", "\(object)") { fs_channel_about(object, $0, $1, $2) }
  }

  /// The coordinates of a channel, or another number.
  private mutating func width(_ object: fs_handle) -> Int64 {
    let width = widths[object] ?? 3
    return random.chance(0.95) && width <= 64 ? Int64(width) : random.hostile(allowed: Int64(width))
  }

  private mutating func encode() {
    let (object, round) = (handle(.channel), random.round())
    let width = width(object)
    fillFloats(64)
    let (key, secret) = (pointer(bytes, 0.98), pointer(bytes, 0.5))
    let update = pointer(floats, 0.98)
    if let payload = handed(
      "fs_channel_encode", "\(object) \(round) \(width)",
      { fs_channel_encode(object, round, key, secret, update, width, $0, $1, $2) })
    {
      remember(payload)
    }
  }

  private mutating func decode() {
    let (object, round) = (handle(.channel), random.round())
    let width = width(object)
    let count = fillPayload()
    let (key, payload, out) = (pointer(bytes, 0.98), pointer(bytes + 4096, 0.97), pointer(doubles, 0.98))
    let said = random.chance(0.97) ? Int64(count) : random.pick([-1, .min, .max, 1 << 40 + 1] as [Int64])
    made("fs_channel_decode", "\(object) \(round) \(said) \(width)") { _, error, capacity in
      fs_channel_decode(object, round, key, payload, said, out, width, error, capacity)
    }
  }

  private mutating func encodeMany() {
    let (object, round) = (handle(.channel), random.round())
    let width = width(object)
    let n = random.rows()
    fillFloats(1024)
    let (keys, secrets) = (pointer(bytes, 0.98), pointer(bytes, 0.5))
    let (updates, ends, threads) = (pointer(floats, 0.98), pointer(integers, 0.98), random.threads())
    let payload = handed("fs_channel_encode_many", "\(object) \(round) \(n) \(width) \(threads)") {
      fs_channel_encode_many(object, round, keys, secrets, updates, n, width, threads, ends, $0, $1, $2)
    }
    if let payload { remember(payload) }
  }

  private mutating func sum() {
    let (object, round) = (handle(.channel), random.round())
    let width = width(object)
    let n = random.rows()
    let count = fillPayload()
    var end: Int64 = 0
    for i in 0..<16 {
      end = random.chance(0.9) ? min(end + Int64(random.below(40)), Int64(count)) : end
      integers[i] = random.chance(0.995) ? end : random.pick([-1, .min, .max, 1 << 40 + 1, end - 1] as [Int64])
    }
    let terms = random.chance(0.9) ? max(n, 1) : random.pick([0, -1, n, 1 << 40, 1 << 40 + 1, .max, .min] as [Int64])
    let (keys, payloads) = (pointer(bytes, 0.98), pointer(bytes + 4096, 0.97))
    let (ends, out, threads) = (pointer(integers, 0.98), pointer(doubles, 0.98), random.threads())
    made("fs_channel_sum", "\(object) \(round) \(n) \(terms) \(threads) \(width)") { _, error, capacity in
      fs_channel_sum(object, round, keys, payloads, ends, n, terms, threads, out, width, error, capacity)
    }
  }

  private mutating func complete() {
    let (object, round) = (handle(.channel), random.round())
    let width = width(object)
    for i in 0..<64 { doubles[i] = random.chance(0.999) ? Double(i) : random.number() }
    let arrived = random.chance(0.8) ? Int64(random.below(30)) : random.hostile(allowed: 3)
    let target = random.chance(0.7) ? 5 * Double(random.below(100)) : random.number()
    let (key, sum) = (pointer(bytes, 0.6), pointer(doubles, 0.98))
    made("fs_channel_complete", "\(object) \(round) \(arrived) \(target) \(width)") { _, error, capacity in
      fs_channel_complete(object, round, key, arrived, target, sum, width, error, capacity)
    }
  }

  // MARK: Library

  private mutating func keys() {
    let (a, b, c) = (pointer(bytes, 0.95), pointer(bytes + 64, 0.95), pointer(bytes + 128, 0.95))
    if random.chance(0.3) { for i in 0..<256 { bytes[i] = UInt8(truncatingIfNeeded: random.word()) } }
    switch random.below(4) {
    case 0: made("fs_random_key", "") { fs_random_key(c, $1, $2) }
    case 1: made("fs_public_key", "") { fs_public_key(a, c, $1, $2) }
    case 2:
      let side = Int32(truncatingIfNeeded: random.hostile(allowed: 1))
      made("fs_session", "\(side)") { fs_session(a, b, side, c, $1, $2) }
    default:
      var parts: [UnsafePointer<UInt8>?] = []
      for i in 0..<8 {
        parts.append(pointer(bytes + 64 * i, 0.95).map { UnsafePointer($0) })
        integers[i] =
          random.chance(0.95) ? Int64(random.below(64)) : random.pick([0, -1, .min, .max, 1 << 40 + 1] as [Int64])
      }
      let n = random.chance(0.9) ? Int64(random.below(9)) : random.pick([-1, .min, .max, 1 << 28 + 1] as [Int64])
      let (counts, seed) = (pointer(integers, 0.97), random.word())
      made("fs_run_key", "\(n)") { fs_run_key(seed, parts, counts, n, c, $1, $2) }
    }
  }

  private mutating func releaseOrStop() {
    let kind = Kind.allCases[random.below(4)]
    let object = random.chance(0.5) ? handle(kind) : random.pick(dead + [-1, .max, .min])
    if random.chance(0.5) {
      count("fs_stop", "\(object)", 0)
      fs_stop(object)
    } else if random.chance(0.3) || live[kind]?.contains(object) != true {
      count("fs_release", "\(object)", 0)
      fs_release(object)
      forget(object)
    }
  }

  private mutating func library() {
    handed("fs_about", "") { fs_about($0, $1, $2) }
    count("fs_abi", "", Int64(fs_abi()))
    fs_free(nil)
  }

  private mutating func account() {
    let (name, function, texts) = Texts.questions[random.below(Texts.questions.count)]
    let text = random.mutated(texts[random.below(texts.count)])
    handed(name, String(decoding: text, as: UTF8.self)) { out, error, capacity in
      Self.with(text) { function($0, $1, out, error, capacity) }
    }
  }

  // MARK: Data and runs

  private mutating func newData() {
    fillFloats(400)
    let labels = (0..<40).map { _ in Int32(random.chance(0.999) ? random.below(3) : random.below(5) - 2) }
    let owners = (0..<40).map { Int32(random.chance(0.999) ? $0 % 8 : $0 - 3) }
    let examples: Int64 = random.chance(0.9) ? 40 : random.pick([0, -1, .min, .max, 1 << 31] as [Int64])
    let width =
      random.chance(0.9) ? Int64(random.pick([1, 4, 10])) : random.pick([0, -1, .min, .max, 1 << 27 + 1] as [Int64])
    let classes =
      random.chance(0.8)
      ? random.pick([0, 3, 4] as [Int64]) : random.pick([1, 2, -1, .min, .max, 1_000_001] as [Int64])
    for i in 0..<3 {
      integers[i] = random.chance(0.5) ? Int64(random.pick([1, 2, 5, 10])) : random.hostile(allowed: 1)
    }
    let (features, image) = (pointer(floats, 0.98), pointer(integers, 0.05))
    let (hasLabels, hasTargets, hasOwners) = (random.chance(0.8), random.chance(0.25), random.chance(0.7))
    var out: fs_handle = 77
    let floats = floats
    let result = made("fs_data_new", "\(examples) \(width) \(classes)") { _, error, capacity in
      labels.withUnsafeBufferPointer { labels in
        owners.withUnsafeBufferPointer { owners in
          fs_data_new(
            features, examples, width, hasLabels ? labels.baseAddress : nil,
            hasTargets ? UnsafePointer(floats) : nil, hasOwners ? owners.baseAddress : nil, classes, image, &out, error,
            capacity)
        }
      }
    }
    keep(out, .data, result, "fs_data_new")
  }

  private mutating func newRun() {
    let scenario = random.mutated(Texts.runs[random.below(Texts.runs.count)])
    let options = random.mutated(Texts.options[random.below(Texts.options.count)])
    let training = random.chance(0.6) ? 0 : handle(.data)
    let test = random.chance(0.8) ? (random.chance(0.5) ? training : 0) : handle(.data)
    var out: fs_handle = 77
    let result = made("fs_run_new", String(decoding: scenario + options, as: UTF8.self)) { _, error, capacity in
      Self.with(scenario) { text, count in
        Self.with(options) { fs_run_new(text, count, $0, $1, training, test, &out, error, capacity) }
      }
    }
    keep(out, .run, result, "fs_run_new")
  }

  private mutating func nextRun() {
    let object = handle(.run)
    handed("fs_run_next", "\(object)") { fs_run_next(object, $0, $1, $2) }
  }

  private mutating func otherRun() {
    let object = handle(.run)
    switch random.below(6) {
    case 0: handed("fs_run_about", "\(object)") { fs_run_about(object, $0, $1, $2) }
    case 1: handed("fs_run_finish", "\(object)") { fs_run_finish(object, $0, $1, $2) }
    case 2:
      let out = pointer(doubles, 0.9)
      made("fs_run_progress", "\(object)") { _, _, _ in fs_run_progress(object, out) }
    case 3: parameters("fs_run_parameters", object, fs_run_parameters)
    case 4:
      let count = parameterCount(object, fs_run_parameters)
      fillFloats(256)
      let width = random.chance(0.9) && count <= 256 ? count : random.hostile(allowed: count)
      let (round, client) = (random.chance(0.8) ? 1 : random.hostile(allowed: 1), random.hostile(allowed: 2))
      let (model, out) = (pointer(floats, 0.97), pointer(floats + 4096, 0.97))
      made("fs_run_update", "\(object) \(round) \(client) \(width)") { _, error, capacity in
        fs_run_update(object, round, client, model, width, out, error, capacity)
      }
    default:
      var out: fs_handle = 77
      let result = made("fs_federation_of", "\(object)") { fs_federation_of(object, &out, $1, $2) }
      keep(out, .federation, result, "fs_federation_of")
    }
  }

  // MARK: Federations

  private mutating func newFederation() {
    let scenario = random.mutated(Texts.federations[random.below(Texts.federations.count)])
    let options = random.mutated(Texts.federationOptions[random.below(Texts.federationOptions.count)])
    for i in 0..<10 { floats[i] = random.chance(0.999) ? 0.1 * Float(i) : Float(random.number()) }
    let width: Int64 = random.chance(0.95) ? 10 : random.pick([9, 0, -1, .min, .max, 1 << 27 + 1] as [Int64])
    let (start, key) = (pointer(floats, 0.98), pointer(bytes, 0.5))
    let count: Int64 =
      random.chance(0.9) ? (key == nil ? 0 : 32) : random.pick([16, 15, 0, -1, .min, .max, 0x10001] as [Int64])
    var out: fs_handle = 77
    let result = made("fs_federation_new", String(decoding: scenario + options, as: UTF8.self)) { _, error, capacity in
      Self.with(scenario) { text, size in
        Self.with(options) {
          fs_federation_new(text, size, $0, $1, start, width, key, count, &out, error, capacity)
        }
      }
    }
    keep(out, .federation, result, "fs_federation_new")
  }

  private mutating func openFederation() {
    let object = handle(.federation)
    let round = handed("fs_federation_open", "\(object)") { fs_federation_open(object, $0, $1, $2) }
    guard let round else { return }
    cohorts[object] = Self.cohort(round)
  }

  private mutating func sendFederation() {
    let object = handle(.federation)
    let count = parameterCount(object, fs_federation_parameters)
    fillFloats(1024)
    let cohort = cohorts[object] ?? []
    for i in 0..<16 {
      integers[i] =
        random.chance(0.97) && !cohort.isEmpty ? cohort[random.below(cohort.count)] : random.hostile(allowed: 3)
      integers[i + 64] = random.chance(0.99) ? Int64(random.below(100)) : random.hostile(allowed: 3)
    }
    let n = random.chance(0.9) ? Int64(random.below(4)) : random.rows()
    let width = random.chance(0.97) && count <= 64 ? count : random.hostile(allowed: count)
    let (clients, updates) = (pointer(integers, 0.98), pointer(floats, 0.98))
    let examples = pointer(integers + 64, 0.3)
    made("fs_federation_send", "\(object) \(n) \(width)") { _, error, capacity in
      fs_federation_send(object, clients, updates, examples, n, width, error, capacity)
    }
  }

  private mutating func closeFederation() {
    let object = handle(.federation)
    if random.chance(0.5) {
      made("fs_federation_step", "\(object)") { _, error, capacity in fs_federation_step(object, error, capacity) }
    }
    let text = random.mutated(Texts.evaluations[random.below(Texts.evaluations.count)])
    handed("fs_federation_close", "\(object)") { out, error, capacity in
      Self.with(text) { fs_federation_close(object, $0, $1, out, error, capacity) }
    }
  }

  private mutating func otherFederation() {
    let object = handle(.federation)
    switch random.below(7) {
    case 0: handed("fs_federation_about", "\(object)") { fs_federation_about(object, $0, $1, $2) }
    case 1: handed("fs_federation_finish", "\(object)") { fs_federation_finish(object, $0, $1, $2) }
    case 2:
      made("fs_federation_step", "\(object)") { _, error, capacity in fs_federation_step(object, error, capacity) }
    case 3: handed("fs_federation_ledger", "\(object)") { fs_federation_ledger(object, $0, $1, $2) }
    case 4: parameters("fs_federation_parameters", object, fs_federation_parameters)
    case 5:
      if let state = handed("fs_federation_state", "\(object)", { fs_federation_state(object, $0, $1, $2) }) {
        states[random.below(max(states.count, 1))] = state
        if states.count < 8 { states.append(state) }
      }
    default:
      var state = states[random.below(states.count)]
      for _ in 0..<random.pick([0, 0, 1, 3]) where !state.isEmpty {
        state[random.below(state.count)] ^= UInt8(1 << random.below(8))
      }
      if random.chance(0.2) { state = Array(state.prefix(random.below(state.count + 1))) }
      let said = random.chance(0.97) ? Int64(state.count) : random.pick([-1, .min, .max, 1 << 40 + 1] as [Int64])
      made("fs_federation_restore", "\(object) \(said)") { _, error, capacity in
        state.withUnsafeBufferPointer { fs_federation_restore(object, $0.baseAddress, said, error, capacity) }
      }
    }
  }

  // MARK: Objects and memory

  private typealias Parameters = (
    fs_handle, UnsafeMutablePointer<Float>?, Int64, UnsafeMutablePointer<CChar>?, Int64
  ) -> Int64

  private func parameterCount(_ object: fs_handle, _ function: Parameters) -> Int64 {
    max(function(object, nil, 0, nil, 0), 1)
  }

  private mutating func parameters(_ name: String, _ object: fs_handle, _ function: Parameters) {
    let count = parameterCount(object, function)
    let width = random.chance(0.8) && count <= 4096 ? count : random.hostile(allowed: count)
    let out = count <= 4096 ? pointer(floats, 0.9) : nil
    made(name, "\(object) \(width)") { _, error, capacity in function(object, out, width, error, capacity) }
  }

  /// A live object of the kind, or anything else.
  private mutating func handle(_ kind: Kind) -> fs_handle {
    if random.chance(0.97), let objects = live[kind], !objects.isEmpty { return objects[random.below(objects.count)] }
    if random.chance(0.5) { return dead[random.below(dead.count)] }
    let other = live[Kind.allCases[random.below(4)]] ?? []
    return other.isEmpty || random.chance(0.3)
      ? random.pick([0, -1, .min, .max, 1 << 32] as [Int64]) : other[random.below(other.count)]
  }

  private mutating func keep(_ object: fs_handle, _ kind: Kind, _ result: Int64, _ name: String) {
    guard result == 0 else {
      if object != 0 { faults.append("\(name): failed, and left \(object)") }
      return
    }
    if object <= 0 || dead.contains(object) { faults.append("\(name): gave \(object)") }
    live[kind, default: []].append(object)
    guard live[kind, default: []].count > Self.mostObjects else { return }
    let old = live[kind, default: []][random.below(Self.mostObjects)]
    fs_release(old)
    forget(old)
  }

  private mutating func forget(_ object: fs_handle) {
    for kind in Kind.allCases { live[kind]?.removeAll { $0 == object } }
    (widths[object], cohorts[object]) = (nil, nil)
    if dead.count < 64 { dead.append(object) } else { dead[random.below(64)] = object }
  }

  private mutating func remember(_ payload: [UInt8]) {
    let kept = Array(payload.prefix(2048))
    if payloads.count < 32 { payloads.append(kept) } else { payloads[random.below(32)] = kept }
  }

  private mutating func pointer<T>(_ pointer: UnsafeMutablePointer<T>, _ share: Double) -> UnsafeMutablePointer<T>? {
    random.chance(share) ? pointer : nil
  }

  private mutating func fillFloats(_ count: Int) {
    let scale = random.chance(0.9) ? Float(1) : Float(random.number())
    for i in 0..<count { floats[i] = (Float(random.below(2001)) / 1000 - 1) * scale }
    if random.chance(0.02) { floats[random.below(count)] = Float(random.number()) }
  }

  /// Bytes that were sent, changed a little or not, or any.
  ///
  /// - Returns: how many there are, from 4096 on.
  private mutating func fillPayload() -> Int {
    var payload = payloads[random.below(payloads.count)]
    if random.chance(0.3) { payload = (0..<random.below(300)).map { _ in UInt8(truncatingIfNeeded: random.word()) } }
    for _ in 0..<random.pick([0, 0, 1, 4]) where !payload.isEmpty {
      payload[random.below(payload.count)] ^= UInt8(1 << random.below(8))
    }
    if random.chance(0.1) { payload.removeLast(random.below(payload.count + 1)) }
    if random.chance(0.1) { payload.append(UInt8(truncatingIfNeeded: random.word())) }
    for (i, byte) in payload.enumerated() { bytes[4096 + i] = byte }
    return payload.count
  }

  // MARK: Calls

  private mutating func count(_ name: String, _ arguments: String, _ result: Int64) {
    calls += 1
    if result >= 0 {
      counts[name, default: Count()].success += 1
    } else {
      counts[name, default: Count()].failures[result, default: 0] += 1
      if result < Int64(FS_STOPPED) { faults.append("\(name)(\(arguments)): answered \(result)") }
    }
  }

  /// A call with room for a reason, or little, or none.
  @discardableResult
  private mutating func made(
    _ name: String, _ arguments: String,
    _ body: (inout InterfaceCalls, UnsafeMutablePointer<CChar>?, Int64) -> Int64
  ) -> Int64 {
    if isTraced { print(calls, name, arguments) }
    let room = random.pick([2048, 2048, 64, 3, 1, 0])
    let said = room == 0 ? random.pick([0, -1, .min] as [Int64]) : Int64(room)
    var error = [CChar](repeating: 0x55, count: room + 1)
    let result = error.withUnsafeMutableBufferPointer { body(&self, room == 0 ? nil : $0.baseAddress, said) }
    if error[room] != 0x55 { faults.append("\(name)(\(arguments)): wrote behind its room") }
    if result < 0, room > 0, name != "fs_run_progress" {
      let reason = error.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      let isText = reason.count < room && String(validating: reason, as: UTF8.self) != nil
      if !isText || room > 3 && reason.isEmpty { faults.append("\(name)(\(arguments)): \(result) without a reason") }
    }
    count(name, arguments, result)
    return result
  }

  /// A call that hands bytes out, which are freed.
  @discardableResult
  private mutating func handed(
    _ name: String, _ arguments: String,
    _ body: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?, UnsafeMutablePointer<CChar>?, Int64) -> Int64
  ) -> [UInt8]? {
    var out: UnsafeMutablePointer<UInt8>? = UnsafeMutablePointer(bitPattern: 8)
    let isAsked = random.chance(0.99)
    let result = made(name, arguments) { _, error, capacity in
      isAsked ? body(&out, error, capacity) : body(nil, error, capacity)
    }
    guard isAsked else {
      if result >= 0 { faults.append("\(name)(\(arguments)): handed bytes to nobody") }
      return nil
    }
    guard result >= 0, let out else {
      if result >= 0 || out != nil { faults.append("\(name)(\(arguments)): \(result) with other bytes") }
      return nil
    }
    defer { fs_free(out) }
    if out[Int(result)] != 0 { faults.append("\(name)(\(arguments)): no NUL") }
    return Array(UnsafeBufferPointer(start: out, count: Int(result)))
  }

  private mutating func withText(_ text: [UInt8], _ body: (UnsafePointer<CChar>?, Int64) -> Int64) -> Int64 {
    guard random.chance(0.99) else { return body(nil, random.pick([1, 0, -1, .min, .max] as [Int64])) }
    return Self.with(text, body)
  }

  private static func with(_ text: [UInt8], _ body: (UnsafePointer<CChar>?, Int64) -> Int64) -> Int64 {
    text.withUnsafeBytes { body($0.bindMemory(to: CChar.self).baseAddress, Int64(text.count)) }
  }

  // MARK: Answers

  /// The whole numbers of an answer's keys.
  private func about(_ channel: fs_handle) -> [String: Int] {
    var out: UnsafeMutablePointer<UInt8>?
    let result = fs_channel_about(channel, &out, nil, 0)
    guard result > 0, let out else { return [:] }
    defer { fs_free(out) }
    let text = String(decoding: UnsafeBufferPointer(start: out, count: Int(result)), as: UTF8.self)
    guard let range = text.firstRange(of: "\"dimension\": ") else { return [:] }
    return ["dimension": Int(text[range.upperBound...].prefix { $0.isNumber }) ?? 0]
  }

  private static func cohort(_ round: [UInt8]) -> [Int64] {
    let text = String(decoding: round, as: UTF8.self)
    guard let start = text.firstIndex(of: "["), let end = text.firstIndex(of: "]") else { return [] }
    return text[text.index(after: start)..<end].split(separator: ",").compactMap {
      Int64($0.filter { $0 != " " })
    }
  }
}

/// Texts that are right; what is called with them is changed first, most of the time not.
private enum Texts {
  typealias Question =
    @Sendable (
      UnsafePointer<CChar>?, Int64, UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?, UnsafeMutablePointer<CChar>?,
      Int64
    ) -> Int64

  static let channels =
    [
      "polar", "layered", "layered-shifted", "float32", "universal", "gprs", "pfr", "ring-toss", "fast-gprs", "mrc",
      "orc",
    ].flatMap { codec in
      [("1", "1"), ("0.01", "1"), ("30", "0.5"), ("1e-30", "1e-25"), ("1e30", "1e25")].map { norm, noise in
        #"{"codec": "\#(codec)", "dimension": DIM, "clippingNorm": \#(norm), "noiseScale": \#(noise)}"#
      }
    } + [
      #"{"codec": "float32", "dimension": DIM, "clippingNorm": null, "noiseScale": 0}"#,
      #"{"codec": "float32", "dimension": DIM, "clippingNorm": 1, "noiseScale": 0}"#,
      #"{"codec": "gprs", "dimension": DIM, "clippingNorm": 1, "noiseScale": 1, "options": {"draws": 10}}"#,
      #"{"codec": "polar", "dimension": DIM, "clippingNorm": 1, "noiseScale": 1, "options": {"effort": 2}}"#,
      #"{"codec": "layered-shifted", "dimension": DIM, "clippingNorm": 1, "noiseScale": 1, "options": {"fixedLength": true}}"#,
    ]

  static let questions: [(String, Question, [String])] = [
    (
      "fs_account", fs_account,
      [
        #"{"rounds": [{"noiseMultiplier": 1, "samplingRate": 0.01, "count": 100}], "deltas": [1e-6], "coarse": true}"#,
        #"{"rounds": [{"noiseMultiplier": 2, "count": 3}], "epsilons": [1, 0], "accountant": "gaussian"}"#,
        #"{"rounds": [{"noiseMultiplier": 2, "samplingRate": 0.1, "count": 3}], "deltas": [1e-3], "accountant": "rdp"}"#,
        #"{"ledger": {"relation": "zero-out", "delta": 1e-5, "rounds": [{"epsilon": 0.1, "delta": 1e-9, "rounds": 2}]}, "coarse": true}"#,
        #"{"rounds": [{"noiseMultiplier": 3}], "deltas": [1e-4], "relation": "replace-one", "accountant": "gaussian"}"#,
      ]
    ),
    (
      "fs_calibrate", fs_calibrate,
      [
        #"{"epsilon": 2, "delta": 1e-5, "rounds": 3, "samplingRate": 1, "sampling": "everyone", "accountant": "gaussian"}"#,
        #"{"epsilon": 2, "delta": 1e-5, "rounds": 3, "noiseMultiplier": 4, "sampling": "poisson", "accountant": "rdp"}"#,
      ]
    ),
    (
      "fs_plan", fs_plan,
      [
        #"{"parameters": 10, "clients": 100, "cohort": 10, "rounds": 2, "noiseMultiplier": 3, "codecs": ["layered"], "accountant": "rdp"}"#
      ]
    ),
    ("fs_report", fs_report, [#"{"folders": ["no-such-folder"]}"#]),
  ]

  private static let privacy = #"{"clippingNorm": 1, "noiseMultiplier": 2, "delta": 1e-5, "accountant": "rdp"}"#

  static let runs = [
    #"{"task": "classification", "rounds": 2, "data": {"source": "synthetic", "clients": 6, "features": 3, "classes": 2}, "partition": {"kind": "natural"}, "model": {"kind": "softmax-regression"}, "training": {"learningRate": 0.5}, "cohort": {"sampling": "poisson", "size": 3}, "privacy": \#(privacy)}"#,
    #"{"task": "classification", "rounds": 2, "data": {"source": "given"}, "partition": {"kind": "natural"}, "model": {"kind": "softmax-regression"}, "training": {"learningRate": 0.5}, "cohort": {"sampling": "poisson", "size": 3}, "privacy": \#(privacy)}"#,
    #"{"task": "classification", "rounds": 2, "data": {"source": "given"}, "partition": {"kind": "iid", "clients": 4}, "model": {"kind": "perceptron", "hidden": [3]}, "training": {"learningRate": 0.5}, "cohort": {"sampling": "everyone"}}"#,
    #"{"task": "regression", "rounds": 2, "data": {"source": "given"}, "partition": {"kind": "iid", "clients": 4}, "model": {"kind": "linear-regression"}, "training": {"learningRate": 0.1}, "cohort": {"sampling": "everyone"}}"#,
  ]

  static let options = [
    "", "{}", #"{"threads": 1, "set": ["rounds=1"], "name": "fuzz"}"#, #"{"threads": 2, "start": "new"}"#,
  ]

  static let federations =
    [privacy, "null"].map {
      #"{"rounds": 3, "data": {"source": "external", "clients": 9}, "model": {"kind": "external", "parameters": 10}, "cohort": {"sampling": "poisson", "size": 4}, "privacy": \#($0)}"#
    } + [
      #"{"rounds": 3, "data": {"source": "external", "clients": 9}, "model": {"kind": "external", "parameters": 10}, "cohort": {"sampling": "fixed-size", "size": 4}, "privacy": \#(privacy.replacing("rdp", with: "pld")), "channel": {"codec": "layered", "seal": true}}"#,
      #"{"rounds": 2, "data": {"source": "external", "clients": 4}, "model": {"kind": "external", "parameters": 10}, "cohort": {"sampling": "everyone"}, "privacy": \#(privacy.replacing("\"delta\"", with: "\"clippingQuantile\": 0.5, \"delta\"")), "channel": {"codec": "polar"}}"#,
      #"{"rounds": 2, "data": {"source": "external", "clients": 4}, "model": {"kind": "external", "parameters": 10}, "cohort": {"sampling": "everyone"}, "server": {"weighting": "examples", "optimizer": "fedadam"}}"#,
    ]

  static let federationOptions = [
    "", "{}", #"{"threads": 2, "tensors": [{"name": "w", "shape": [3, 3]}, {"name": "b", "shape": [1]}]}"#,
    #"{"threads": 1, "set": ["rounds=4"]}"#,
  ]

  static let evaluations = ["", "", "{}", #"{"accuracy": 0.5, "loss": 2}"#]
}

/// Random numbers that are the same everywhere: SplitMix64 (Steele, Lea & Flood 2014).
struct SmallRandom {
  var state: UInt64

  mutating func word() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }

  mutating func below(_ bound: Int) -> Int { Int(word().multipliedFullWidth(by: UInt64(max(bound, 1))).high) }

  mutating func chance(_ share: Double) -> Bool { Double(word() >> 11) * 0x1p-53 < share }

  mutating func pick<T>(_ values: [T]) -> T { values[below(values.count)] }

  /// The numbers that break things.
  mutating func hostile(allowed: Int64) -> Int64 {
    pick([
      0, 1, -1, allowed, allowed &+ 1, allowed &- 1, -allowed, .max, .min, 1 << 31, 1 << 32, 1 << 62, 1 << 40 + 1,
      Int64(truncatingIfNeeded: word()),
    ])
  }

  mutating func round() -> Int64 {
    chance(0.95) ? Int64(below(5)) : pick([1 << 62, 1 << 62 + 1, -1, .min, .max, Int64(truncatingIfNeeded: word())])
  }

  /// Few rows, or a number that no call takes.
  mutating func rows() -> Int64 {
    chance(0.95) ? Int64(below(9)) : pick([-1, .min, .max, 1 << 28 + 1, 1 << 32, 1 << 62])
  }

  mutating func threads() -> Int64 { chance(0.95) ? pick([1, 1, 2, 3]) : pick([0, -1, 1025, .min, .max, 1024]) }

  mutating func number() -> Double {
    pick([
      0, -0.0, 1, -1, 1e-300, 1e300, 1e-30, 1e30, .leastNonzeroMagnitude, .nan, .infinity, -.infinity,
      .greatestFiniteMagnitude,
      Double(bitPattern: word()),
    ])
  }

  /// The text, most of the time; otherwise with other numbers, words or bytes in it.
  mutating func mutated(_ text: String) -> [UInt8] {
    var bytes = Array(text.utf8)
    guard !chance(0.6) else { return bytes }
    for _ in 0...below(2) {
      let values = [
        "-1", "0", "0.5", "1e300", "-1e300", "1e-300", "9223372036854775807", "-9223372036854775808", "1e400", "null",
        "true", "\"\"", "\"x\"", "[]", "{}", "[[1]]", "\"\\ud800\"", "1e", "--1", "\"\u{0}\"",
      ]
      switch below(6) {
      case 0, 1, 2:
        // What stands behind a colon, up to where it ends.
        let colons = bytes.indices.filter { bytes[$0] == UInt8(ascii: ":") }
        guard !colons.isEmpty else { continue }
        let start = pick(colons) + 1
        let ends = Array(",}]".utf8)
        let end = bytes[start...].firstIndex { ends.contains($0) } ?? bytes.count
        bytes.replaceSubrange(start..<end, with: Array(pick(values).utf8))
      case 3 where !bytes.isEmpty: bytes[below(bytes.count)] = UInt8(truncatingIfNeeded: word())
      case 4 where !bytes.isEmpty: bytes.removeSubrange(below(bytes.count)..<bytes.count)
      case 5 where !bytes.isEmpty:
        let range = below(bytes.count)..<bytes.count
        let part = range.lowerBound..<min(range.lowerBound + below(20), bytes.count)
        if chance(0.5) {
          bytes.removeSubrange(part)
        } else {
          bytes.insert(contentsOf: bytes[part], at: part.lowerBound)
        }
      default: bytes += Array(pick(values).utf8)
      }
    }
    return bytes
  }
}
