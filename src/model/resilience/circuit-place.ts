import type { Route } from "../route.ts";

/** What a route's circuit is called by: the route's name, or its number in its virtual host. */
export function routePlace({ name }: Pick<Route, "name">, host: string, index: number): string {
  return name === "" ? `${host}#${index}` : name;
}
