import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { TestAuthority, type TestCertificate } from "../../../test/support/certificates.ts";
import { downstreamTls, pairOf, trusting } from "../../../test/support/tls-scene.ts";
import { VirtualClock } from "../../base/clock.ts";
import { SeededRandom } from "../../base/random.ts";
import { Registry } from "../../metrics/registry.ts";
import type { Bootstrap, ProxyConfig } from "../../model/bootstrap.ts";
import type { Secret, SecretRef, SecretSource } from "../../model/transport/secret.ts";
import { SdsStats } from "../telemetry/envoy/tls/sds-stats.ts";
import type { LocalSecrets } from "./local-secrets.ts";
import { secretKey } from "./secret-key.ts";
import { SecretStore } from "./secret-store.ts";

const POLL_MS = 10_000;
const FETCH_MS = 15_000;
const SECRET_TYPE = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";

let authority: TestAuthority;
let first: TestCertificate;
let second: TestCertificate;
let folder: string;
let clock: VirtualClock;
let stats: SdsStats;
let notices: string[];
/** What those who serve have been told last, by key. */
let used: Map<string, Secret | undefined>;
let store: SecretStore;

beforeAll(async () => {
  authority = await TestAuthority.create();
  first = await authority.issue({ name: "first" });
  second = await authority.issue({ name: "second" });
});

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "secrets-"));
  clock = new VirtualClock();
  stats = new SdsStats(new Registry());
  notices = [];
  used = new Map();
  store = storeOf();
});

afterEach(() => {
  store.stop();
  rmSync(folder, { recursive: true });
});

function storeOf(bootstrap: Partial<Bootstrap> = {}, localSecrets?: LocalSecrets): SecretStore {
  return new SecretStore({
    bootstrap: { clusters: [], ads: undefined, ...bootstrap } as Bootstrap,
    ...{ clock, stats, localSecrets, random: new SeededRandom(1) },
    onSecrets: (secrets) => {
      for (const [key, secret] of secrets) used.set(key, secret);
    },
    onNotice: (notice) => void notices.push(notice),
  });
}

function ref(source: SecretSource, name = "default"): SecretRef {
  return { name, source };
}

function configOf(asked: readonly SecretRef[], secrets: readonly Secret[] = []): ProxyConfig {
  const tls = downstreamTls({ certificateSecrets: asked });
  const listeners = [{ filterChains: [{ tls }], defaultFilterChain: undefined }];
  return { clusters: [], routes: [], endpoints: [], listeners: listeners as never, secrets };
}

/** Swaps a configuration in that asks for these. */
async function ask(asked: readonly SecretRef[], secrets: readonly Secret[] = []): Promise<void> {
  const plane = { config: configOf([]), apply: async () => undefined };
  plane.config = configOf(asked, secrets);
  await store.during(plane.config, plane);
}

function certificate(pair: TestCertificate, name = "default"): Secret {
  return { kind: "certificate", name, certificate: pairOf(pair) };
}

function write(file: string, text: string): string {
  const full = path.join(folder, file);
  writeFileSync(`${full}.new`, text);
  renameSync(`${full}.new`, full);
  return full;
}

/** An SDS file whose secret names files. */
function writeSecret(resource: object, file = "sds.yaml"): string {
  const resources = [{ "@type": SECRET_TYPE, ...resource }];
  return write(file, JSON.stringify({ version_info: "7", resources }));
}

function chainInUse(source: SecretRef): string | undefined {
  const secret = used.get(secretKey(source));
  if (secret?.kind !== "certificate") return undefined;
  const { certificateChain } = secret.certificate;
  return certificateChain.kind === "inline" ? certificateChain.text : "a file";
}

describe("secrets of a file", () => {
  const names = { name: "default", tls_certificate: {} };
  let source: SecretRef;

  function pairFiles(pair: TestCertificate): void {
    write("tls.crt", pair.chain);
    write("tls.key", pair.key);
  }

  beforeEach(() => {
    pairFiles(first);
    names.tls_certificate = {
      certificate_chain: { filename: path.join(folder, "tls.crt") },
      private_key: { filename: path.join(folder, "tls.key") },
    };
    source = ref({ kind: "file", path: writeSecret(names) });
  });

  it("are there at once, with everything in place", async () => {
    await ask([source]);
    expect(chainInUse(source)).toBe(first.chain);
    expect(store.settled).toBe(true);
    expect(stats.value("default", "update_success")).toBe(1);
    expect(stats.value("default", "update_time")).toBe(clock.wall());
  });

  it("are taken again when the file changes", async () => {
    await ask([source]);
    const inline = { inline_string: second.chain };
    writeSecret({
      name: "default",
      tls_certificate: { certificate_chain: inline, private_key: { inline_string: second.key } },
    });
    clock.advance(POLL_MS);
    expect(chainInUse(source)).toBe(second.chain);
    expect(stats.value("default", "update_attempt")).toBe(2);
  });

  it("are taken again when the files that they name change", async () => {
    await ask([source]);
    pairFiles(second);
    clock.advance(POLL_MS);
    expect(chainInUse(source)).toBe(second.chain);
    expect(stats.value("default", "key_rotation_failed")).toBe(0);
  });

  it("stay as they were while key and certificate do not fit", async () => {
    await ask([source]);
    write("tls.key", second.key);
    clock.advance(POLL_MS);
    expect(chainInUse(source)).toBe(first.chain);
    expect(stats.value("default", "key_rotation_failed")).toBe(1);
    write("tls.crt", second.chain);
    clock.advance(POLL_MS);
    expect(chainInUse(source)).toBe(second.chain);
  });

  it("stay as they were while the file is garbage, whose words are not repeated", async () => {
    await ask([source]);
    write("sds.yaml", "resources: [{'@type': nonsense, private: hunter2}]");
    clock.advance(POLL_MS);
    expect(chainInUse(source)).toBe(first.chain);
    expect(stats.value("default", "update_failure")).toBe(1);
    expect(notices.join("\n")).toContain("sds.yaml");
    expect(notices.join("\n")).not.toContain("hunter2");
  });

  it("stay as they were while another secret stands there", async () => {
    await ask([source]);
    writeSecret({ ...names, name: "other" });
    clock.advance(POLL_MS);
    expect(stats.value("default", "update_rejected")).toBe(1);
    expect(notices).toEqual([
      "secret default is refused: Unexpected SDS secret (expecting default): other",
    ]);
  });

  it("are asked for again by who has waited for the file to come", async () => {
    const late = ref({ kind: "file", path: path.join(folder, "late.yaml") });
    await ask([late]);
    expect(stats.value("default", "update_failure")).toBe(1);
    expect(store.settled).toBe(false);
    writeSecret(names, "late.yaml");
    clock.advance(POLL_MS);
    expect(chainInUse(late)).toBe(first.chain);
  });
});

