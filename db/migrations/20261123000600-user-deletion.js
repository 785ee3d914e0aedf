/**
 * A sign-in is refused when the credentials it was checked with are no longer the user's: `credentials_ver` grows with
 * each change of password or address. The indexes are for deleting and exporting all that a user has.
 */

const UP = [
  'ALTER TABLE users ADD COLUMN credentials_ver integer NOT NULL DEFAULT 1',
  'CREATE INDEX sessions_user ON sessions (user_id)',
  'CREATE INDEX grants_of_user ON grants (user_id)',
];

const DOWN = [
  'DROP INDEX grants_of_user, sessions_user',
  'ALTER TABLE users DROP COLUMN credentials_ver',
];

const runAll = (statements) => async (queryInterface) => {
  await queryInterface.sequelize.transaction(async (transaction) => {
    for (const sql of statements) await queryInterface.sequelize.query(sql, { transaction });
  });
};

module.exports = { up: runAll(UP), down: runAll(DOWN) };
