/** Runs after the migrations of the server, with a history of its own: `authsrv migrate status` lists both. */
module.exports = {
  async up(queryInterface) {
    await queryInterface.sequelize.query(`CREATE TABLE directory_entries (
      uid text PRIMARY KEY,
      email text NOT NULL,
      name text NOT NULL,
      password_hash text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now())`);
  },

  async down(queryInterface) {
    await queryInterface.sequelize.query('DROP TABLE directory_entries');
  },
};
