-- The streams whose records changed without an event, each with its parties before and after; null if rows came late. The
-- range then spans the last events of the streams, for readers that know ranges alone.
alter table revisions add column changed jsonb;
