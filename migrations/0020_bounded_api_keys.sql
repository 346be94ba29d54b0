-- Secrets of rotated keys that are still valid, beside the one in `previous_hash`: each keeps its own end.
create table earlier_api_key_secrets (
    hash bytea primary key,
    api_key text not null references api_keys on delete cascade,
    issued_at bigint not null,
    valid_until bigint not null
);
create index earlier_api_key_secrets_by_key on earlier_api_key_secrets (api_key);

-- When a key was made, which no rotation changes. Null for the keys of older versions.
alter table api_keys add column created_at bigint;

-- When a row is no longer needed: a day after the key was deleted, or a week after it expired.
create index api_keys_by_end on api_keys (least(deleted_at + 86400, expires_at + 604800));
