/** Links that mails carry. A code is stored as its SHA-256; a row without a purpose that acts is a decoy. */

const UP = [
  `CREATE TABLE email_links (
    code_hash text PRIMARY KEY,
    purpose text NOT NULL,
    user_id uuid REFERENCES users ON DELETE CASCADE,
    email text,
    new_email text,
    new_email_canonical text,
    roles_ver integer,
    payload jsonb,
    uses integer NOT NULL DEFAULT 0,
    use_limit integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz)`,
  'CREATE INDEX email_links_expires_at ON email_links (expires_at)',
  'CREATE INDEX email_links_user ON email_links (user_id, purpose)',
  'CREATE INDEX email_links_new_email ON email_links (new_email_canonical)',
];

module.exports = {
  async up(queryInterface) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      for (const sql of UP) await queryInterface.sequelize.query(sql, { transaction });
    });
  },

  async down(queryInterface) {
    await queryInterface.sequelize.query('DROP TABLE email_links');
  },
};
