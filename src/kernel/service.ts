/** Typed service tokens: how one plugin reaches another. */

/** Names a service and carries its type; made once, in a `contract.ts`. */
export interface ServiceToken<Service> {
  readonly name: string;
  /** Never set: only there so that the compiler can tell tokens apart. */
  readonly service?: Service;
}

export function defineService<Service>(name: string): ServiceToken<Service> {
  return { name };
}

/** A service token together with what stands behind it. */
export interface Provided {
  readonly token: ServiceToken<unknown>;
  readonly service: unknown;
}

export function provide<Service>(token: ServiceToken<Service>, service: Service): Provided {
  return { token, service };
}
