-- Plans are made from what the table was when it was last analyzed, and live as long as their connections. Of a handful of
-- orders any index looks as cheap as any other, and to read all of them as cheap as to look up a few. So the table is not
-- vacuumed or analyzed before it has about a thousand; until then it is planned as one of unknown size.
alter table orders set (autovacuum_analyze_threshold = 5000, autovacuum_vacuum_threshold = 5000);
