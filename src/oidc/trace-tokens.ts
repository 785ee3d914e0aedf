import type { Provider } from 'oidc-provider';
import type { Span } from '../kernel/telemetry.ts';

type Save = (...args: readonly unknown[]) => Promise<string>;

/** A span for each access token that is made, at the token endpoint and for the cookie API alike. */
export function traceTokens(provider: Provider, span: Span): void {
  for (const name of ['AccessToken', 'ClientCredentials'] as const) {
    const model = provider[name].prototype as unknown as { save: Save };
    const { save } = model;
    model.save = function traced(...args) {
      return span('sign access token', {}, () => save.apply(this, args as unknown[]));
    };
  }
}
