/** Says where an answer is not what the OpenAPI document promises. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { RecordedAnswer } from './recorded-answers.ts';

interface ResponseObject {
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

interface Operation {
  readonly responses: Readonly<Record<string, ResponseObject>>;
}

export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: object;
}

/** The document's complaint about an answer; undefined when there is none, or when it says nothing of such calls. */
export type Compare = (answer: RecordedAnswer) => string | undefined;

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

export function createCompare(document: Document, base: string): Compare {
  const find = createFinder(document);
  const validator = createValidator(document);

  return (answer) => {
    if (!answer.path.startsWith(base)) return undefined;
    const path = answer.path.slice(base.length);
    const method = answer.method === 'HEAD' ? 'get' : answer.method.toLowerCase();
    const found = find(path, method);
    if (!found || isOfPage(answer)) return undefined;
    const fault = faultOf(answer, found, validator);
    return fault && `${answer.method} ${found.template} → ${answer.status}: ${fault}`;
  };
}

/** Forms may be posted to a page on the path of a route. */
const isOfPage = ({ sent, type, status }: RecordedAnswer): boolean =>
  sent === 'application/x-www-form-urlencoded' && (type === 'text/html' || status === 303);

interface Found {
  readonly template: string;
  readonly operation: Operation;
}

/** Paths without parameters come first, as in the router. */
function createFinder({ paths }: Document) {
  const patterns = Object.keys(paths)
    .sort((one, other) => one.split('{').length - other.split('{').length)
    .map((template) => ({
      template,
      pattern: new RegExp(`^${template.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
    }));
  return (path: string, method: string): Found | undefined => {
    for (const { template, pattern } of patterns) {
      const operation = pattern.test(path) ? paths[template]?.[method] : undefined;
      if (operation) return { template, operation };
    }
    return undefined;
  };
}

type Validator = (schema: object) => ValidateFunction;

/** Compiled schemas by their text: most apps of a test run have one and the same document. */
const compiled = new Map<string, ValidateFunction>();

function compile(schema: object, components: object): ValidateFunction {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  return ajv.compile({ ...schema, components });
}

function createValidator({ components }: Document): Validator {
  const shared = JSON.stringify(components);
  const ofDocument = new Map<object, ValidateFunction>();
  return (schema) => {
    const known = ofDocument.get(schema);
    if (known) return known;
    const text = JSON.stringify(schema) + shared;
    const validate = compiled.get(text) ?? compile(schema, components);
    compiled.set(text, validate);
    ofDocument.set(schema, validate);
    return validate;
  };
}

function faultOf(
  answer: RecordedAnswer,
  { operation }: Found,
  validator: Validator,
): string | undefined {
  const { status, headers, method, type, body } = answer;
  const promised = operation.responses[status];
  const start = body.slice(0, 300);
  if (!promised) return `a status that is not documented: ${start}`;
  if (!REQUEST_ID.test(String(headers['x-request-id']))) return 'no X-Request-Id';
  if (status === 429 && !headers['retry-after']) return 'no Retry-After';
  if (!promised.content) return body === '' ? undefined : `a body that is not documented: ${start}`;
  // Whoever prefers pages gets failures as pages.
  const isErrorPage = status >= 400 && type === 'text/html';
  return method === 'HEAD' || isErrorPage
    ? undefined
    : contentFault(answer, promised.content, validator);
}

function contentFault(
  { type, body }: RecordedAnswer,
  content: NonNullable<ResponseObject['content']>,
  validator: Validator,
): string | undefined {
  const media = content[type];
  if (!media) return `content type "${type}" is not documented`;
  if (!type.endsWith('json')) return undefined;
  const validate = validator(media.schema);
  if (validate(JSON.parse(body))) return undefined;
  const errors = (validate.errors ?? []).map(
    (one) => `${one.instancePath} ${one.message} ${JSON.stringify(one.params)}`,
  );
  return `${errors.join('; ')} in ${body.slice(0, 500)}`;
}
