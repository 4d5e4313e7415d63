-- Times are microseconds since 1970, UTC. Offsets are bytes. Lines and their parts are text that pupils chose.
begin immediate;

-- id: a new one for every file that is made or restored; version: repeats user_version, to notice a damaged header.
create table meta (name text primary key, value text not null) strict;
insert into meta values ('version', '1');

-- crc, here and below: over the row's other columns; SQLite itself notices damage of its structure only.

-- How far each stream is journalled: ingest goes on from here.
create table checkpoint (
  source text not null, stream text not null, position integer not null, data text not null, crc integer not null,
  primary key (source, stream)
) strict, without rowid;

-- Events, columnar and compressed (batches.py); dropped once they are sealed in the archive.
create table batch (
  id integer primary key autoincrement, committed integer not null, rows integer not null,
  first_time integer, last_time integer, codec text not null, constants text not null, crc integer not null,
  events blob not null
) strict;

-- The columns of events.DETECTION_SCHEMA; raw: the line behind it, credentials cut, not in crc because it goes first.
create table detection (
  position integer primary key autoincrement,
  id text not null, time integer, rule text, rule_version text, level text, category text, kind text, outcome text,
  person text, user text, "group" text, device text, identity text, client_ip text, host text, action text, reason text,
  matched text, count integer, site text, source text, stream text, line_offset integer, line_length integer,
  in_school_hours integer, raw blob, crc integer not null
) strict;
create index detection_id on detection (id);

create table quarantine (
  position integer primary key autoincrement, source text not null, stream text not null, line_offset integer not null,
  line_length integer not null, why text not null, raw blob not null, noticed integer not null
) strict;
create index quarantine_source on quarantine (source, position);

create table gap (
  position integer primary key autoincrement, source text not null, stream text not null, first_offset integer,
  last_offset integer, noticed integer not null, why text not null, certain integer not null
) strict;

-- What detectors and enrichment remember.
create table state (name text primary key, value blob not null, crc integer not null) strict;

create table total (
  source text primary key, lines integer not null, events integer not null, rejected integer not null,
  skipped integer not null, first_time integer, last_time integer, last_spoke integer not null
) strict;

-- Events of each source in each hour of the school's own day: the proof that the filter was watched. Never purged.
create table hour (
  source text not null, date text not null, hour integer not null, events integer not null,
  primary key (source, date, hour)
) strict, without rowid;

pragma user_version = 1;
commit;
