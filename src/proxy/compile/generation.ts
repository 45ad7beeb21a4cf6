import type { ProxyConfig } from "../../model/bootstrap.ts";
import type { Listener } from "../../model/listener.ts";
import type { RouteConfiguration } from "../../model/route.ts";
import type { CompiledListener } from "../listener/listener-set.ts";
import type { RouteTable } from "../route/route-table.ts";
import { type CompileScope, compileListener } from "./compile-listener.ts";
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

/** Throws an Error that names the resource where one cannot be compiled; nothing has changed. */
export function compileGeneration(
  config: ProxyConfig,
  last: Generation,
  scope: CompileScope,
): Generation {
  const slotOf = (name: string) => scope.clusters.slot(name);
  return {
    routes: compileAll(config.routes, last.routes, (routes) => compileRoutes(routes, slotOf)),
    listeners: compileAll(config.listeners, last.listeners, (listener) =>
      compileListener(listener, scope),
    ),
  };
}

function compileAll<S extends { readonly name: string }, T>(
  sources: readonly S[],
  last: ReadonlyMap<string, Compiled<S, T>>,
  compile: (source: S) => T,
): ReadonlyMap<string, Compiled<S, T>> {
  const compiled = new Map<string, Compiled<S, T>>();
  for (const source of sources) {
    const old = last.get(source.name);
    if (old?.source === source) {
      compiled.set(source.name, old);
      continue;
    }
    const text = JSON.stringify(source);
    const result = old?.text === text ? old.result : compileNamed(source, compile);
    compiled.set(source.name, { source, text, result });
  }
  return compiled;
}

function compileNamed<S extends { readonly name: string }, T>(
  source: S,
  compile: (source: S) => T,
): T {
  try {
    return compile(source);
  } catch (error) {
    throw new Error(`${source.name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
