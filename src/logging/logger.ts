/** Structured logging: one JSON line an event on stdout. Owns what may never be logged. */
import { type DestinationStream, type Logger, pino } from 'pino';
import { scrub } from './scrub.ts';

/** Members that carry secrets or personal data wherever they appear, one or two levels deep. */
const SECRET_MEMBERS = [
  'password',
  'current_password',
  'new_password',
  'token',
  'access_token',
  'refresh_token',
  'id_token',
  'id_token_hint',
  'code',
  'code_verifier',
  'client_secret',
  'client_assertion',
  'cookie',
  'cookies',
  'authorization',
  'secret',
  'email',
];

interface LoggerOptions {
  readonly level: string;
  /** In each line: the number of the process, where there are several. */
  readonly worker?: string;
  readonly destination?: DestinationStream;
}

/** Members in which messages of libraries are passed on. */
const QUOTING_MEMBERS = ['reason', 'detail'];

const FRAME = /^ {4}at /;

/** Where it was thrown, without the message that a stack begins with. */
const framesOf = (stack: string): string =>
  stack
    .split('\n')
    .filter((line) => FRAME.test(line))
    .join('\n');

/**
 * Errors are logged with type, message and stack, never with what was attached to them (SQL, parameters). Messages
 * quote what somebody sent, passwords and tokens too: only what cannot be such is left of them.
 */
function serializeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: scrub(String(error)) };
  const { name, message, stack = '', cause } = error;
  const code = (error as NodeJS.ErrnoException).code;
  return {
    type: name,
    message: scrub(message),
    // Under `code` it would pass for one of OAuth's.
    ...(code === undefined ? {} : { error_code: code }),
    ...(cause === undefined ? {} : { cause: serializeError(cause) }),
    stack: framesOf(stack),
  };
}

const scrubMember = (value: unknown): unknown => (typeof value === 'string' ? scrub(value) : value);

export function createLogger({ level, worker, destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: worker === undefined ? null : { worker },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: {
      err: serializeError,
      ...Object.fromEntries(QUOTING_MEMBERS.map((name) => [name, scrubMember])),
    },
    redact: {
      paths: SECRET_MEMBERS.flatMap((member) => [member, `*.${member}`]),
      censor: '[redacted]',
    },
  };
  return destination ? pino(options, destination) : pino(options);
}
