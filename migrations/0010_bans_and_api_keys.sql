-- Subjects that may neither show a token nor sign in, however new the token is, until the ban is lifted.
alter table revocations add column banned boolean not null default false;

-- Keys of services, which have no wallet to sign in with. Only hashes are kept: nobody who reads the table can use one.
create table api_keys (
    id text primary key,
    subject text not null,
    name text not null,
    -- Words with spaces between them (RFC 8693, 4.2).
    scopes text not null,
    hash bytea not null unique,
    -- The secret before the last rotation, and until when it is taken.
    previous_hash bytea unique,
    previous_until bigint not null default 0,
    created_by text not null,
    -- When it was made or last rotated: a revocation of its subject takes it back like a token of that time.
    issued_at bigint not null,
    expires_at bigint not null,
    last_used_at bigint,
    deleted_at bigint
);
create index api_keys_by_subject on api_keys (subject);
