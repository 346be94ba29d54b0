// The answers of the service that this package reads, with the names that the API gives them.
import type { components } from './api';

type Schemas = components['schemas'];

/** The type of an event. */
export type EventType = Schemas['EventType'];

/** An event of the feed: the common fields, then the fields of its type, which `type` names. */
export type StreamEvent = Schemas['Event'];

/** The state of a stream in the words that people use. */
export type StreamStatus = Schemas['StreamStatus'];

/** A stream at the time of a ledger, `calculatedAt`. Amounts are decimal strings, times are Unix seconds. */
export type StreamRecord = Schemas['Stream'];

/** An event in a list. */
export type EventRow = Schemas['EventRow'];

/** A stream and its latest events, newest first. */
export type StreamDetail = Schemas['StreamWithEvents'];

/** A page of streams. */
export type StreamList = Schemas['StreamList'];

/**
 * Why a client must fetch everything again: it cannot continue from what it had. The service sends all reasons but
 * `behind`: that one is for a tab that cannot keep up with the tab that has the connection.
 */
export type Reset = Omit<Schemas['ResetNotice'], 'reason'> & { reason: Schemas['ResetReason'] | 'behind' };

/** Late events: events in this range were added, or their streams were recomputed. */
export type Revised = Schemas['RevisedNotice'];

/** Streams whose records changed without an event: they were completed or corrected from the chain. */
export type Changed = Schemas['ChangedNotice'];

/** A ticket for one connection, and when it expires, in Unix seconds. */
export type Ticket = Schemas['Ticket'];

/** How far the index has come, and why it should not be relied on, if so. */
export type IndexStatus = Schemas['Status'];

/** A refusal in the format of RFC 9457. */
export type Problem = Schemas['Problem'];
