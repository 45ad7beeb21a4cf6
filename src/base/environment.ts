/** Variables by name; undefined where one is not set. */
export type Environment = (name: string) => string | undefined;

export const systemEnvironment: Environment = (name) => process.env[name];
