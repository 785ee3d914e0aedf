import { createConfig, lintFromString } from '@redocly/openapi-core';

/** Faults and doubts that Redocly's linter finds in an OpenAPI document, one line each. */
export async function lintDocument(source: string): Promise<string[]> {
  const config = await createConfig({ extends: ['recommended'] });
  const found = await lintFromString({ source, absoluteRef: '/openapi.json', config });
  return found.map(
    ({ severity, ruleId, message, location }) =>
      `${severity} ${ruleId}: ${message} (${location[0]?.pointer ?? ''})`,
  );
}
