/** The words of the blocklist: 49,000 common passwords of any length, and long ones. */

/** Both lists are in lower case. Takes about 30 ms and 10 MB, so it is loaded when first needed. */
export async function loadCommonPasswords(): Promise<Iterable<string>> {
  const [{ dictionary }, { LONG_PASSWORDS }] = await Promise.all([
    import('@zxcvbn-ts/language-common'),
    import('./long-passwords.ts'),
  ]);
  return [...dictionary['passwords-common'], ...LONG_PASSWORDS.split(/\s+/)];
}
