import { X509Certificate } from "node:crypto";
import { EventEmitter } from "node:events";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { TestAuthority, type TestCertificate } from "../../../../test/support/certificates.ts";
import {
  downstreamTls,
  pairOf,
  trusting,
  upstreamTls,
} from "../../../../test/support/tls-scene.ts";
import { VirtualClock } from "../../../base/clock.ts";
import { Registry } from "../../../metrics/registry.ts";
import type { Secret, SecretRef } from "../../../model/transport/secret.ts";
import type { DownstreamTls } from "../../../model/transport/tls.ts";
import { secretKey } from "../../secrets/secret-key.ts";
import { newTicketSecret } from "../session/ticket-keys.ts";
import { TlsContexts, TlsReloads } from "../tls-contexts.ts";
import { CUT_DRAIN_MS, RENEWAL_DRAIN_MS } from "./secured-connections.ts";

const OWN: SecretRef = { name: "default", source: { kind: "cluster", cluster: "sds-grpc" } };
const ROOT: SecretRef = { name: "ROOTCA", source: { kind: "cluster", cluster: "sds-grpc" } };

let authority: TestAuthority;
let first: TestCertificate;
let second: TestCertificate;
let notices: string[];
let contexts: TlsContexts;
let clock: VirtualClock;

beforeAll(async () => {
  authority = await TestAuthority.create();
  first = await authority.issue({ name: "first" });
  second = await authority.issue({ name: "second" });
});

beforeEach(() => {
  notices = [];
  clock = new VirtualClock();
  contexts = new TlsContexts({
    clock,
    reloads: new TlsReloads(new Registry()),
    onNotice: (notice) => void notices.push(notice),
    ticketSecret: newTicketSecret(),
  });
});

afterEach(() => contexts.stop());

function supply(ref: SecretRef, secret: Secret | undefined): void {
  contexts.supply(new Map([[secretKey(ref), secret]]));
}

function own(certificate: TestCertificate): Secret {
  return { kind: "certificate", name: "default", certificate: pairOf(certificate) };
}

function believed(by: TestAuthority): Secret {
  return { kind: "validation", name: "ROOTCA", validation: trusting(by) };
}

function server(more: Partial<DownstreamTls> = {}) {
  return contexts.server(downstreamTls({ certificateSecrets: [OWN], ...more }));
}

/** A connection whose other end has shown this certificate. */
class PeerSocket extends EventEmitter {
  readonly #shown: X509Certificate;
  destroyed = false;

  constructor({ chain }: TestCertificate) {
    super();
    this.#shown = new X509Certificate(chain);
  }

  getPeerX509Certificate(): X509Certificate {
    return this.#shown;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit("close");
  }
}

describe("secrets of a context", () => {
  it("make it ready once all have come", () => {
    const context = server({ validationSecret: ROOT });
    expect(context.ready).toBe(false);
    expect(() => context.secure).toThrow("its secrets have not come");
    supply(OWN, own(first));
    expect(context.ready).toBe(false);
    supply(ROOT, believed(authority));
    expect(context.ready).toBe(true);
    expect(context.verifier.wantsCertificate).toBe(true);
  });

  it("may have come before it was asked for", () => {
    supply(OWN, own(first));
    expect(server().ready).toBe(true);
  });

  it("renew it when they change, and say so", () => {
    supply(OWN, own(first));
    const context = server();
    const before = context.secure;
    const causes: string[] = [];
    context.onRenewed((cause) => causes.push(cause));
    supply(OWN, own(second));
    expect(context.secure).not.toBe(before);
    expect(causes).toEqual(["secrets"]);
  });

  it("change nothing where they come again as they were", () => {
    supply(OWN, own(first));
    const context = server();
    const { generation, secure } = context;
    supply(OWN, own(first));
    expect(context).toMatchObject({ generation, secure });
  });

  it("leave it as it is when they go away", () => {
    supply(OWN, own(first));
    const context = server();
    const { secure } = context;
    supply(OWN, undefined);
    expect(context.secure).toBe(secure);
    expect(server()).toBe(context);
  });

  it("of the wrong kind are told of, and the last good ones stay", () => {
    supply(OWN, own(first));
    const context = server();
    const { secure } = context;
    supply(OWN, believed(authority));
    expect(context.secure).toBe(secure);
    expect(notices).toEqual([
      "secrets cannot be used, the last good ones stay: secret default is no tls_certificate",
    ]);
  });

  it("end the sessions that were made under the ones before", () => {
    supply(ROOT, believed(authority));
    const context = contexts.client(upstreamTls({ validationSecret: ROOT }));
    context.sessions.put({ bytes: Buffer.from("ticket"), once: false, peer: undefined });
    supply(ROOT, { kind: "validation", name: "ROOTCA", validation: trusting(authority, NO_HASH) });
    expect(context.sessions.take()).toBeUndefined();
  });

  it("still judge the connections of a context that no configuration has any more", async () => {
    supply(OWN, own(first));
    supply(ROOT, believed(authority));
    const context = server({ validationSecret: ROOT });
    const socket = new PeerSocket(first);
    context.connections.add({ socket: socket as never, generation: 1, drain: () => undefined });
    contexts.retain({ clusters: [], endpoints: [], listeners: [], routes: [] });
    supply(ROOT, believed(await TestAuthority.create("another")));
    clock.advance(CUT_DRAIN_MS);
    expect(socket.destroyed).toBe(true);
    contexts.retain({ clusters: [], endpoints: [], listeners: [], routes: [] });
    expect(server({ validationSecret: ROOT })).not.toBe(context);
  });

  it("end connections of a context that no configuration has any more, with its names", () => {
    supply(ROOT, believed(authority));
    const context = contexts.client(upstreamTls({ validationSecret: ROOT }));
    const socket = new PeerSocket(first);
    context.connections.add({ socket: socket as never, generation: 1, drain: () => undefined });
    contexts.retain({ clusters: [], endpoints: [], listeners: [], routes: [] });
    clock.advance(RENEWAL_DRAIN_MS - 1);
    contexts.retain({ clusters: [], endpoints: [], listeners: [], routes: [] });
    expect(socket.destroyed).toBe(false);
    clock.advance(1);
    expect(socket.destroyed).toBe(true);
  });

  it("say when they end, the earliest first", () => {
    supply(OWN, own(first));
    supply(ROOT, believed(authority));
    const { expirations } = server({ validationSecret: ROOT });
    expect([...expirations.keys()]).toEqual(["default", "ROOTCA"]);
    const dayS = 86_400;
    for (const seconds of expirations.values()) {
      expect(Math.abs(seconds - Date.now() / 1000 - dayS)).toBeLessThan(dayS / 2);
    }
  });
});

const NO_HASH = { certificateHashes: ["0".repeat(64)] };
