import { z } from 'zod';

const token = z.string().max(4096);

const password = z.string().max(1024);

export const Confirmation = z.strictObject({
  token,
  password: password.optional(),
  new_password: password.optional(),
  name: z
    .string()
    .max(200)
    .refine((value) => value.isWellFormed() && !/\p{Cc}/u.test(value), {
      error: 'must not contain control characters',
    })
    .optional(),
});

export const Confirmed = z
  .object({ status: z.enum(['verified', 'changed', 'registered']) })
  .meta({ id: 'EmailConfirmed' });

export const VerificationAsked = z
  .object({ status: z.enum(['check-mail', 'verified']) })
  .meta({ id: 'VerificationAsked' });

export const ForgottenPassword = z.strictObject({ email: z.string().max(320) });

export const CheckMail = z.object({ status: z.literal('check-mail') }).meta({ id: 'CheckMail' });

export const PasswordReset = z.strictObject({
  token,
  new_password: password,
  remove_identities: z.array(z.string().max(40)).max(100).optional(),
});
