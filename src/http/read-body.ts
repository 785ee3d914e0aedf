import type { Context } from 'koa';
import getRawBody from 'raw-body';
import { findJsonFault } from './json-faults.ts';
import { problems } from './problem-response.ts';

/** Bytes. Nothing that we accept is larger; checked before parsing. */
const LIMIT = 32 * 1024;

/** The body, decoded: for who cannot parse it yet. */
export async function readText(ctx: Context): Promise<string> {
  const encoding = ctx.get('Content-Encoding');
  if (encoding && encoding !== 'identity') {
    throw problems.unsupportedMediaType({ detail: 'Send the body without Content-Encoding.' });
  }
  let bytes: Buffer;
  try {
    bytes = await getRawBody(ctx.req, { limit: LIMIT, length: ctx.request.length ?? null });
  } catch (error) {
    if ((error as { type?: string }).type === 'entity.too.large') throw problems.bodyTooLarge();
    throw problems.malformedBody({ cause: error });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw problems.malformedBody({ detail: 'The body is not UTF-8.', cause: error });
  }
}

/** A JSON body; only `application/json` is accepted, and of it only what has one meaning (`json-faults.ts`). */
export async function readJson(ctx: Context, read?: string): Promise<unknown> {
  if (!ctx.is('application/json')) {
    throw problems.unsupportedMediaType({ detail: 'Send application/json.' });
  }
  const text = read ?? (await readText(ctx));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw problems.malformedBody({ detail: 'The body is not JSON.', cause: error });
  }
  const fault = findJsonFault(text);
  if (fault) throw problems.malformedBody({ detail: fault });
  return value;
}

/** Fields of an HTML form; a field that comes twice is refused. */
export async function readForm(ctx: Context, read?: string): Promise<Record<string, string>> {
  if (!ctx.is('application/x-www-form-urlencoded')) throw problems.unsupportedMediaType();
  const form: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of new URLSearchParams(read ?? (await readText(ctx)))) {
    if (name in form) throw problems.malformedBody({ detail: 'A field was sent twice.' });
    form[name] = value;
  }
  return form;
}
