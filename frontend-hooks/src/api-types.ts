// The shapes of the service's answers that this package reads, by the names that it gives them.
import type { components } from './api';

type Schemas = components['schemas'];

/** What kind of event. */
export type EventType = Schemas['EventType'];

/** An event of the feed: what every event has, then the event's own fields, which its `type` tells. */
export type StreamEvent = Schemas['Event'];

/** What people call a stream's state. */
export type StreamStatus = Schemas['StreamStatus'];

/** A stream at the time of a ledger, `calculatedAt`. Amounts are decimal texts, times Unix seconds. */
export type StreamRecord = Schemas['Stream'];

/** An event as a list gives it. */
export type EventRow = Schemas['EventRow'];

/** A stream and its latest events, newest first. */
export type StreamDetail = Schemas['StreamWithEvents'];

/** A page of streams. */
export type StreamList = Schemas['StreamList'];

/**
 * Why a client must fetch anew: what it had cannot be continued from. All reasons are the service's but `behind`, which
 * a tab says that could not keep up with the one that has the connection.
 */
export type Reset = Omit<Schemas['ResetNotice'], 'reason'> & { reason: Schemas['ResetReason'] | 'behind' };

/** Late rows: events in this range were added, or their streams were folded again. */
export type Revised = Schemas['RevisedNotice'];

/** A ticket for one connection, and until when it is good, in Unix seconds. */
export type Ticket = Schemas['Ticket'];

/** How far the index is, and what speaks against relying on it. */
export type IndexStatus = Schemas['Status'];

/** A refusal, as RFC 9457 has it. */
export type Problem = Schemas['Problem'];
