/** The shapes of the service's answers that this package reads. */

/** What kind of event. */
export type EventType =
  | 'stream.created'
  | 'stream.topped_up'
  | 'stream.withdrawn'
  | 'stream.cancelled'
  | 'stream.completed'
  | 'stream.paused'
  | 'stream.resumed'
  | 'stream.fee_collected'
  | 'protocol.initialized'
  | 'protocol.fee_config_updated'
  | 'protocol.admin_transferred';

/** An event of the feed: what every event has, then the event's own fields. */
export interface StreamEvent {
  id: string;
  type: EventType;
  streamId: string | null;
  contractId: string;
  sender: string | null;
  recipient: string | null;
  tokenAddress: string | null;
  amount: string | null;
  ledger: number;
  ledgerClosedAt: string;
  timestamp: number;
  transactionHash: string;
  [field: string]: unknown;
}

/** What people call a stream's state. */
export type StreamStatus = 'active' | 'paused' | 'ended' | 'cancelled' | 'completed';

/** A stream at the time of a ledger, `calculatedAt`. Amounts are decimal texts, times Unix seconds. */
export interface StreamRecord {
  id: string;
  streamId: string;
  contractId: string;
  sender: string;
  recipient: string;
  tokenAddress: string;
  ratePerSecond: string;
  depositedAmount: string;
  withdrawnAmount: string;
  claimableAmount: string;
  startTime: number | null;
  lastUpdateTime: number | null;
  endTime: number | null;
  isActive: boolean;
  isPaused: boolean;
  pausedAt: number | null;
  totalPausedDuration: number;
  status: StreamStatus;
  unverified: boolean;
  impossibleOrder: boolean;
  createdAt: string;
  updatedAt: string;
  calculatedAt: number | null;
}

/** An event as a list gives it. */
export interface EventRow extends StreamEvent {
  eventType: string;
  ledgerSequence: number;
  createdAt: string;
  metadata: Record<string, unknown>;
}

/** A stream and its latest events, newest first. */
export interface StreamDetail extends StreamRecord {
  events: EventRow[];
}

/** A page of streams. */
export interface StreamList {
  data: StreamRecord[];
  total: number;
  totalCapped?: boolean;
  hasMore: boolean;
  limit: number;
  offset: number;
  nextCursor: string | null;
}

/** Why a client must fetch anew: what it had cannot be continued from. */
export interface Reset {
  reason: string;
  oldestEventId: string | null;
  newestEventId: string | null;
}

/** Late rows: events in this range were added, or their streams were folded again. */
export interface Revised {
  fromId: string;
  toId: string;
}

/** A ticket for one connection, and until when it is good, in Unix seconds. */
export interface Ticket {
  ticket: string;
  expiresAt: number;
}

/** A refusal, as RFC 9457 has it. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  parameter?: string;
}
