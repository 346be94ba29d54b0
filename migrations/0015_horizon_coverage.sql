-- Ledgers may have been read from a Horizon. The old rule is narrower than the new one, so no row needs a look.
alter table coverage drop constraint coverage_source_check;
alter table coverage add constraint coverage_source_check
    check (source in ('rpc', 'lake', 'getLedgers', 'horizon')) not valid;
