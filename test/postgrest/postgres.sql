-- What Postgres alone has.
create table things (
  id bigint primary key, name text, words tsvector, span int4range, days daterange, nums int[], labels text[],
  data jsonb, at timestamptz, n numeric(6,3), raw bytea, big bigint, key uuid);
insert into things values
  (1, 'first', to_tsvector('english', 'The fat cats ate rats'), '[1,5)', '[2024-01-01,2024-01-10)', '{1,2}', '{a,"b c"}',
   '{"a": {"b": [1, 2]}, "c": "x"}', '2024-01-01T10:00:00.5Z', 1.5, '\x0aff', 9007199254740991, '00000000-0000-0000-0000-000000000001'),
  (2, 'second', to_tsvector('english', 'A dog barks'), '[5,9)', '[2024-02-01,2024-02-10)', '{3}', '{c}',
   '{"c": "y"}', '2024-02-01T10:00:00Z', 2, null, 2, '00000000-0000-0000-0000-000000000002'),
  (3, 'third', null, null, null, null, null, null, null, null, null, null, null);
analyze things;

create function add_them(a integer, b integer default 10) returns integer language sql immutable as 'select a + b';
create function nothing() returns void language sql as 'select 1' ;
create function say(name text) returns text language sql stable as $$ select 'Hello ' || name $$;
create function total(numbers int[]) returns bigint language sql immutable as 'select sum(n) from unnest(numbers) n';
create function numbers(upto integer) returns setof integer language sql stable as 'select generate_series(1, upto)';
create function find_langs(low integer default 0) returns setof langs language sql stable as 'select * from langs where rank >= low order by rank';
create function one_lang(lang text) returns langs language sql stable as 'select * from langs where name = lang';
create function pairs() returns table (a integer, b text) language sql stable as $$ values (1, 'x'), (2, 'y') $$;
create function duo(out a integer, out b text) language sql stable as $$ select 1, 'x' $$;
create function echo(json) returns json language sql immutable as 'select $1';
create function note(lang text, text text) returns setof langs language sql as 'update langs set note = text where name = lang returning *';
create function fails(code text) returns void language plpgsql as $$ begin
  raise using message = 'it fails', detail = 'why', hint = 'what to do', errcode = code;
end $$;
create function waits(seconds float) returns void language sql as 'select pg_sleep(seconds)';
