/**
 * Browsers that signed in before, each by the hash of a random value in its cookie: a row for each account that signed in
 * there. A column to come says until when one of them need not show a second factor.
 */

const UP = [
  `CREATE TABLE known_browsers (
    id uuid PRIMARY KEY,
    token_hash bytea NOT NULL,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    UNIQUE (token_hash, user_id))`,
  'CREATE INDEX known_browsers_user ON known_browsers (user_id)',
  'CREATE INDEX known_browsers_unused ON known_browsers (last_used_at)',
];

module.exports = {
  async up(queryInterface) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      for (const sql of UP) await queryInterface.sequelize.query(sql, { transaction });
    });
  },

  async down(queryInterface) {
    await queryInterface.sequelize.query('DROP TABLE known_browsers');
  },
};
