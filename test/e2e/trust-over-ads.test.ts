/** The mesh's roots and revocation lists, given out by SDS on the stream of configuration. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { expect, it, onTestFinished } from "vitest";
import { startControl } from "../../src/control/main.ts";
import type { ControlSecurity, RunningControl } from "../../src/control/running-control.ts";
import { SecretSchema } from "../../src/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { socketAddress } from "../../src/model/address.ts";
import { HostileProxy } from "../attacks/control/hostile-proxy.ts";
import { askForCertificate } from "../support/certificate-caller.ts";

const SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
const REVIEWS = { namespace: "shop", serviceAccount: "reviews" };
const NODE = "sidecar~10.0.0.1~reviews-1.shop~shop.svc.cluster.local";
const LOCAL = socketAddress("127.0.0.1", 0);

async function started(): Promise<{ control: RunningControl; security: ControlSecurity }> {
  const folder = mkdtempSync(path.join(tmpdir(), "outrigger-trust-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(
    path.join(folder, "mesh.yaml"),
    "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n",
  );
  const secure = { address: LOCAL, caDir: path.join(folder, "ca"), audit: () => {} };
  const start = await startControl({
    paths: [path.join(folder, "mesh.yaml")],
    adsAddress: LOCAL,
    httpAddress: LOCAL,
    secure,
    watch: false,
  });
  if (start.kind === "refused") throw new Error(JSON.stringify(start.diagnostics));
  const { control } = start;
  onTestFinished(() => control.stop());
  if (control.security === undefined) throw new Error("no TLS port");
  return { control, security: control.security };
}

/** The roots and lists in the newest answer. */
function trustIn(proxy: HostileProxy): { roots: string; lists: string } {
  const [any] = proxy.responses.at(-1)?.resources ?? [];
  const { name, type } = fromBinary(SecretSchema, any?.value ?? new Uint8Array());
  expect(name).toBe("ROOTCA");
  if (type.case !== "validationContext") throw new Error("no validation context");
  return { roots: textOf(type.value.trustedCa), lists: textOf(type.value.crl) };
}

function textOf(source: { specifier: { case: unknown; value?: unknown } } | undefined): string {
  const value = source?.specifier.value;
  return value instanceof Uint8Array ? Buffer.from(value).toString() : String(value ?? "");
}

it("the bundle comes to whoever has a certificate, and again when it changes", async () => {
  const { control, security } = await started();
  const roots = security.bundle.roots;
  const token = security.joinToken(REVIEWS);
  const { chain, key } = await askForCertificate({ address: security.address, roots, token });
  const certificate = { chain: chain[0] ?? "", key };
  const one = HostileProxy.openSecure(security.address.port, { roots, certificate });
  onTestFinished(() => one.leave());
  one.ask({ typeUrl: SECRET, names: ["ROOTCA"], node: NODE });
  expect(await one.sees(1)).toBe(true);
  expect(trustIn(one)).toEqual({ roots, lists: "" });

  security.rotateRoot();
  const [first] = one.responses;
  one.ask({ typeUrl: SECRET, names: ["ROOTCA"], nonce: first?.nonce ?? "", node: NODE });
  expect(await one.sees(2)).toBe(true);
  expect(trustIn(one).roots).toBe(security.bundle.roots);
  expect(security.bundle.roots).not.toBe(roots);

  const other = { namespace: "shop", serviceAccount: "ratings" };
  const another = { address: security.address, roots, token: security.joinToken(other) };
  await askForCertificate(another);
  security.revoke({ identity: other });
  const [, second] = one.responses;
  one.ask({ typeUrl: SECRET, names: ["ROOTCA"], nonce: second?.nonce ?? "", node: NODE });
  expect(await one.sees(3)).toBe(true);
  expect(trustIn(one).lists).toBe(security.bundle.crl);
  expect(security.bundle.crl).toContain("BEGIN X509 CRL");
  expect(control.status()).toHaveLength(1);
});
