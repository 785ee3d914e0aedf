/**
 * What tokens live is remembered when the setting changes, and each revocation says until when it matters; rows of a
 * version before have none, and count by their age. With which lifetimes nodes of before ran is written down nowhere: an
 * hour, and a day for JWKS, are assumed of those that may be running now.
 */

const UP = [
  `CREATE TABLE lifetimes_in_use (
    setting text NOT NULL,
    seconds integer NOT NULL,
    used_until timestamptz NOT NULL,
    PRIMARY KEY (setting, seconds))`,
  `INSERT INTO lifetimes_in_use (setting, seconds, used_until)
    SELECT setting, seconds, clock_timestamp() + interval '1 hour'
    FROM (VALUES ('ACCESS_TOKEN_TTL', 3600), ('JWKS_MAX_AGE', 86400)) AS assumed (setting, seconds)
    WHERE EXISTS (SELECT FROM signing_keys)`,
  'ALTER TABLE revocations ADD COLUMN expires_at timestamptz',
];

module.exports = {
  async up(queryInterface) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      for (const sql of UP) await queryInterface.sequelize.query(sql, { transaction });
    });
  },

  async down(queryInterface) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      const run = (sql) => queryInterface.sequelize.query(sql, { transaction });
      await run('ALTER TABLE revocations DROP COLUMN expires_at');
      await run('DROP TABLE lifetimes_in_use');
    });
  },
};
