/// A stable counting sort: indices by group, group after group.
///
/// - Parameter keys: the group of each index, in 0 ..< `groups`.
/// - Returns: the order, and groups + 1 offsets into it.
func grouped(_ keys: [Int32], groups: Int) -> (order: [Int32], offsets: [Int32]) {
  var offsets = [Int32](repeating: 0, count: groups + 1)
  for key in keys { offsets[Int(key) + 1] += 1 }
  for g in 0..<groups { offsets[g + 1] += offsets[g] }
  var next = offsets
  var order = [Int32](repeating: 0, count: keys.count)
  for (i, key) in keys.enumerated() {
    order[Int(next[Int(key)])] = Int32(i)
    next[Int(key)] += 1
  }
  return (order, offsets)
}
