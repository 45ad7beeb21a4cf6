import type { Route } from "../route.ts";

/**
 * What a route's circuit is called by: its rule, else the route's name, else its number in its
 * virtual host.
 */
export function routePlace(
  { circuit, name }: Pick<Route, "name" | "circuit">,
  host: string,
  index: number,
): string {
  return circuit?.rule ?? (name === "" ? `${host}#${index}` : name);
}
