import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { AUTHORIZATION_POLICY } from "./fields/authorization-policy.ts";
import { WORKLOAD_ENTRY } from "./fields/common.ts";
import { DESTINATION_RULE } from "./fields/destination-rule.ts";
import { type FieldTable, rowsOf } from "./fields/field.ts";
import { MESH_CONFIG } from "./fields/mesh-config.ts";
import { PEER_AUTHENTICATION } from "./fields/peer-authentication.ts";
import { REQUEST_AUTHENTICATION } from "./fields/request-authentication.ts";
import { SERVICE_ENTRY } from "./fields/service-entry.ts";
import { SIDECAR } from "./fields/sidecar.ts";
import { VIRTUAL_SERVICE } from "./fields/virtual-service.ts";

const README = readFileSync(new URL("README.md", import.meta.url), "utf8");

/** The table of a kind as it must stand in the README. */
function tableOf(table: FieldTable): string {
  const rows = rowsOf(table).map(({ path, status, note }) => {
    const fate = status === "executed" ? "executed" : "read, not executed";
    return `| \`${path}\` | ${fate} | ${note} |`;
  });
  return ["| field | | note |", "|---|---|---|", ...rows].join("\n");
}

/** Without the spaces and dashes that align a table. */
function plain(text: string): string {
  return text
    .replaceAll(/ +/g, " ")
    .replaceAll(/ ?-{3,} ?/g, "---")
    .trim();
}

describe("the README's table of every field", () => {
  it.each([
    ["VirtualService", VIRTUAL_SERVICE],
    ["DestinationRule", DESTINATION_RULE],
    ["ServiceEntry", SERVICE_ENTRY],
    ["WorkloadEntry", WORKLOAD_ENTRY],
    ["Sidecar", SIDECAR],
    ["PeerAuthentication", PEER_AUTHENTICATION],
    ["AuthorizationPolicy", AUTHORIZATION_POLICY],
    ["RequestAuthentication", REQUEST_AUTHENTICATION],
    ["MeshConfig", MESH_CONFIG],
  ])("is the reader's own for %s", (kind, table) => {
    const section = README.split(`\n### ${kind}\n`)[1]?.split(/\n###? /)[0] ?? "";
    const written = section.slice(section.indexOf("| field"));
    expect(plain(written)).toBe(plain(tableOf(table)));
  });
});
