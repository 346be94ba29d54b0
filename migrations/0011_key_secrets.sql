-- A rotation must not make a secret good again that was taken back with its subject: each secret is as old as it is.
alter table api_keys add column previous_issued_at bigint not null default 0;
