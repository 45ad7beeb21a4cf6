import { create } from "@bufbuild/protobuf";
import { Code, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { expect, it, onTestFinished } from "vitest";
import { type AuthorityScene, authorityScene } from "../../../../test/support/authority-scene.ts";
import { TestAuthority } from "../../../../test/support/certificates.ts";
import {
  DiscoveryRequestSchema,
  type DiscoveryResponse,
} from "../../../gen/envoy/service/discovery/v3/discovery_pb.js";
import { SecretDiscoveryService } from "../../../gen/envoy/service/secret/v3/sds_pb.js";
import { formatAddress } from "../../../model/address.ts";
import { NO_VALIDATION, type TlsValidation } from "../../../model/transport/tls.ts";
import { secretOf } from "../../../xds/secret-response.ts";
import { bundleSecret } from "../../ca/trust/bundle-secret.ts";

const REVIEWS = { namespace: "shop", serviceAccount: "reviews" };

async function clientOf({ ask, control }: AuthorityScene, known = true) {
  const { chain, key } = await ask({ token: control.joinToken(REVIEWS) });
  const shown = known ? { cert: chain[0] ?? "", key } : {};
  const baseUrl = `https://${formatAddress(control.address)}`;
  const sessionManager = new Http2SessionManager(
    baseUrl,
    {},
    { ca: control.bundle.roots, ...shown },
  );
  onTestFinished(() => sessionManager.abort());
  return createClient(SecretDiscoveryService, createGrpcTransport({ baseUrl, sessionManager }));
}

function asking(resourceNames: string[], responseNonce = "") {
  return create(DiscoveryRequestSchema, { resourceNames, responseNonce });
}

function validationIn({ resources }: DiscoveryResponse): TlsValidation {
  const secret = secretOf(resources, "ROOTCA");
  return secret.kind === "validation" ? secret.validation : NO_VALIDATION;
}

it("whoever has a certificate is told the bundle, and each revocation", async () => {
  const scene = await authorityScene();
  const client = await clientOf(scene);
  const other = { namespace: "shop", serviceAccount: "ratings" };
  await scene.ask({ token: scene.control.joinToken(other) });
  let more: (nonce: string) => void = () => undefined;
  const acknowledged = new Promise<string>((resolve) => {
    more = resolve;
  });
  async function* requests() {
    yield asking(["ROOTCA"]);
    yield asking(["ROOTCA"], await acknowledged);
    await new Promise(() => undefined);
  }
  const told: TlsValidation[] = [];
  for await (const response of client.streamSecrets(requests())) {
    told.push(validationIn(response));
    if (told.length === 2) break;
    more(response.nonce);
    scene.control.revoke({ identity: other });
  }
  const { crl, roots } = scene.control.bundle;
  expect(told[0]).toEqual({ ...NO_VALIDATION, trustedCa: { kind: "inline", text: roots } });
  expect(told[1]?.crl).toEqual({ kind: "inline", text: crl });
});

it("nobody is told another secret, and strangers are told nothing", async () => {
  const scene = await authorityScene();
  const client = await clientOf(scene);
  const names = ["default", "ROOTCA", "kubernetes://shop/credential"];
  expect((await client.fetchSecrets(asking(names))).resources).toHaveLength(1);
  expect((await client.fetchSecrets(asking(["default"]))).resources).toEqual([]);
  const many = Array.from({ length: 101 }, (_, i) => `${i}`);
  await expect(client.fetchSecrets(asking(many))).rejects.toMatchObject({
    code: Code.ResourceExhausted,
  });
  const stranger = await clientOf(scene, false);
  await expect(stranger.fetchSecrets(asking(["ROOTCA"]))).rejects.toMatchObject({
    code: Code.Unauthenticated,
  });
});

it("lists stand beside the roots, or in the bundles of our own domains alone", async () => {
  const [own, west] = await Promise.all([TestAuthority.create(), TestAuthority.create("west")]);
  const crl = await own.revoke([]);
  const names = { trustDomain: "new.example", aliases: ["cluster.local"] };
  const alone = bundleSecret({ ...names, roots: own.pem, crl, federated: new Map() });
  expect(alone).toMatchObject({ validation: { crl: { text: crl } } });
  const federated = new Map([
    ["west.example", west.pem],
    ["nobody.example", ""],
    ["cluster.local", west.pem],
  ]);
  const both = bundleSecret({ ...names, roots: own.pem, crl, federated });
  if (both.kind !== "validation") throw new Error("no validation context");
  expect(both.validation).toEqual({
    ...NO_VALIDATION,
    trustedCa: { kind: "inline", text: own.pem },
    trustDomains: [
      { name: "new.example", bundle: { kind: "inline", text: own.pem + crl } },
      { name: "cluster.local", bundle: { kind: "inline", text: own.pem + crl } },
      { name: "west.example", bundle: { kind: "inline", text: west.pem } },
    ],
  });
});
