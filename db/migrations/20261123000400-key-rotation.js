/** Signing keys in three stages: next (published), current (signs), retired (verifies). At most one next an algorithm. */

module.exports = {
  async up(queryInterface) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      const run = (sql) => queryInterface.sequelize.query(sql, { transaction });
      await run('ALTER TABLE signing_keys ADD COLUMN retired_at timestamptz');
      await run(
        `CREATE UNIQUE INDEX signing_keys_next ON signing_keys (alg) WHERE status = 'next'`,
      );
    });
  },

  async down(queryInterface) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      const run = (sql) => queryInterface.sequelize.query(sql, { transaction });
      await run('DROP INDEX signing_keys_next');
      await run('ALTER TABLE signing_keys DROP COLUMN retired_at');
    });
  },
};
