-- Chance without a generator's state: every draw is a hash of the seed, the name of the question and the key
-- of the thing it is asked about. So rows may be made in any order, by any number of threads, and adding a
-- question never changes the answers to the others.

-- A number in [0, 1) for the question `salt` about `k`.
CREATE MACRO u(salt, k) AS
    (hash(xor(hash(getvariable('seed') || ':' || salt), hash(k))) >> 11)::DOUBLE / 9007199254740992.0;

-- A whole number in [0, n).
CREATE MACRO pick(salt, k, n) AS floor(u(salt, k) * (n))::BIGINT;

-- One key of two: `a` and `b` are whole numbers or text.
CREATE MACRO pair(a, b) AS xor(hash(a), hash(hash(b)));

-- Roughly normal, mean 0, standard deviation 1: the sum of three draws needs no logarithm, whose last digit
-- differs from machine to machine.
CREATE MACRO bell(salt, k) AS (u(salt || '/1', k) + u(salt || '/2', k) + u(salt || '/3', k) - 1.5) * 2;

-- One typing slip in `s`: a letter dropped, doubled, changed for its neighbour on the keyboard, or two swapped.
CREATE MACRO slip(s, salt, k) AS (
    CASE
        WHEN s IS NULL OR length(s) < 3 THEN s
        WHEN u(salt || '/kind', k) < 0.30 THEN
            left(s, 1 + pick(salt || '/at', k, length(s) - 1)) || substr(s, 3 + pick(salt || '/at', k, length(s) - 1))
        WHEN u(salt || '/kind', k) < 0.45 THEN
            left(s, 1 + pick(salt || '/at', k, length(s)))
            || substr(s, 1 + pick(salt || '/at', k, length(s)))
        WHEN u(salt || '/kind', k) < 0.70 THEN
            left(s, 1 + pick(salt || '/at', k, length(s) - 2))
            || substr(s, 3 + pick(salt || '/at', k, length(s) - 2), 1)
            || substr(s, 2 + pick(salt || '/at', k, length(s) - 2), 1)
            || substr(s, 4 + pick(salt || '/at', k, length(s) - 2))
        ELSE
            left(s, 1 + pick(salt || '/at', k, length(s) - 1))
            || translate(
                lower(substr(s, 2 + pick(salt || '/at', k, length(s) - 1), 1)),
                'abcdefghijklmnopqrstuvwxyz0123456789',
                'snvfrghjokjkmnipwtdyibecuz1234567890'
            )
            || substr(s, 3 + pick(salt || '/at', k, length(s) - 1))
    END
);
