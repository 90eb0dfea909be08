-- From version 1 to version 2: epochs have an order and a floor, released blocks keep their hash. Foreign keys are off.

create table epoch_2 (
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

insert into epoch_2 (
    epoch, device, started_at, head, head_hash, next_record, floor, resealed, committed, safe, timeline, receipt, licence
)
select epoch, device, started_at, head, head_hash, next_record,
    coalesce((select min(seq) from block where block.epoch = epoch.epoch), 0), -1, committed, safe, x'', receipt, receipt
from epoch order by rowid;

alter table block rename to block_1;

drop table epoch;

alter table epoch_2 rename to epoch;

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

insert into block (epoch, seq, hash, sealed_at, raw) select epoch, seq, hash, sealed_at, raw from block_1;

drop table block_1;

create table descriptor (
    id blob primary key,
    frame blob,
    stated_in blob
) strict;

alter table poll add column check_sum integer;

alter table statement add column check_sum integer;

create table salvage (
    n integer primary key,
    at integer not null,
    epoch blob not null,
    note text not null
) strict;

create table thrift (
    since integer not null
) strict;
