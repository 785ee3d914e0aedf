import type { ErrorOut, KoaContextWithOIDC } from 'oidc-provider';

export type RenderPage = (view: string, locals: Record<string, unknown>) => string;

const HEADINGS: Readonly<Record<string, string>> = {
  invalid_client: 'This application is not known here',
  invalid_redirect_uri: 'The application sent a wrong return address',
  invalid_request: 'This link does not work',
  access_denied: 'Access was denied',
  temporarily_unavailable: 'Please try again in a moment',
};

/** The page of an error that cannot be sent back to the client (its redirect_uri is not proven). */
export const createRenderError =
  (render: RenderPage) =>
  (ctx: KoaContextWithOIDC, out: ErrorOut): void => {
    const isExpired = ctx.oidc?.route === 'resume' || ctx.path.includes('/interaction/');
    ctx.type = 'html';
    ctx.body = render('error', {
      title: 'Error',
      status: ctx.status,
      heading: isExpired
        ? 'This sign-in has expired'
        : (HEADINGS[out.error] ?? 'Something went wrong'),
      message: isExpired
        ? 'Go back to the application and start again.'
        : 'Go back to the application and try again. If that does not help, whoever runs it can tell from the details below.',
      errorCode: out.error,
      ...(isExpired ? {} : { reason: out.error_description }),
      requestId: (ctx.state as { requestId?: string }).requestId,
    });
  };
