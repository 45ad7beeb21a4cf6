import type { Refusals } from "../../base/refusals.ts";
import type { ProxyConfig } from "../../model/bootstrap.ts";
import type { Listener } from "../../model/listener.ts";
import type { RouteConfiguration } from "../../model/route.ts";
import type { CompiledListener } from "../listener/listener.ts";
import type { RouteTable } from "../route/route-table.ts";
import { type CompileScope, compileListener, routePartsOf } from "./compile-listener.ts";
import { compileRoutes } from "./compile-routes.ts";

/** Everything of one configuration, compiled. What did not change is taken from the last one. */
export interface Generation {
  readonly listeners: ReadonlyMap<string, Compiled<Listener, CompiledListener>>;
  readonly routes: ReadonlyMap<string, Compiled<RouteConfiguration, RouteTable>>;
}

interface Compiled<S, T> {
  readonly source: S;
  readonly text: string;
  readonly result: T;
}

export const NO_GENERATION: Generation = { listeners: new Map(), routes: new Map() };

/** What cannot be compiled is left out, and told to `refusals` with its kind and name. */
export function compileGeneration(
  config: ProxyConfig,
  last: Generation,
  scope: CompileScope,
  refusals: Refusals,
): Generation {
  const parts = routePartsOf(scope);
  const routes = compileAll(config.routes, last.routes, (source) =>
    refusals.attempt(`routes ${source.name}`, () => compileRoutes(source, parts)),
  );
  const listeners = compileAll(config.listeners, last.listeners, (source) =>
    refusals.attempt(`listener ${source.name}`, () => compileListener(source, scope)),
  );
  return { routes, listeners };
}

function compileAll<S extends { readonly name: string }, T>(
  sources: readonly S[],
  last: ReadonlyMap<string, Compiled<S, T>>,
  compile: (source: S) => T | undefined,
): ReadonlyMap<string, Compiled<S, T>> {
  const compiled = new Map<string, Compiled<S, T>>();
  for (const source of sources) {
    const old = last.get(source.name);
    if (old?.source === source) {
      compiled.set(source.name, old);
      continue;
    }
    const text = JSON.stringify(source);
    const result = old?.text === text ? old.result : compile(source);
    if (result !== undefined) compiled.set(source.name, { source, text, result });
  }
  return compiled;
}
