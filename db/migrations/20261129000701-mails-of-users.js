/**
 * Whose each mail is, whatever their address was or is, and the key of the recipient's address: a deletion takes all of them,
 * and an export tells them. Mails of before, and of nodes of the version before, have neither and are found by the address.
 */

// Each alone: an index is not built concurrently within a transaction.
const UP = [
  'ALTER TABLE mails ADD COLUMN IF NOT EXISTS user_id uuid, ADD COLUMN IF NOT EXISTS recipient_key text',
  'ALTER TABLE mails DROP CONSTRAINT IF EXISTS mails_user_id_fkey',
  `ALTER TABLE mails ADD CONSTRAINT mails_user_id_fkey FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE NOT VALID`,
  'ALTER TABLE mails VALIDATE CONSTRAINT mails_user_id_fkey',
  'DROP INDEX IF EXISTS mails_user',
  'CREATE INDEX CONCURRENTLY mails_user ON mails (user_id) WHERE user_id IS NOT NULL',
  'DROP INDEX IF EXISTS mails_recipient_key',
  'CREATE INDEX CONCURRENTLY mails_recipient_key ON mails (recipient_key)',
];
const DOWN = [
  'ALTER TABLE mails DROP COLUMN IF EXISTS user_id, DROP COLUMN IF EXISTS recipient_key',
];

const run = async (queryInterface, statements) => {
  for (const sql of statements) await queryInterface.sequelize.query(sql);
};

module.exports = {
  up: (queryInterface) => run(queryInterface, UP),
  down: (queryInterface) => run(queryInterface, DOWN),
};
