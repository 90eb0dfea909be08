-- What is known of the clock, so that a gap is stated in the right time. These tables say of themselves whether they are
-- there already, so that a journal begun before them gets them when it is opened.

-- The clock as of the newest cycle: in which boot, wall minus boottime, whether anyone vouched for it (0, 1), and the
-- boottime of the first cycle of that boot. Written only when it changes; one row.
create table if not exists clock_seen (
    boot_count integer primary key,
    offset_ms integer not null,
    is_verified integer not null,
    began_ms integer not null
) strict;

-- Since which instant (UTC ms) a meter's missed edges are not stated yet, because this boot does not know the time.
create table if not exists outage (
    meter integer primary key,
    since integer not null
) strict;
