import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { readBootstrap } from "../../src/proxy/bootstrap.ts";
import { endpointsConfig, routesConfig, virtualHostsConfig } from "../growth/large-config.ts";
import { policiesConfig } from "./policies.ts";
import { servicesConfig } from "./services.ts";
import { configText } from "./sidecar.ts";

const FILES = fs.readdirSync(path.join(import.meta.dirname, "../config"));

describe("the configuration of the benchmarks", () => {
  it.each(FILES)("is executed by Outrigger as it stands: %s", (name) => {
    const { bootstrap, diagnostics } = readBootstrap(configText(name, {}), name);
    expect(diagnostics).toEqual([]);
    expect(bootstrap?.listeners).toHaveLength(1);
  });

  it.each([
    ["routes", routesConfig],
    ["virtual hosts", virtualHostsConfig],
    ["endpoints", endpointsConfig],
  ])("is executed with a hundred %s", (name, config) => {
    const { bootstrap, diagnostics } = readBootstrap(config(100, 4711, 4712), `${name}.json`);
    expect(diagnostics).toEqual([]);
    expect(bootstrap?.listeners).toHaveLength(1);
  });

  it.each([0, 1, 10, 100] as const)("is executed with %i policies", (count) => {
    const { bootstrap, diagnostics } = readBootstrap(policiesConfig(count, 4711, 4712), "p.yaml");
    expect(diagnostics).toEqual([]);
    const filter = bootstrap?.listeners[0]?.filterChains[0]?.filter;
    const [first] = filter?.kind === "http" ? filter.httpFilters : [];
    const found = first?.kind === "rbac" ? first.rbac.rules?.policies.length : 0;
    expect(found).toBe(count);
  });

  it("gets the ports of a run in the place of its own", () => {
    const text = configText("one-hop.yaml", { 10000: 4711, 10001: 4712 });
    expect(text.match(/port_value: \d+/g)).toEqual([
      "port_value: 4711",
      "port_value: 4712",
      "port_value: 4712",
    ]);
  });

  it("has a cluster of its own for each service", () => {
    const { bootstrap } = readBootstrap(servicesConfig(300, 4711, 4712), "services.json");
    expect(new Set(bootstrap?.clusters.map(({ name }) => name)).size).toBe(300);
  });
});
