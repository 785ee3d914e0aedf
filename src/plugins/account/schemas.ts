import { z } from 'zod';

/** Text that can be stored and shown: no control characters, no lone surrogates. */
const text = (max: number) =>
  z
    .string()
    .max(max)
    .refine((value) => value.isWellFormed() && !/\p{Cc}/u.test(value), {
      error: 'must not contain control characters',
    });

const email = z.string().max(320);
const password = z.string().max(1024);
const locale = z
  .string()
  .max(35)
  .regex(/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/, 'must be a BCP 47 language tag');

export const Registration = z.strictObject({
  email,
  password,
  name: text(200).optional(),
  locale: locale.optional(),
});

/** REGISTRATION=strict: the password is chosen behind the mailed link; one that comes here is not looked at. */
export const RegistrationByMail = Registration.partial({ password: true });

export const Credentials = z.strictObject({ email, password });

export const Reauthentication = z.strictObject({ password });

export const ProfileChanges = z.strictObject({
  name: text(200).nullable().optional(),
  locale: locale.nullable().optional(),
});

export const User = z
  .object({
    id: z.uuid(),
    email: z.string(),
    email_verified: z.boolean(),
    name: z.string().nullable(),
    locale: z.string().nullable(),
    roles: z.array(z.string()),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'User' });

export const Registered = z.object({ user: User });

export const SignedIn = z
  .object({
    user: User,
    access_token_expires_at: z.iso.datetime(),
    refresh_token_expires_at: z.iso.datetime(),
  })
  .meta({ id: 'SignedIn' });

export const PasswordChange = z.strictObject({
  current_password: password,
  new_password: password,
});

export const EmailChange = z.strictObject({ email, current_password: password });

export const EmailChanged = z
  .object({ status: z.enum(['check-mail', 'changed']) })
  .meta({ id: 'EmailChange' });

export const SessionId = z.strictObject({ id: z.string().regex(/^[\w-]{43}$/) });

export const SessionList = z
  .object({
    sessions: z.array(
      z.object({
        id: z.string(),
        device: z.string(),
        ip: z.string(),
        created_at: z.iso.datetime(),
        last_seen: z.iso.datetime(),
        current: z.boolean(),
        clients: z.array(z.string()),
      }),
    ),
  })
  .meta({ id: 'SessionList' });

export const HistoryQuery = z.strictObject({
  cursor: z.string().max(400).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
});

export const HistoryPage = z
  .object({
    logins: z.array(
      z.object({
        auth_date: z.iso.datetime(),
        logout_date: z.iso.datetime().nullable(),
        device: z.string(),
        ip: z.string(),
        method: z.string(),
      }),
    ),
    next_cursor: z.string().nullable(),
  })
  .meta({ id: 'HistoryPage' });

export const UserExport = z
  .object({
    issuer: z.string(),
    exported_at: z.iso.datetime(),
    user_id: z.uuid(),
    /** By section, each as the plugin that keeps it says. */
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'UserExport' });
