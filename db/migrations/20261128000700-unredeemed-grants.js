/**
 * A grant whose code is not redeemed in time goes. When that is, a table of its own says, a row for some minutes each:
 * as a column it would be in an index, which every redemption would have to change.
 */

const UP = [
  'CREATE TABLE grant_codes (grant_id text PRIMARY KEY, redeem_by timestamptz NOT NULL)',
  'CREATE INDEX grant_codes_redeem_by ON grant_codes (redeem_by)',
];

module.exports = {
  async up(queryInterface) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      for (const sql of UP) await queryInterface.sequelize.query(sql, { transaction });
    });
  },

  async down(queryInterface) {
    await queryInterface.sequelize.query('DROP TABLE grant_codes');
  },
};
