/** The outbox: mails wait here until an SMTP server has taken them. */

const UP = [
  `CREATE TABLE mails (
    id uuid PRIMARY KEY,
    recipient text NOT NULL,
    template text NOT NULL,
    locals jsonb,
    state text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    leased_until timestamptz,
    handed_over boolean NOT NULL DEFAULT false,
    last_error text,
    created_at timestamptz NOT NULL,
    finished_at timestamptz)`,
  `CREATE INDEX mails_waiting ON mails (next_attempt_at) WHERE state IN ('queued', 'sending')`,
  'CREATE INDEX mails_created_at ON mails (created_at)',
  'CREATE INDEX mails_recipient ON mails (recipient)',
];

module.exports = {
  async up(queryInterface) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      for (const sql of UP) await queryInterface.sequelize.query(sql, { transaction });
    });
  },

  async down(queryInterface) {
    await queryInterface.sequelize.query('DROP TABLE mails');
  },
};
