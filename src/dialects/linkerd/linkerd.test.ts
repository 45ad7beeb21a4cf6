import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readmeRow } from "../../../test/support/field-readme.ts";
import { goldenCases, showGolden } from "../../../test/support/golden.ts";
import { DEFAULT_SETTINGS } from "../../model/mesh.ts";
import { readObjects } from "../kubernetes/read.ts";
import { isKubernetesObject, translateKubernetes } from "../kubernetes/translate.ts";
import { AUTHENTICATION_TABLES } from "./authentication.ts";
import { AUTHORIZATION_TABLES } from "./authorization-policy.ts";
import { HTTP_ROUTE_TABLES } from "./http-route.ts";
import { principalOf } from "./identity.ts";
import { linkerd } from "./linkerd.ts";
import { PROFILE_TABLES } from "./profile/service-profile.ts";
import { SERVER_TABLES } from "./server.ts";
import { SERVER_AUTHORIZATION_TABLES } from "./server-authorization.ts";

const HERE = import.meta.dirname;

describe("Linkerd", () => {
  it.each(goldenCases(`${HERE}/testdata`))("translates $name", async ({ file, text, golden }) => {
    const { objects } = readObjects([{ file, text }]);
    const own = objects.filter((object) => linkerd.speaks(object));
    const kubernetes = objects.filter((object) => isKubernetesObject(object));
    const { services } = translateKubernetes(kubernetes, DEFAULT_SETTINGS);
    const translation = linkerd.translate(own, { settings: DEFAULT_SETTINGS, services });
    await expect(showGolden({ ...translation })).toMatchFileSnapshot(golden);
  });

  it("says in its README what becomes of every field", () => {
    const readme = readFileSync(`${HERE}/README.md`, "utf8").replaceAll(/ +/g, " ");
    const tables = {
      ...SERVER_TABLES,
      ...AUTHORIZATION_TABLES,
      ...AUTHENTICATION_TABLES,
      ...SERVER_AUTHORIZATION_TABLES,
      ...HTTP_ROUTE_TABLES,
      ...PROFILE_TABLES,
    };
    for (const [name, table] of Object.entries(tables)) {
      expect(readme).toContain(readmeRow(name, table));
    }
  });
});

describe("an identity", () => {
  it.each([
    ["*", "*"],
    ["web.shop.serviceaccount.identity.linkerd.cluster.local", "cluster.local/ns/shop/sa/web"],
    ["*.shop.serviceaccount.identity.linkerd.cluster.local", "cluster.local/ns/shop/sa/*"],
    ["*.serviceaccount.identity.linkerd.example.org", "example.org/ns/*"],
    ["spiffe://example.org/a/b", "example.org/a/b"],
    ["web.shop", undefined],
    ["*web.shop.serviceaccount.identity.linkerd.cluster.local", undefined],
    ["a.b.c.serviceaccount.identity.linkerd.cluster.local", undefined],
    ["", undefined],
  ])("'%s' is the principal %s", (identity, principal) => {
    expect(principalOf(identity)).toBe(principal);
  });
});
