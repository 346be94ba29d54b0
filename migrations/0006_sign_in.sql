-- What sign-in uses up or takes back, so that it holds on every node. Times are Unix seconds. These tables belong to the
-- service, not to a network: they stay where they are when a network starts over.

-- Challenges that were answered: each is good once.
create table consumed_challenges (
    hash bytea primary key,
    expires_at bigint not null
);
create index consumed_challenges_by_expiry on consumed_challenges (expires_at);

-- Tickets that were not used yet, by the hash of their text.
create table tickets (
    hash bytea primary key,
    token jsonb not null,
    filter text not null,
    expires_at bigint not null
);
create index tickets_by_expiry on tickets (expires_at);

-- Subjects whose tokens were taken back: those made up to this time are not taken any more.
create table revocations (
    subject text primary key,
    revoked_at bigint not null,
    revoked_by text not null
);
