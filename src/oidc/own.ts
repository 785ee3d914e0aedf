/** What is in an object under a name from outside: never what it inherits. */
export const own = <Steps extends object>(steps: Steps | undefined, name: string | undefined) =>
  steps && name !== undefined && Object.hasOwn(steps, name)
    ? steps[name as keyof Steps]
    : undefined;
