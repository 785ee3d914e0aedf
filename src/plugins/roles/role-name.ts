/** What a role may be called: it stands in tokens and access rules. */
export const isRoleName = (name: string): boolean => /^[a-z][a-z0-9_-]{0,63}$/.test(name);
