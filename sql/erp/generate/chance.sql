-- What every other file here draws on: settings of the transaction, and pseudo-random functions of
-- (seed, row number, salt) in pg_temp, so that a database depends on nothing but its parameters.
-- Parameters: the settings generator.scale, generator.seed, generator.today.

SET LOCAL statement_timeout = 0;
SET LOCAL work_mem = '128MB';
SET LOCAL jit = off;
SET LOCAL TimeZone = 'UTC';

-- Parameters become constants of the functions: the planner folds them where current_setting() would be
-- looked up for each row.
DO $$
BEGIN
    EXECUTE format('CREATE FUNCTION pg_temp.seed() RETURNS bigint LANGUAGE sql IMMUTABLE RETURN %s',
        current_setting('generator.seed')::bigint);
    EXECUTE format('CREATE FUNCTION pg_temp.scale() RETURNS float8 LANGUAGE sql IMMUTABLE RETURN float8 %L',
        current_setting('generator.scale')::float8);
    EXECUTE format('CREATE FUNCTION pg_temp.today() RETURNS date LANGUAGE sql IMMUTABLE RETURN date %L',
        current_setting('generator.today')::date);
END
$$;

-- How many rows a table gets that has so many at scale 1.
CREATE FUNCTION pg_temp.rows(at_scale_1 integer, at_least integer DEFAULT 5) RETURNS integer
    LANGUAGE sql IMMUTABLE
    RETURN greatest(at_least, round(at_scale_1 * pg_temp.scale())::integer);

-- Places grow slower than trade.
CREATE FUNCTION pg_temp.branch_count() RETURNS integer
    LANGUAGE sql IMMUTABLE
    RETURN least(greatest(5, round(5 * sqrt(pg_temp.scale()))::integer), 40);

CREATE FUNCTION pg_temp.salespeople() RETURNS integer
    LANGUAGE sql IMMUTABLE
    RETURN pg_temp.rows(5, 2);

-- A number in [0, 1).
CREATE FUNCTION pg_temp.uniform(n bigint, salt text) RETURNS float8
    LANGUAGE sql IMMUTABLE
    RETURN (hashint8extended(n, hashtextextended(salt, pg_temp.seed())) & 9007199254740991)
        / 9007199254740992::float8;

CREATE FUNCTION pg_temp.between(n bigint, salt text, low integer, high integer) RETURNS integer
    LANGUAGE sql IMMUTABLE
    RETURN low + floor(pg_temp.uniform(n, salt) * (high - low + 1))::integer;

CREATE FUNCTION pg_temp.chance(n bigint, salt text, share float8) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    RETURN pg_temp.uniform(n, salt) < share;

-- False where a column that may be NULL is.
CREATE FUNCTION pg_temp.known(n bigint, salt text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    RETURN pg_temp.uniform(n, salt || ' known') >= 0.03;

-- True nearly always, sometimes false, now and then NULL.
CREATE FUNCTION pg_temp.mostly(n bigint, salt text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN pg_temp.known(n, salt) THEN pg_temp.uniform(n, salt) < 0.94 END;

CREATE FUNCTION pg_temp.pick(n bigint, salt text, choices text[]) RETURNS text
    LANGUAGE sql IMMUTABLE
    RETURN choices[1 + floor(pg_temp.uniform(n, salt) * cardinality(choices))::integer];

CREATE FUNCTION pg_temp.pick(n bigint, salt text, choices numeric[]) RETURNS numeric
    LANGUAGE sql IMMUTABLE
    RETURN choices[1 + floor(pg_temp.uniform(n, salt) * cardinality(choices))::integer];

-- An id of 1 … total, low ones far more often than high ones.
CREATE FUNCTION pg_temp.skewed(n bigint, salt text, total integer) RETURNS integer
    LANGUAGE sql IMMUTABLE
    RETURN 1 + floor(total * power(pg_temp.uniform(n, salt), 2))::integer;

-- How many days ago row n of a growing history came to be; falls strictly with n.
CREATE FUNCTION pg_temp.age(n bigint, total integer, days integer) RETURNS float8
    LANGUAGE sql IMMUTABLE
    RETURN days * power((total - n + pg_temp.uniform(n, 'age')) / total, 1.1);

-- The instant so many days ago, in business hours of Baghdad; of today only the early morning has been.
CREATE FUNCTION pg_temp.moment(age float8) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE
    RETURN (pg_temp.today() - floor(age)::integer + CASE
            WHEN age < 1 THEN (1 - age) * interval '7 hours'
            ELSE interval '8 hours' + (1 - age + floor(age)) * interval '13 hours'
        END - interval '3 hours') AT TIME ZONE 'UTC';

CREATE FUNCTION pg_temp.city(n integer) RETURNS text
    LANGUAGE sql IMMUTABLE
    RETURN (ARRAY['Baghdad', 'Basra', 'Erbil', 'Mosul', 'Najaf', 'Karbala', 'Kirkuk', 'Sulaymaniyah',
        'Nasiriyah', 'Hilla', 'Duhok', 'Ramadi', 'Amarah', 'Diwaniyah', 'Samarra'])[1 + n % 15];

CREATE FUNCTION pg_temp.city_ar(n integer) RETURNS text
    LANGUAGE sql IMMUTABLE
    RETURN (ARRAY['بغداد', 'البصرة', 'أربيل', 'الموصل', 'النجف', 'كربلاء', 'كركوك', 'السليمانية',
        'الناصرية', 'الحلة', 'دهوك', 'الرمادي', 'العمارة', 'الديوانية', 'سامراء'])[1 + n % 15];

CREATE FUNCTION pg_temp.person(n bigint, salt text) RETURNS text
    LANGUAGE sql IMMUTABLE
    RETURN pg_temp.pick(n, salt || ' first name', ARRAY['Ahmed', 'Ali', 'Hussein', 'Mustafa', 'Omar',
            'Karrar', 'Haider', 'Zaid', 'Sara', 'Zainab', 'Noor', 'Mariam', 'Fatima', 'Huda'])
        || ' ' || pg_temp.pick(n, salt || ' family name', ARRAY['Al-Jubouri', 'Al-Obaidi', 'Al-Dulaimi',
            'Al-Shammari', 'Al-Tamimi', 'Al-Rubaie', 'Al-Khafaji', 'Al-Saadi', 'Al-Bayati', 'Al-Zubaidi',
            'Al-Janabi', 'Barzani']);

CREATE FUNCTION pg_temp.person_ar(n bigint, salt text) RETURNS text
    LANGUAGE sql IMMUTABLE
    RETURN pg_temp.pick(n, salt || ' first name', ARRAY['أحمد', 'علي', 'حسين', 'مصطفى', 'عمر',
            'كرار', 'حيدر', 'زيد', 'سارة', 'زينب', 'نور', 'مريم', 'فاطمة', 'هدى'])
        || ' ' || pg_temp.pick(n, salt || ' family name', ARRAY['الجبوري', 'العبيدي', 'الدليمي',
            'الشمري', 'التميمي', 'الربيعي', 'الخفاجي', 'الساعدي', 'البياتي', 'الزبيدي',
            'الجنابي', 'بارزاني']);

CREATE FUNCTION pg_temp.phone(n bigint, salt text) RETURNS text
    LANGUAGE sql IMMUTABLE
    RETURN '+964 7' || pg_temp.pick(n, salt || ' operator', ARRAY['70', '71', '80', '81', '50', '51'])
        || ' ' || lpad(pg_temp.between(n, salt || ' number', 0, 9999999)::text, 7, '0');