describe("secrets of the ADS stream", () => {
  const source = ref({ kind: "ads" });

  it("are those of the configuration", async () => {
    await ask([source], [certificate(first)]);
    expect(chainInUse(source)).toBe(first.chain);
    await ask([source], [certificate(second)]);
    expect(chainInUse(source)).toBe(second.chain);
  });

  it("stay as they were where the next cannot be used", async () => {
    await ask([source], [certificate(first)]);
    await ask([source], [certificate({ ...first, key: second.key })]);
    expect(chainInUse(source)).toBe(first.chain);
    expect(stats.value("default", "update_rejected")).toBe(1);
  });

  it("count what the stream has refused for itself", async () => {
    await ask([source], [certificate(first)]);
    store.refused(["default", "nobody's"], "the key does not fit");
    expect(stats.value("default", "update_rejected")).toBe(1);
    expect(notices).toEqual(["secret default is refused: the key does not fit"]);
  });
});

describe("secrets of the bootstrap", () => {
  it("are there from the beginning, and are nobody's subscription", async () => {
    store = storeOf({ secrets: [certificate(first, "mine")] });
    const source = ref({ kind: "static" }, "mine");
    await ask([source]);
    expect(chainInUse(source)).toBe(first.chain);
    expect(store.rows).toMatchObject([{ name: "mine", isStatic: true }]);
  });
});

describe("secrets of an agent in this process", () => {
  const source = ref({ kind: "cluster", cluster: "sds-grpc" });
  const root = ref({ kind: "cluster", cluster: "sds-grpc" }, "ROOTCA");
  const held = new Map<string, Secret>();
  let tell: (name: string) => void;

  beforeEach(() => {
    held.clear();
    store = storeOf(
      {},
      {
        current: (name) => held.get(name),
        onChange: (listener) => {
          tell = listener;
          return () => undefined;
        },
      },
    );
  });

  it("answer for the cluster, which need not even exist", async () => {
    held.set("default", certificate(first));
    await ask([source]);
    expect(chainInUse(source)).toBe(first.chain);
  });

  it("are taken when they come, and again when they change", async () => {
    await ask([source, root]);
    expect(store.settled).toBe(false);
    for (const pair of [first, second]) {
      held.set("default", certificate(pair));
      tell("default");
      expect(chainInUse(source)).toBe(pair.chain);
    }
    held.set("ROOTCA", { kind: "validation", name: "ROOTCA", validation: trusting(authority) });
    tell("ROOTCA");
    expect(used.get(secretKey(root))).toMatchObject({ kind: "validation" });
    expect(store.settled).toBe(true);
  });

  it("that nobody asks for are left alone", async () => {
    await ask([source]);
    held.set("ROOTCA", { kind: "validation", name: "ROOTCA", validation: trusting(authority) });
    tell("ROOTCA");
    expect([...used.keys()]).toEqual([]);
  });
});

describe("a secret that does not come", () => {
  it("is waited for fifteen seconds", async () => {
    await ask([ref({ kind: "ads" })]);
    clock.advance(FETCH_MS - 1);
    expect(store.settled).toBe(false);
    clock.advance(1);
    expect(store.settled).toBe(true);
    expect(stats.value("default", "init_fetch_timeout")).toBe(1);
  });

  it("says why where nobody can be asked", async () => {
    await ask([ref({ kind: "cluster", cluster: "gone" })]);
    expect(notices).toEqual(["secret default is not there: gone is no static cluster"]);
  });
});

describe("a secret that nobody asks for any more", () => {
  it("is forgotten by those who serve", async () => {
    const source = ref({ kind: "ads" });
    await ask([source], [certificate(first)]);
    await ask([]);
    expect(used.get(secretKey(source))).toBeUndefined();
    expect(store.rows).toEqual([]);
  });
});
