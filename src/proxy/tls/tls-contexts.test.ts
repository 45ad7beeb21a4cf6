import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { TestAuthority, type TestCertificate } from "../../../test/support/certificates.ts";
import { downstreamTls, pairOf, trusting, upstreamTls } from "../../../test/support/tls-scene.ts";
import { type Timer, VirtualClock } from "../../base/clock.ts";
import { protocolList } from "../../codec/tls/protocol-list.ts";
import { Registry } from "../../metrics/registry.ts";
import type { ProxyConfig } from "../../model/bootstrap.ts";
import type { DataSource, DownstreamTls, TlsCertificate } from "../../model/transport/tls.ts";
import { newTicketSecret } from "./session/ticket-keys.ts";
import { TlsContexts, TlsReloads } from "./tls-contexts.ts";

/** Longer than any poll and any quiet time. */
const A_WHILE_MS = 60_000;
const A_DAY_MS = 86_400_000;
const SECRET = newTicketSecret();

let authority: TestAuthority;
let first: TestCertificate;
let second: TestCertificate;
let folder: string;
let clock: VirtualClock;
let registry: Registry;
let notices: string[];
let contexts: TlsContexts;

beforeAll(async () => {
  authority = await TestAuthority.create();
  first = await authority.issue({ name: "first" });
  second = await authority.issue({ name: "second" });
});

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "tls-contexts-"));
  clock = new VirtualClock();
  registry = new Registry();
  notices = [];
  const onNotice = (notice: string): void => void notices.push(notice);
  const reloads = new TlsReloads(registry);
  contexts = new TlsContexts({ clock, reloads, onNotice, ticketSecret: SECRET });
});

afterEach(() => {
  contexts.stop();
  rmSync(folder, { recursive: true });
});

function file(name: string, text?: string): DataSource {
  const full = path.join(folder, name);
  if (text !== undefined) writeFileSync(full, text);
  return { kind: "file", path: full };
}

/** A pair of files. */
function filesOf({ chain, key }: TestCertificate): TlsCertificate {
  return { certificateChain: file("tls.crt", chain), privateKey: file("tls.key", key) };
}

/** As a careful writer does: beside it, then over it. */
function replace(name: string, text: string): void {
  file(`${name}.new`, text);
  renameSync(path.join(folder, `${name}.new`), path.join(folder, name));
}

function counted(name: string): number {
  const table = registry.tables.find(({ columns }) => columns.some((each) => each.name === name));
  const at = table?.columns.findIndex((each) => each.name === name) ?? -1;
  return table?.row([]).cells[at] ?? Number.NaN;
}

function listenersOf(tls: DownstreamTls): ProxyConfig {
  const listeners = [{ filterChains: [{ tls }], defaultFilterChain: undefined }];
  return { clusters: [], routes: [], endpoints: [], listeners: listeners as never };
}

