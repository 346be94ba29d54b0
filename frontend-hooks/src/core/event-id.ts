/**
 * Whether `id` says more than `other`. An id is that of an event, which has a fixed width so that its text sorts in the
 * order of the feed, followed where needed by `.` and the network's epoch, and by `.` and the last revision that was
 * told. The epoch counts first, the revision last.
 */
export function isAfter(id: string, other: string): boolean {
  const [event = '', epoch, revision] = id.split('.');
  const [otherEvent = '', otherEpoch, otherRevision] = other.split('.');
  const epochs = numberOf(epoch) - numberOf(otherEpoch);
  if (epochs !== 0) return epochs > 0;
  if (event !== otherEvent) return event > otherEvent;
  return numberOf(revision) > numberOf(otherRevision);
}

/** A number that is left out is 0. */
function numberOf(part: string | undefined): number {
  return Number(part ?? 0);
}
