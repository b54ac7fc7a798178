-- What both databases have before the manifest is read.
create table langs (name text primary key, rank integer, note text default 'new');
create table seats (hall text, seat integer, holder text, primary key (hall, seat));
create view ranked_langs as select name, rank from langs where rank is not null;