describe("files that change", () => {
  it("are taken over for new connections when both have been renamed into place", () => {
    const context = contexts.server(downstreamTls({ certificates: [filesOf(first)] }));
    const before = context.secure;
    replace("tls.crt", second.chain);
    replace("tls.key", second.key);
    clock.advance(A_WHILE_MS);
    expect(context.secure).not.toBe(before);
    expect(counted("outrigger_tls_reloads_total")).toBe(1);
    expect(notices).toEqual([]);
  });

  it("are found behind Kubernetes' link to a folder", () => {
    for (const [name, { chain, key }] of Object.entries({ one: first, two: second })) {
      mkdirSync(path.join(folder, name));
      writeFileSync(path.join(folder, name, "tls.crt"), chain);
      writeFileSync(path.join(folder, name, "tls.key"), key);
    }
    symlinkSync("one", path.join(folder, "..data"));
    symlinkSync("..data/tls.crt", path.join(folder, "tls.crt"));
    symlinkSync("..data/tls.key", path.join(folder, "tls.key"));
    const pair = { certificateChain: file("tls.crt"), privateKey: file("tls.key") };
    const context = contexts.client(upstreamTls({ certificates: [pair] }));
    symlinkSync("two", path.join(folder, "..data_tmp"));
    renameSync(path.join(folder, "..data_tmp"), path.join(folder, "..data"));
    clock.advance(A_WHILE_MS);
    expect(context.generation).toBe(2);
  });

  it("stay as they were while a key does not fit its certificate", () => {
    const context = contexts.server(downstreamTls({ certificates: [filesOf(first)] }));
    const before = context.secure;
    replace("tls.crt", second.chain);
    clock.advance(A_WHILE_MS);
    expect(context.secure).toBe(before);
    expect(counted("outrigger_tls_reload_failures_total")).toBe(1);
    expect(notices).toEqual([
      "TLS files cannot be used, the last good ones stay: " +
        `tls_certificates[0].private_key: ${path.join(folder, "tls.key")} ` +
        `is not the key of ${path.join(folder, "tls.crt")}`,
    ]);
    replace("tls.key", second.key);
    clock.advance(A_WHILE_MS);
    expect(context.secure).not.toBe(before);
  });

  it.each(["", "no certificate"])("stay as they were while a bundle says %j", (text) => {
    const trustedCa = file("ca.crt", authority.pem);
    const validation = trusting(authority, { trustedCa });
    const context = contexts.client(upstreamTls({ validation }));
    replace("ca.crt", text);
    clock.advance(A_WHILE_MS);
    expect(context.generation).toBe(1);
    expect(notices[0]).toContain("ca.crt holds no certificate");
  });

  it("stay as they were while one is missing", () => {
    const context = contexts.client(upstreamTls({ certificates: [filesOf(first)] }));
    rmSync(path.join(folder, "tls.key"));
    clock.advance(A_WHILE_MS);
    expect(context.generation).toBe(1);
    expect(notices[0]).toContain("tls.key");
    file("tls.key", first.key);
    clock.advance(A_WHILE_MS);
    expect(context.generation).toBe(1);
  });

  it("have not changed where the same is written again", () => {
    const context = contexts.client(upstreamTls({ certificates: [filesOf(first)] }));
    let told = 0;
    context.onRenewed(() => told++);
    replace("tls.crt", first.chain);
    clock.advance(A_WHILE_MS);
    expect([context.generation, told]).toEqual([1, 0]);
    replace("tls.crt", second.chain);
    replace("tls.key", second.key);
    clock.advance(A_WHILE_MS);
    expect([context.generation, told]).toEqual([2, 1]);
  });

  it("are no longer followed once nobody uses them", () => {
    const tls = downstreamTls({ certificates: [filesOf(first)] });
    const context = contexts.server(tls);
    contexts.retain(listenersOf(tls));
    expect(contexts.server(tls)).toBe(context);
    contexts.retain(listenersOf(downstreamTls({ certificates: [pairOf(first)] })));
    const before = context.secure;
    replace("tls.crt", "broken");
    clock.advance(A_WHILE_MS);
    expect(context.secure).toBe(before);
    expect(notices).toEqual([]);
  });

  it("are told by the system too", async () => {
    const told = new Promise<void>((resolve) => {
      const real = new TlsContexts({
        clock: { now: () => 0, wall: () => 0, after: soonUnlessPoll },
        reloads: new TlsReloads(new Registry()),
        ticketSecret: SECRET,
        onNotice: () => undefined,
      });
      const context = real.client(upstreamTls({ certificates: [filesOf(first)] }));
      context.onRenewed(() => {
        real.stop();
        resolve();
      });
    });
    replace("tls.crt", second.chain);
    replace("tls.key", second.key);
    await told;
  });
});

/** Runs what waits for quiet, and nothing that looks by itself. */
function soonUnlessPoll(delayMs: number, run: () => void): Timer {
  const handle = delayMs < 1000 ? setTimeout(run, 20) : undefined;
  return { cancel: () => clearTimeout(handle) };
}

