-- The edge's durable log, version 3. Instants are UTC milliseconds, boottimes milliseconds since the kernel started.

-- Which boots this log has seen: `boot_count` is the persisted counter, `boot_id` the kernel's random id (4 bytes).
create table boot (
    boot_count integer primary key,
    boot_id blob not null unique
) strict;

-- The lives of the log in their order: the newest is current, the others are archived. `head` is the newest sealed seq,
-- `next_record` the number the next record gets, `floor` the lowest seq whose bytes are held. Blocks 1..`resealed` seal
-- again what the epoch before held above its `safe` (-1: nothing). `committed` and `safe` are the hub's latest word in
-- its life `timeline`, `receipt` the bytes in which it was given, `licence` the receipt with the highest `safe`.
create table epoch (
    n integer primary key,
    epoch blob not null unique,
    device blob not null,
    started_at integer not null,
    head integer not null,
    head_hash blob not null,
    next_record integer not null,
    floor integer not null,
    resealed integer not null,
    committed integer not null,
    safe integer not null,
    timeline blob not null,
    receipt blob,
    licence blob
) strict;

-- Every poll that is not sealed yet, in the order taken. Either `counts` (JSON: register id -> raw count) or `cause`.
-- `status` are the bits that its judgement gave a reading. `check_sum` is over the columns from `boot_count` to `cause`,
-- and over a status that is not 0; polls of version 1 have none.
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
    check_sum integer,
    status integer not null default 0,
    check ((counts is null) <> (cause is null))
) strict;

-- Frames that are not readings and not sealed yet: clock events, gaps, commands (CBOR, as they go on the wire).
create table statement (
    n integer primary key,
    boot_count integer not null references boot,
    frame blob not null,
    check_sum integer
) strict;

-- The exact signed bytes, written once; retransmissions, files and the hub's archive carry these. A block that was
-- released has no bytes any more, but keeps its hash. Its polls are of `first_at`..`last_at`, null where it has none.
create table block (
    epoch blob not null references epoch (epoch),
    seq integer not null,
    hash blob not null,
    sealed_at integer not null,
    first_at integer,
    last_at integer,
    raw blob,
    primary key (epoch, seq)
) strict;

-- What readings refer to: descriptors by id (CBOR frames), and the epoch in which each was stated last.
create table descriptor (
    id blob primary key,
    frame blob,
    stated_in blob
) strict;

-- The newest poll of each meter, the descriptor of its newest reading, and what is remembered of it to judge the next one
-- (`edge.metering.memory`).
create table meter (
    meter integer primary key,
    edge_at integer not null,
    descriptor blob,
    read_at integer,
    counts text,
    failed_at integer,
    cause text,
    polls integer not null,
    failures integer not null,
    memory text
) strict;

-- What was done about a damaged journal, in words: when (UTC ms), and in which epoch the log went on.
create table salvage (
    n integer primary key,
    at integer not null,
    epoch blob not null,
    note text not null
) strict;

-- From which interval edge on (UTC ms) polls are left out because the disk is full; no row while none are.
create table thrift (
    since integer not null
) strict;
