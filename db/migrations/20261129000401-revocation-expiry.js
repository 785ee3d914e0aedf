/** Revocations are found by their end. Built beside running nodes: nothing waits for it. */

const DROP = 'DROP INDEX CONCURRENTLY IF EXISTS revocations_expires_at';

module.exports = {
  async up(queryInterface) {
    // What an attempt that was cut off left behind is of no use.
    await queryInterface.sequelize.query(DROP);
    await queryInterface.sequelize.query(
      'CREATE INDEX CONCURRENTLY revocations_expires_at ON revocations (expires_at)',
    );
  },

  async down(queryInterface) {
    await queryInterface.sequelize.query(DROP);
  },
};
