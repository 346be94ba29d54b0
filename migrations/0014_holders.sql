-- Who a ticket or a key is counted against: the account, whatever memo or muxed address its user signed in with. Rows
-- without one are of an older version, and are counted against their subject.
alter table tickets add column holder text;
create index tickets_by_holder on tickets ((coalesce(holder, token ->> 'subject')));
alter table api_keys add column holder text;
create index api_keys_by_holder on api_keys ((coalesce(holder, subject)));
