-- The edge's durable log, version 1. Instants are UTC milliseconds, boottimes milliseconds since the kernel started.

-- Which boots this log has seen: `boot_count` is the persisted counter, `boot_id` the kernel's random id (4 bytes).
create table boot (
    boot_count integer primary key,
    boot_id blob not null unique
) strict;

-- One life of the log. `head` is the newest sealed seq, `next_record` the number its next record gets;
-- `committed` and `safe` are the hub's latest word, `receipt` the bytes in which it was given.
create table epoch (
    epoch blob primary key,
    device blob not null,
    started_at integer not null,
    head integer not null,
    head_hash blob not null,
    next_record integer not null,
    committed integer not null,
    safe integer not null,
    receipt blob
) strict;

-- Every poll that is not sealed yet, in the order taken. Either `counts` (JSON: register id -> raw count) or `cause`.
create table poll (
    n integer primary key,
    boot_count integer not null references boot,
    meter integer not null,
    edge_at integer not null,
    read_at integer not null,
    boottime_ms integer not null,
    half_width_ms integer not null,
    quality integer not null,
    descriptor blob,
    counts text,
    cause text,
    check ((counts is null) <> (cause is null))
) strict;

-- Frames that are not readings and not sealed yet: genesis, descriptors, clock events, gaps (CBOR, as they go on the wire).
create table statement (
    n integer primary key,
    boot_count integer not null references boot,
    frame blob not null
) strict;

-- The exact signed bytes, written once. Retransmissions, files and the hub's archive carry these.
create table block (
    epoch blob not null references epoch,
    seq integer not null,
    hash blob not null,
    sealed_at integer not null,
    raw blob not null,
    primary key (epoch, seq)
) strict;

-- The newest poll of each meter and the descriptor that is in force in this epoch.
create table meter (
    meter integer primary key,
    edge_at integer not null,
    descriptor blob,
    read_at integer,
    counts text,
    failed_at integer,
    cause text,
    polls integer not null,
    failures integer not null
) strict;
