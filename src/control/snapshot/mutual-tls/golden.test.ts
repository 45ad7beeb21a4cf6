import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { goldenCases, showGolden } from "../../../../test/support/golden.ts";
import { meshedPods, meshOf, sidecarNode, snapshotOf } from "../../../../test/support/mesh.ts";
import type { UpstreamTls } from "../../../model/transport/tls.ts";
import { validate } from "../../validate.ts";

const FOLDER = fileURLToPath(new URL("testdata", import.meta.url));

/** What the parts have in common is no matter of a case. */
function showTls(tls: UpstreamTls | undefined): unknown {
  if (tls === undefined) return "plaintext";
  const { sni, alpnProtocols, validation } = tls;
  return { sni, alpnProtocols, sans: validation?.sans.map(({ match }) => match.value) };
}

describe.each(goldenCases(FOLDER))("$name", ({ text, golden }) => {
  it("makes every pod with a certificate serve and ask as the golden file says", async () => {
    const mesh = meshOf(text);
    const pods = meshedPods(mesh);
    const shown = pods.map((pod) => {
      const node = sidecarNode(pod, { namespace: pod.namespace, identity: true });
      const { clusters, endpoints, listeners } = snapshotOf(mesh, pods, node);
      const inbound = listeners.filter(({ direction }) => direction === "inbound");
      return {
        pod: pod.name,
        takes: inbound.flatMap(({ filterChains }) =>
          filterChains.map(({ name, match, tls, filter }) => {
            const asked = [match.transportProtocol, ...match.applicationProtocols].join(" ");
            return `${name}: ${asked} → ${tls === undefined ? "" : "mTLS "}${filter.kind}`;
          }),
        ),
        asks: clusters
          .filter(({ name }) => name.startsWith("outbound|"))
          .map(({ name, tls, transportSocketMatches: matches }) => ({
            name,
            tls: matches?.map((each) => [each.name, showTls(each.tls)]) ?? showTls(tls),
          })),
        endpoints: endpoints.map(({ clusterName, localities }) => ({
          clusterName,
          are: localities.flatMap((locality) =>
            locality.endpoints.map(({ transportSocketMatch, unreachable }) => ({
              transportSocketMatch,
              unreachable,
            })),
          ),
        })),
      };
    });
    const diagnostics = [...mesh.diagnostics, ...validate(mesh)];
    await expect(showGolden({ pods: shown, diagnostics })).toMatchFileSnapshot(golden);
  });
});
