import { type EmailAddress, parseEmailAddress, userProblems } from '../users/contract.ts';

/** A typed address as it is mailed and stored. Throws `users:invalid-email`. */
export function emailAddress(typed: string): EmailAddress {
  const address = parseEmailAddress(typed);
  if (address) return address;
  const detail = 'Enter one e-mail address, such as name@example.com.';
  throw userProblems.invalidEmail({ errors: [{ pointer: '#/email', detail }] });
}
