-- From version 2 to version 3: polls have a status, meters a memory.

alter table poll add column status integer not null default 0;

alter table meter add column memory text;
