/** What a browser complains about: its console, scripts that failed, requests that failed. */
import type { BrowserContext, ConsoleMessage, Response } from 'playwright-core';

export interface FaultWatch {
  /** Complaints since the start, one line each. */
  faults(): readonly string[];
}

/** Chromium's console line for an answer of 400 or more. */
const STATUS = 'Failed to load resource: the server responded with a status of ';

/** `judged`: URLs whose answers to scripts are for the test to judge, as pages always are. */
export function watchFaults(context: BrowserContext, judged = /^$/): FaultWatch {
  const faults: string[] = [];
  const messages: ConsoleMessage[] = [];
  const pages = new Set<string>();
  context.on('console', (message) => messages.push(message));
  context.on('weberror', (error) => faults.push(`script: ${error.error().message}`));
  context.on('requestfailed', (request) => {
    const reason = request.failure()?.errorText ?? '';
    // A page is there before its icon, and whoever leaves at once does not wait for it.
    if (request.url().endsWith('/assets/icon.svg') && reason === 'net::ERR_ABORTED') return;
    faults.push(`request failed: ${request.url()} ${reason}`);
  });
  context.on('response', (response: Response) => {
    // The status of a page is for the test to judge.
    if (response.request().isNavigationRequest()) pages.add(response.url());
    else if (response.status() >= 400 && !judged.test(response.url()))
      faults.push(`${response.status()} ${response.url()}`);
  });
  const isOfPage = (message: ConsoleMessage): boolean => {
    const { url } = message.location();
    // oidc-provider's own form_post page names no icon, so browsers look for one in the old place.
    const isExpected = pages.has(url) || judged.test(url) || url.endsWith('/favicon.ico');
    return message.text().startsWith(STATUS) && isExpected;
  };
  return {
    faults: () => [
      ...faults,
      ...messages
        .filter((message) => ['error', 'warning'].includes(message.type()) && !isOfPage(message))
        .map((message) => `${message.type()}: ${message.text()}`),
    ],
  };
}
