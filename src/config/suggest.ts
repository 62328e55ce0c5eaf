/** Did you mean …: the nearest of some known words. */

/** The candidate nearest to `word`, if it contains the word or at most about a third is different; undefined when none is near. */
export function suggest(word: string, candidates: readonly string[]): string | undefined {
  const containing = word.length < 4 ? undefined : candidates.find(candidate => candidate.includes(word))
  if (containing !== undefined && containing !== word) return containing
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Insertions, deletions, replacements and swaps of neighbors between two words (optimal string alignment). Words are cut at 64. */
export function editDistance(from: string, to: string): number {
  const a = from.slice(0, 64)
  const b = to.slice(0, 64)
  const rows = [Array.from({ length: b.length + 1 }, (_, column) => column)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      row[j] = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(row[j]!, rows[i - 2]![j - 2]! + 1)
    }
    rows.push(row)
  }
  return rows[a.length]![b.length]!
}

/** Says that a word is none of the known ones, and which was meant or which there are. */
export function unknown(what: string, word: string, known: readonly string[]): string {
  const near = suggest(word, known)
  return `unknown ${what} ${JSON.stringify(word)}; ${near === undefined ? `known are ${known.join(', ') || 'none'}` : `did you mean ${JSON.stringify(near)}?`}`
}