describe("a configuration that cannot be used is refused, naming the file", () => {
  it.each([
    {
      what: "a missing file",
      pair: () => ({ ...filesOf(first), privateKey: file("none") }),
      says: "none",
    },
    {
      what: "a key that is another's",
      pair: () => ({ ...filesOf(first), privateKey: file("other.key", second.key) }),
      says: "other.key is not the key of",
    },
    {
      what: "a key that is none",
      pair: () => ({ ...filesOf(first), privateKey: file("bad.key", "hello") }),
      says: "bad.key is not a private key",
    },
    {
      what: "a certificate that is none",
      pair: () => ({ ...filesOf(first), certificateChain: file("bad.crt", "hello") }),
      says: "bad.crt is not a certificate",
    },
    {
      what: "a folder",
      pair: () => ({ ...filesOf(first), certificateChain: file("") }),
      says: "is not a file",
    },
  ])("$what", ({ pair, says }) => {
    expect(() => contexts.server(downstreamTls({ certificates: [pair()] }))).toThrow(says);
  });

  it("and everything else that is wrong with it, each with its field", () => {
    const broken = downstreamTls({
      certificates: [
        pairOf(first),
        { certificateChain: file("no.crt"), privateKey: file("no.key") },
      ],
      cipherSuites: ["ECDHE-RSA-AES128-GCM-SHA256", "NOPE", "TLS_AES_128_GCM_SHA256"],
      ecdhCurves: ["X25519", "P-999"],
      validation: trusting(authority, { trustedCa: file("no.ca"), crl: file("no.crl", "no list") }),
    });
    expect(refusalOf(() => contexts.server(broken)).replaceAll(folder, "")).toBe(
      [
        "tls_certificates[1].certificate_chain: /no.crt does not exist",
        "tls_certificates[1].private_key: /no.key does not exist",
        "validation_context.trusted_ca: /no.ca does not exist",
        "validation_context.crl: /no.crl is not a list of revoked certificates",
        "tls_params.cipher_suites[1]: NOPE is no cipher that this Node has",
        "tls_params.cipher_suites[2]: TLS_AES_128_GCM_SHA256 is of TLS 1.3, which has no choice",
        "tls_params.ecdh_curves[1]: P-999 is no curve that this Node has",
      ].join("\n"),
    );
  });
});

function refusalOf(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    return (error as Error).message;
  }
  return "";
}

describe("contexts", () => {
  it("of the same configuration are one", () => {
    const tls = upstreamTls({ certificates: [pairOf(first)] });
    expect(contexts.client(tls)).toBe(contexts.client({ ...tls }));
  });

  it("of the same certificates share the library's part, whatever names they ask for", () => {
    const match = { kind: "exact", value: "a", ignoreCase: false } as const;
    const one = upstreamTls({ validation: trusting(authority) });
    const validation = trusting(authority, { sans: [{ san: "dns", match }] });
    expect(contexts.client({ ...one, validation }).secure).toBe(contexts.client(one).secure);
    const other = upstreamTls({ certificates: [pairOf(first)] });
    expect(contexts.client(other).secure).not.toBe(contexts.client(one).secure);
  });

  it("of servers get other keys for their tickets every day", () => {
    const context = contexts.server(downstreamTls({ certificates: [pairOf(first)] }));
    const before = context.secure;
    const leftMs = A_DAY_MS - (clock.wall() % A_DAY_MS);
    clock.advance(leftMs - 1);
    expect(context.secure).toBe(before);
    clock.advance(1);
    const after = context.secure;
    expect(after).not.toBe(before);
    clock.advance(A_DAY_MS);
    expect(context.secure).not.toBe(after);
  });
});

describe("what a client offers", () => {
  const MESH = ["istio-peer-exchange", "istio"];
  const offered = (alpnProtocols: readonly string[], usual: readonly string[], own = ""): string =>
    String(contexts.client(upstreamTls({ alpnProtocols })).offer(own, usual));
  const listed = (...names: readonly string[]): string => String(protocolList(names));

  it.each([
    { says: "bytes", usual: [], names: MESH },
    { says: "HTTP/1.1", usual: ["http/1.1"], names: ["istio-http/1.1", "istio", "http/1.1"] },
    { says: "HTTP/2", usual: ["h2"], names: ["istio-h2", "istio", "h2"] },
    { says: "either", usual: ["h2", "http/1.1"], names: MESH },
  ])("a sidecar of the mesh is told what is inside: $says", ({ usual, names }) => {
    expect(offered(MESH, usual)).toBe(listed(...names));
    expect(offered(MESH, usual, "own/1")).toBe(listed("own/1", ...names));
  });

  it("is what the configuration lists to anybody else", () => {
    expect(offered(["h2", "istio-peer-exchange"], ["http/1.1"])).toBe(
      listed("h2", "istio-peer-exchange"),
    );
    expect(offered([], ["http/1.1"])).toBe(listed("http/1.1"));
  });
});
