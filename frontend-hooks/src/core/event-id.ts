/**
 * Whether `id` comes after `other` in the feed. The texts have a fixed width, so that they compare as they are; from
 * the network's second epoch on, `.1` and so on follows, and counts before the rest.
 */
export function isAfter(id: string, other: string): boolean {
  const epoch = epochOf(id) - epochOf(other);
  return epoch === 0 ? id > other : epoch > 0;
}

function epochOf(id: string): number {
  return Number(id.split('.')[1] ?? 0);
}
