/** Calls the example API with an access token (RFC 6750 §2.1). */

export interface Answer {
  readonly path: string;
  /** HTTP status, or why there is none. */
  readonly status: number | string;
  readonly body: string;
}

const PATHS = ['/public', '/me', '/admin'];
/** Milliseconds. */
const TIMEOUT = 5000;

/** Asks for everything the API has; an API that cannot be reached is an answer too. */
export const callApi = (apiUrl: URL, accessToken: string): Promise<Answer[]> =>
  Promise.all(PATHS.map((path) => callPath(apiUrl, path, accessToken)));

async function callPath(apiUrl: URL, path: string, accessToken: string): Promise<Answer> {
  try {
    const response = await fetch(new URL(path, apiUrl), {
      headers: { authorization: `Bearer ${accessToken}` },
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT),
    });
    return { path, status: response.status, body: await response.text() };
  } catch (error) {
    return { path, status: 'no answer', body: (error as Error).message };
  }
}
