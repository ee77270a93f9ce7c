-- Columns that are computed from others of their table, stored or not.
SELECT d.adrelid AS oid, d.adnum AS number, d.adbin::text AS tree
FROM pg_attrdef d
JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum AND NOT a.attisdropped
WHERE a.attgenerated <> ''
