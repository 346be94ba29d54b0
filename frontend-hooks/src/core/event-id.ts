/**
 * Whether `id` is after `other`. An id starts with the id of an event, which has a fixed width, so ids sort as text in
 * the order of the feed. If needed, `.` and the network's epoch follow, then `.` and the last revision sent. The epoch
 * is compared first, the revision last.
 */
export function isAfter(id: string, other: string): boolean {
  const [event = '', epoch, revision] = id.split('.');
  const [otherEvent = '', otherEpoch, otherRevision] = other.split('.');
  const epochs = numberOf(epoch) - numberOf(otherEpoch);
  if (epochs !== 0) return epochs > 0;
  if (event !== otherEvent) return event > otherEvent;
  return numberOf(revision) > numberOf(otherRevision);
}

/** A missing number is 0. */
function numberOf(part: string | undefined): number {
  return Number(part ?? 0);
}
