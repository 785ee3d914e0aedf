/** Imports point downwards only: main -> app -> plugins.ts -> plugins -> platform -> kernel. */
const platform = '^src/(http|oidc|outgoing|storage|logging|telemetry|workers)/';

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, pathNot: ['/migrations/', '^config/sequelize-cli'] },
      to: {},
    },
    {
      name: 'kernel-imports-nothing-of-ours',
      severity: 'error',
      from: { path: '^src/kernel/' },
      to: { path: '^(src|config|db)/', pathNot: '^src/kernel/' },
    },
    {
      name: 'platform-knows-no-plugin',
      severity: 'error',
      from: { path: platform },
      to: { path: '^(src/plugins|src/app|src/main|src/cli|config|db)' },
    },
    {
      name: 'platform-folders-are-siblings',
      severity: 'error',
      from: { path: '^src/(http|oidc|outgoing|storage|logging|telemetry|workers)/' },
      to: { path: platform, pathNot: '^src/$1/' },
    },
    {
      name: 'plugin-uses-kernel-and-contracts-only',
      severity: 'error',
      from: { path: '^src/plugins/([^/]+)/' },
      to: {
        path: '^(src|config|db)/',
        pathNot: ['^src/kernel/', '^src/plugins/$1/', '^src/plugins/[^/]+/contract\\.ts$'],
      },
    },
    {
      name: 'orm-only-in-models-and-migrations',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/storage/', '/model(/|\\.ts$)', '/migrations/'] },
      to: {
        path: 'node_modules/(sequelize|ioredis|pg)/',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'only-the-root-constructs',
      comment: 'nothing below imports the composition root',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/(main|app|assemble-server)\\.ts$', '^src/cli/'] },
      to: { path: '^src/(main|app|assemble-server)\\.ts$' },
    },
  ],
  options: {
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^db/migrations' },
  },
};
