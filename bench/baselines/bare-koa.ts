/** The limit for answers that do not change, and for a route behind a token: Koa with nothing around it. */
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import Koa from 'koa';
import { baselineArguments, reportReady } from './baseline-process.ts';

export interface BareKoaArguments {
  readonly port: number;
  readonly issuer: string;
  readonly audience: string;
  readonly jwks: JSONWebKeySet;
  /** By path. */
  readonly documents: Readonly<Record<string, { readonly type: string; readonly body: string }>>;
}

const args = baselineArguments<BareKoaArguments>();
const { issuer, audience } = args;
const documents = new Map(
  Object.entries(args.documents).map(([path, { type, body }]) => [
    path,
    { type, body: Buffer.from(body) },
  ]),
);
const keys = createLocalJWKSet(args.jwks);
const app = new Koa();
app.use(async (ctx) => {
  const document = documents.get(ctx.path);
  if (document) {
    ctx.type = document.type;
    ctx.body = document.body;
    return;
  }
  const token = ctx.get('authorization').slice('Bearer '.length);
  const { payload } = await jwtVerify(token, keys, {
    issuer,
    audience,
    typ: 'at+jwt',
    algorithms: ['ES256'],
  });
  ctx.body = { sub: payload.sub };
});
app.listen(args.port, '127.0.0.1', reportReady);
