/**
 * Which resources besides ours (RFC 8707) a client was granted, and which of them people allowed it.
 * `clients.allowed_resources` is null where nobody has decided: clients registered by a version before this one.
 */

module.exports = {
  async up(queryInterface) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      for (const sql of [
        'ALTER TABLE clients ADD COLUMN allowed_resources text[]',
        `ALTER TABLE consents ADD COLUMN resources text[] NOT NULL DEFAULT '{}'`,
      ]) {
        await queryInterface.sequelize.query(sql, { transaction });
      }
    });
  },

  async down(queryInterface) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      for (const sql of [
        'ALTER TABLE consents DROP COLUMN resources',
        'ALTER TABLE clients DROP COLUMN allowed_resources',
      ]) {
        await queryInterface.sequelize.query(sql, { transaction });
      }
    });
  },
};
