-- Who made each secret of an API key: its creator, or whoever rotated it. A revocation of that subject takes back the secret.
-- Null for the secrets of older versions.
alter table api_keys add column issued_by text, add column previous_issued_by text;
alter table earlier_api_key_secrets add column issued_by text;
