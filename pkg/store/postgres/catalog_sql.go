package postgres

// The questions that Catalog asks. Names of the system's schemas begin with pg_, but for
// information_schema; oids come as bigint.
const (
	typesSQL = `
select t.oid::bigint, t.typname::text, t.typtype::text, t.typcategory::text, t.typbasetype::bigint, t.typrelid::bigint,
  t.typtypmod::bigint, t.typnotnull,
  (select array_agg(e.enumlabel::text order by e.enumsortorder) from pg_catalog.pg_enum e where e.enumtypid = t.oid),
  t.typnamespace = 'pg_catalog'::regnamespace,
  exists (select from pg_catalog.pg_cast k where k.castsource = t.oid and k.casttarget = 'json'::regtype and k.castmethod = 'f')
from pg_catalog.pg_type t`

	// What a trigger calls is not known. Where no function at all speaks of the answer, none of
	// them does; a body of standard SQL has no source of its own.
	relationsSQL = `
select c.oid::bigint, n.nspname::text, c.relname::text, pg_catalog.pg_table_is_visible(c.oid), c.relkind in ('v', 'm'),
  (case when c.relkind in ('r', 'p') then 28 when c.relkind = 'm' then 0 else pg_catalog.pg_relation_is_updatable(c.oid, true) end)::bigint,
  pg_catalog.obj_description(c.oid, 'pg_class'),
  exists (select from pg_catalog.pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal and t.tgenabled in ('O', 'A'))
    and exists (select from pg_catalog.pg_proc p join pg_catalog.pg_namespace m on m.oid = p.pronamespace
      where p.prokind in ('f', 'p') and m.nspname !~ '^pg_' and m.nspname <> 'information_schema'
        and case p.prosrc when '' then pg_catalog.pg_get_functiondef(p.oid) else p.prosrc end ~* 'response\.(status|headers)')
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by n.nspname collate "C", c.relname collate "C"`

	// Those of composite types are for functions.
	attributesSQL = `
select a.attrelid::bigint, a.attnum::bigint, a.attname::text, a.atttypid::bigint, pg_catalog.format_type(a.atttypid, a.atttypmod),
  a.atttypmod::bigint, a.attnotnull, a.attidentity::text, a.attgenerated::text,
  coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), pg_catalog.pg_get_expr(t.typdefaultbin, 0)), p.description,
  case when t.typtype = 'd' then array(select k.castsource::bigint || ',' || k.casttarget::bigint || ',' || k.castfunc::regproc::text
    from pg_catalog.pg_cast k where k.castcontext = 'i' and k.castmethod = 'f' and a.atttypid in (k.castsource, k.casttarget)) end
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
join pg_catalog.pg_type t on t.oid = a.atttypid
left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
left join pg_catalog.pg_description p on p.objoid = a.attrelid and p.objsubid = a.attnum and p.classoid = 'pg_catalog.pg_class'::regclass
where a.attnum > 0 and not a.attisdropped
order by a.attrelid, a.attnum`

	checksSQL = `
select conrelid::bigint, conkey[1]::bigint, pg_catalog.pg_get_constraintdef(oid)
from pg_catalog.pg_constraint
where contype = 'c' and cardinality(conkey) = 1 and convalidated
order by conrelid, conname`

	// Those of all rows and of plain columns; included columns do not count.
	indexesSQL = `
select i.indrelid::bigint, c.relname::text, i.indisprimary,
  array(select a.attname::text from generate_series(0, i.indnkeyatts - 1) k
    join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[k] order by k)
from pg_catalog.pg_index i
join pg_catalog.pg_class c on c.oid = i.indexrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname !~ '^pg_'
where i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
order by i.indrelid, c.relname collate "C"`

	// Those with a parent are made for partitions.
	foreignKeysSQL = `
select o.conrelid::bigint, o.conname::text, o.confrelid::bigint, o.confdeltype::text,
  array(select a.attname::text from unnest(o.conkey) with ordinality k (num, i)
    join pg_catalog.pg_attribute a on a.attrelid = o.conrelid and a.attnum = k.num order by k.i),
  array(select a.attname::text from unnest(o.confkey) with ordinality k (num, i)
    join pg_catalog.pg_attribute a on a.attrelid = o.confrelid and a.attnum = k.num order by k.i)
from pg_catalog.pg_constraint o
where o.contype = 'f' and o.conparentid = 0
order by o.conrelid, o.conname collate "C"`

	rulesSQL = `
select r.ev_class::bigint, r.ev_action::text
from pg_catalog.pg_rewrite r
join pg_catalog.pg_class c on c.oid = r.ev_class and c.relkind in ('v', 'm')
join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
where r.rulename = '_RETURN'`

	// A type without its modifier takes values of any length, but for these two, which then
	// mean one character.
	functionsSQL = `
select n.nspname::text, p.proname::text, pg_catalog.pg_function_is_visible(p.oid), p.provolatile = 'v', p.proretset,
  p.prorettype::bigint, pg_catalog.format_type(p.prorettype, null), pg_catalog.obj_description(p.oid, 'pg_proc'),
  p.pronargdefaults::bigint, p.proargnames, p.proargmodes::text[],
  array(select t::text from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality a (t, i) order by i),
  array(select case t when 'bit'::regtype then 'bit varying' when 'bit[]'::regtype then 'bit varying[]'
      when 'bpchar'::regtype then 'character varying' when 'bpchar[]'::regtype then 'character varying[]'
      else pg_catalog.format_type(t, null) end
    from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality a (t, i) order by i),
  p.proretset and p.prorows = 1
from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where p.prokind = 'f' and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
  and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by n.nspname collate "C", p.proname collate "C", p.pronargs, p.oid`
)
