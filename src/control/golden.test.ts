import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { goldenCases, showGolden } from "../../test/support/golden.ts";
import { clientSnapshot } from "../../test/support/mesh.ts";
import { AddressBook } from "./addresses.ts";
import type { Snapshot } from "./server/snapshot-source.ts";
import { translate } from "./translate.ts";
import { validate } from "./validate.ts";

const FOLDER = fileURLToPath(new URL("testdata", import.meta.url));

/** Without what every listener of a direction has in common: the snapshot is about the rest. */
function show(snapshot: Snapshot): Record<string, unknown> {
  const listeners = snapshot.listeners.map((listener) => ({
    name: listener.name,
    inspectors: listener.listenerFilters,
    chains: listener.filterChains.map(({ filter, match }) => ({
      protocols: match.applicationProtocols,
      to: filter.kind === "http" ? filter.routes : filter.clusters,
    })),
    otherwise:
      listener.defaultFilterChain?.filter.kind === "tcp"
        ? listener.defaultFilterChain.filter.clusters
        : undefined,
  }));
  const { routes, clusters, endpoints } = snapshot;
  return { listeners, routes, clusters, endpoints };
}

describe.each(goldenCases(FOLDER))("$name", ({ text, file, golden }) => {
  it("becomes the configuration that stands beside it", async () => {
    const mesh = new AddressBook().assign(translate([{ file, text }]));
    const diagnostics = [...mesh.diagnostics, ...validate(mesh)];
    const shown = showGolden({ ...show(clientSnapshot(mesh)), diagnostics });
    await expect(shown).toMatchFileSnapshot(golden);
  });
});
