/**
 * One account for all spellings of an address: `email_key` where that is not what `email_canonical` says already, which it is
 * for most. Written by the server, which knows Unicode and punycode, for users of before in batches at its start. Nodes of the
 * version before know nothing of it and go by `email_canonical`; addresses that need a key they cannot take while the trigger
 * is there (serialization_failure: 503, try again), since two accounts could have one then.
 */

// Each alone: an index is not built concurrently within a transaction.
const UP = [
  'ALTER TABLE users ADD COLUMN IF NOT EXISTS email_key text',
  'DROP INDEX IF EXISTS users_email_key',
  `CREATE UNIQUE INDEX CONCURRENTLY users_email_key ON users (coalesce(email_key, email_canonical))`,
  'DROP INDEX IF EXISTS users_email_unkeyed',
  `CREATE INDEX CONCURRENTLY users_email_unkeyed ON users (id) WHERE email_key IS NULL
    AND (octet_length(email_canonical) <> char_length(email_canonical) OR strpos(email_canonical, 'xn--') > 0)`,
  `CREATE OR REPLACE FUNCTION users_email_key() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF octet_length(NEW.email_canonical) = char_length(NEW.email_canonical)
        AND strpos(NEW.email_canonical, 'xn--') = 0 THEN
        NEW.email_key := NULL;
      ELSIF NEW.email_key IS NULL OR (TG_OP = 'UPDATE' AND NEW.email_canonical <> OLD.email_canonical
        AND NEW.email_key = OLD.email_key) THEN
        RAISE EXCEPTION 'an older version of the server cannot take this address during an upgrade'
          USING ERRCODE = 'serialization_failure';
      END IF;
      RETURN NEW;
    END $$`,
  'DROP TRIGGER IF EXISTS users_email_key ON users',
  `CREATE TRIGGER users_email_key BEFORE INSERT OR UPDATE OF email_canonical ON users
    FOR EACH ROW EXECUTE FUNCTION users_email_key()`,
];
const DOWN = [
  'DROP TRIGGER IF EXISTS users_email_key ON users',
  'DROP FUNCTION IF EXISTS users_email_key()',
  'DROP INDEX IF EXISTS users_email_unkeyed',
  'DROP INDEX IF EXISTS users_email_key',
  'ALTER TABLE users DROP COLUMN IF EXISTS email_key',
];

const run = async (queryInterface, statements) => {
  for (const sql of statements) await queryInterface.sequelize.query(sql);
};

module.exports = {
  up: (queryInterface) => run(queryInterface, UP),
  down: (queryInterface) => run(queryInterface, DOWN),
};
