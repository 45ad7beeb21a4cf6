import { expect, it } from "vitest";
import { DEFAULT_SETTINGS } from "../../../model/mesh.ts";
import { serverTls } from "./server-tls.ts";
import { anyOfMesh } from "./trust.ts";

it("a listener takes who is of the mesh by any name, or of a mesh that it believes", () => {
  const settings = {
    ...DEFAULT_SETTINGS,
    trustDomain: "new.example",
    trustDomainAliases: ["cluster.local"],
    federatedTrustDomains: ["west.example", "cluster.local"],
  };
  const prefixes = serverTls(settings, "http").validation?.sans.map(({ match }) => match);
  expect(prefixes).toMatchObject([
    { kind: "prefix", value: "spiffe://new.example/" },
    { kind: "prefix", value: "spiffe://cluster.local/" },
    { kind: "prefix", value: "spiffe://west.example/" },
  ]);
  expect(anyOfMesh(settings)).toHaveLength(2);
});
