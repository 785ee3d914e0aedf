/** The users admin API, called by a superuser. */
import { expect } from 'chai';
import type { User } from '../../src/plugins/users/contract.ts';
import type { Answer, Browser } from './browser.ts';
import { createUser, signedInBrowser } from './people.ts';
import type { TestApp } from './test-app.ts';

export interface ManagedUser {
  readonly id: string;
  readonly email: string;
  readonly roles: readonly string[];
  readonly disabled: boolean;
  readonly disabled_at: string | null;
}

export interface UserPage {
  readonly users: readonly ManagedUser[];
  readonly next_cursor: string | null;
}

export type UserAdmin = Awaited<ReturnType<typeof createUserAdmin>>;

/** Signs a new superuser in. */
export async function createUserAdmin(app: TestApp) {
  const user: User = await createUser(app, ['superuser']);
  const browser: Browser = await signedInBrowser(app, user);
  const { request } = browser;
  return {
    user,
    browser,
    request,

    /** Throws unless it is answered with 200. */
    async list(params: Readonly<Record<string, string>>): Promise<UserPage> {
      const answer = await request(`/users?${new URLSearchParams(params)}`);
      expect(answer.status, answer.text).to.equal(200);
      return answer.json<UserPage>();
    },

    show: async (id: string): Promise<ManagedUser> => (await request(`/users/${id}`)).json(),

    setDisabled: (id: string, disabled: boolean): Promise<Answer> =>
      request(`/users/${id}`, { method: 'PATCH', json: { disabled } }),

    remove: (id: string): Promise<Answer> => request(`/users/${id}`, { method: 'DELETE' }),

    /** The id of `superuser`. */
    async superuserRole(): Promise<string> {
      const { roles } = (await request('/roles')).json<{ roles: { id: string; name: string }[] }>();
      return roles.find(({ name }) => name === 'superuser')?.id ?? '';
    },
  };
}
