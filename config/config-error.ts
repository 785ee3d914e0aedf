/** Everything wrong with the settings, said at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    const distinct = [...new Set(faults)];
    super(`Settings are not usable:\n${distinct.map((fault) => `  - ${fault}`).join('\n')}`);
    this.faults = distinct;
  }
}
