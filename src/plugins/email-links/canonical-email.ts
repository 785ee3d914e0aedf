import { parseEmailAddress, userProblems } from '../users/contract.ts';

/** The one spelling of an address that was accepted before. Throws `users:invalid-email` for any other text. */
export function canonicalEmail(email: string): string {
  const address = parseEmailAddress(email);
  if (address) return address.canonical;
  const detail = 'Enter one e-mail address, such as name@example.com.';
  throw userProblems.invalidEmail({ errors: [{ pointer: '#/email', detail }] });
}
