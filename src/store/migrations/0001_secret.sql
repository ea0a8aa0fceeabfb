-- Secrets that services outside gave us, encrypted with the instance's key. The name is authenticated with them.
create table secret (
    name text primary key,
    -- Which key encrypted it, so that a rotation that was interrupted can go on.
    key_id text not null,
    nonce blob not null,
    ciphertext blob not null,
    updated_at integer not null
) strict, without rowid;
