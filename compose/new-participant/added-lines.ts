/** The lines that were added to a file, by the longest common subsequence of lines. */
export const addedLines = (before: string, after: string): ReadonlyArray<string> => {
  const [old, now] = [before.split("\n"), after.split("\n")]
  // How many lines the rests after each pair of lines have in common.
  const common = Array.from({ length: old.length + 1 }, () => new Uint32Array(now.length + 1))
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      common[i]![j] = old[i] === now[j]
        ? common[i + 1]![j + 1]! + 1
        : Math.max(common[i + 1]![j]!, common[i]![j + 1]!)
    }
  }
  const added: Array<string> = []
  for (let i = 0, j = 0; j < now.length;) {
    if (i < old.length && old[i] === now[j]) [i, j] = [i + 1, j + 1]
    else if (i < old.length && common[i + 1]![j]! >= common[i]![j + 1]!) i++
    else added.push(now[j++]!)
  }
  return added
}
