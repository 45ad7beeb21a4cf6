import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { formatDiagnostic } from "../../base/diagnostic.ts";
import type { Service } from "../../model/mesh.ts";
import type { AccessPolicy } from "../../model/policy/access-policy.ts";
import { NO_MUTATIONS } from "../../model/route.ts";
import { readObjects } from "../kubernetes/read.ts";
import { istio } from "./istio.ts";
import { readMeshSettings } from "./mesh-config.ts";

const TESTDATA = fileURLToPath(new URL("testdata/", import.meta.url));

/** The services that the documents route to. */
const SERVICES: readonly Service[] = ["reviews.shop", "reviews.default", "shop.default"].map(
  (name) => ({
    host: `${name}.svc.cluster.local`,
    name: name.split(".")[0] ?? "",
    namespace: name.split(".")[1] ?? "",
    ports: [{ name: "http", port: 9080, targetPort: 9080, protocol: "http" }],
    addresses: [],
    headless: false,
    selector: {},
    resolution: "pods",
    endpoints: [],
    external: false,
    exportTo: ["*"],
    labels: {},
    annotations: {},
    origin: { position: { file: "", line: 1, column: 1 }, kind: "", namespace: "", name, path: "" },
  }),
);

/** An origin in one line; what is not set and headers that do not change are left out. */
function shorten(key: string, value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries(value);
  if (key.endsWith("Headers") && JSON.stringify(value) === JSON.stringify(NO_MUTATIONS)) return;
  if (key !== "origin" || typeof value !== "object" || value === null) return value;
  const { position, path, rationale } = value as Service["origin"];
  return `line ${position.line} ${path}${rationale === undefined ? "" : ` (${rationale})`}`.trim();
}

/** Without the lists that are empty: a rule has forty of them. */
function shortPolicy(policy: AccessPolicy): unknown {
  const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0;
  const written = (_: string, value: unknown): unknown => (isEmpty(value) ? undefined : value);
  return JSON.parse(JSON.stringify(policy, written));
}

function translate(file: string): string {
  const { objects, diagnostics } = readObjects([
    { file, text: readFileSync(TESTDATA + file, "utf8") },
  ]);
  const mesh = readMeshSettings(objects);
  const spoken = objects.filter(istio.speaks);
  const context = { settings: mesh.settings, services: SERVICES };
  const translation = istio.translate(spoken, context);
  const findings = [...diagnostics, ...mesh.diagnostics, ...translation.diagnostics];
  const parts = {
    ...(file.startsWith("mesh-config") ? { settings: mesh.settings } : {}),
    services: translation.services,
    routes: translation.routes,
    destinationPolicies: translation.destinationPolicies,
    egressPolicies: translation.egressPolicies,
    requestAuthentications: translation.security.requestAuthentications,
    peerAuthentications: translation.security.peerAuthentications,
    accessPolicies: translation.security.accessPolicies.map(shortPolicy),
    diagnostics: findings.map(formatDiagnostic),
  };
  const set = Object.entries(parts).filter(([, part]) => !Array.isArray(part) || part.length > 0);
  const plain: unknown = JSON.parse(JSON.stringify(Object.fromEntries(set), shorten));
  return stringify(plain, { lineWidth: 0 });
}

describe("translating Istio's objects into the model", () => {
  const files = readdirSync(TESTDATA).filter((file) => !file.includes(".golden."));

  it.each(files)("%s comes out as its golden file", async (file) => {
    const golden = `${TESTDATA}${file.replace(".yaml", ".golden.yaml")}`;
    await expect(translate(file)).toMatchFileSnapshot(golden);
  });
});
