-- What the hub ordered and what became of it. These tables say of themselves whether they are there already, so that a
-- journal begun before there were commands gets them when it is opened.

-- The newest commands by number, each with its signed bytes and the signed bytes of its result.
create table if not exists command (
    number integer primary key,
    id blob not null,
    status text not null,
    raw blob not null,
    result blob not null
) strict;

-- Configurations ordered by the hub. `changes` (JSON: setting -> whole number) is all in which a version differs from the
-- configuration file. The newest that was not reverted is in force; without one, the file alone is (version 0). A version on trial
-- is reverted at `deadline_ms` of the steady clock of the kernel boot `boot_id`, or when the machine boots anew.
create table if not exists configuration (
    version integer primary key,
    command integer not null,
    changes text not null,
    stage text not null check (stage in ('trial', 'confirmed', 'reverted')),
    boot_id blob not null,
    deadline_ms integer not null
) strict;

-- The key statements that this log has committed, from the enrolment key on: the last one names the key that signs.
create table if not exists key_statement (
    n integer primary key,
    statement blob not null
) strict;
