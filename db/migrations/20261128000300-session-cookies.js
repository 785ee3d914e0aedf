/** Which cookies of a session count: it can be given others, and the former ones are worth nothing then. */
module.exports = {
  async up({ sequelize }) {
    await sequelize.query('ALTER TABLE sessions ADD COLUMN cookie_ver integer NOT NULL DEFAULT 0');
  },

  async down({ sequelize }) {
    await sequelize.query('ALTER TABLE sessions DROP COLUMN cookie_ver');
  },
};
