export type {
  Changed,
  EventType,
  IndexStatus,
  Problem,
  Reset,
  Revised,
  StreamDetail,
  StreamEvent,
  StreamList,
  StreamRecord,
  StreamStatus,
} from './api-types';
export { type Accruing, claimableAt } from './core/accrual';
export type { BackOff } from './core/back-off';
export { connect } from './core/connect';
export type { Connection, ConnectionState } from './core/connection-state';
export type { Auth, TicketAuth, TicketOptions, TokenAuth, TokenSource } from './core/credentials';
export { ticketsFrom } from './core/credentials';
export type { Locks } from './core/election';
export type { LoggedEvent } from './core/event-log';
export type { EventFilter } from './core/filter';
export { type Freshness, type FreshnessOptions, watchFreshness } from './core/freshness';
export { type LastIdStorage, sessionLastIds } from './core/last-id';
export type { ConnectOptions, ServiceOptions } from './core/options';
export type { Frame } from './core/reading';
export { shareConnection, type ShareOptions } from './core/share';
export type { Store } from './core/store';
export { StreamError } from './core/stream-error';
export { type TabChannel, type Tabs } from './core/tabs';
export type { TabMessage } from './core/tab-message';
