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

/// `grouped` by numbers that need not be close to each other: memory follows from how many indices there are, not from the largest number.
/// Groups are in the order of the numbers; some may be empty.
///
/// - Parameter owners: the number of each index, from 0 on.
func groupedByOwner(_ owners: [Int32]) -> (order: [Int32], offsets: [Int32]) {
  guard let largest = owners.max() else { return ([], [0]) }
  if Int(largest) < owners.count { return grouped(owners, groups: Int(largest) + 1) }
  let present = Set(owners).sorted()
  let numbers = Dictionary(uniqueKeysWithValues: zip(present, Int32(0)...))
  return grouped(owners.map { numbers[$0] ?? 0 }, groups: present.count)
}
