/**
 * Writes `src/gen/`: JavaScript and types for the xDS messages that Outrigger speaks.
 *
 * The `.proto` files are those that `@grpc/grpc-js-xds` ships (all of Envoy's API). Only the roots
 * below and what they import are generated: everything would take a minute and a half.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const DEPS = path.join(ROOT, "node_modules/@grpc/grpc-js-xds/deps");
const TARGET = path.join(ROOT, "src/gen");
const BIN = path.join(ROOT, "node_modules/.bin");

/** Where an imported path may lie, in the order in which it is looked for; ours comes last. */
const ROOTS = [
  ...["envoy-api", "xds", "protoc-gen-validate", "googleapis"].map((name) => path.join(DEPS, name)),
  path.join(ROOT, "proto"),
];

/** Files, or folders read without their subfolders, whose messages the code names. */
const WANTED = [
  "envoy/config/accesslog/v3",
  "envoy/config/bootstrap/v3",
  "envoy/config/cluster/v3",
  "envoy/config/core/v3",
  "envoy/config/endpoint/v3",
  "envoy/config/listener/v3",
  "envoy/config/overload/v3",
  "envoy/config/rbac/v3",
  "envoy/config/route/v3",
  "envoy/extensions/access_loggers/file/v3",
  "envoy/extensions/access_loggers/stream/v3",
  "envoy/extensions/clusters/dynamic_forward_proxy/v3",
  "envoy/extensions/filters/http/cors/v3",
  "envoy/extensions/filters/http/ext_authz/v3",
  "envoy/extensions/filters/http/fault/v3",
  "envoy/extensions/filters/http/grpc_web/v3",
  "envoy/extensions/filters/http/jwt_authn/v3",
  "envoy/extensions/filters/http/local_ratelimit/v3",
  "envoy/extensions/filters/http/rbac/v3",
  "envoy/extensions/filters/http/router/v3",
  "envoy/extensions/filters/http/stateful_session/v3",
  "envoy/extensions/filters/listener/http_inspector/v3",
  "envoy/extensions/filters/listener/original_dst/v3",
  "envoy/extensions/filters/listener/proxy_protocol/v3",
  "envoy/extensions/filters/listener/tls_inspector/v3",
  "envoy/extensions/filters/network/connection_limit/v3",
  "envoy/extensions/filters/network/ext_authz/v3",
  "envoy/extensions/filters/network/http_connection_manager/v3",
  "envoy/extensions/filters/network/local_ratelimit/v3",
  "envoy/extensions/filters/network/rbac/v3",
  "envoy/extensions/filters/network/tcp_proxy/v3",
  "envoy/extensions/http/stateful_session/cookie/v3",
  "envoy/extensions/http/stateful_session/header/v3",
  "envoy/extensions/load_balancing_policies/cluster_provided/v3",
  "envoy/extensions/load_balancing_policies/common/v3",
  "envoy/extensions/load_balancing_policies/least_request/v3",
  "envoy/extensions/load_balancing_policies/maglev/v3",
  "envoy/extensions/load_balancing_policies/pick_first/v3",
  "envoy/extensions/load_balancing_policies/random/v3",
  "envoy/extensions/load_balancing_policies/ring_hash/v3",
  "envoy/extensions/load_balancing_policies/round_robin/v3",
  "envoy/extensions/load_balancing_policies/wrr_locality/v3",
  "envoy/extensions/network/dns_resolver/cares/v3",
  "envoy/extensions/path/match/uri_template/v3",
  "envoy/extensions/rbac/audit_loggers/stream/v3",
  "envoy/extensions/resource_monitors/downstream_connections/v3",
  "envoy/extensions/resource_monitors/fixed_heap/v3",
  "envoy/extensions/resource_monitors/injected_resource/v3",
  "envoy/extensions/retry/host/omit_canary_hosts/v3",
  "envoy/extensions/retry/host/omit_host_metadata/v3",
  "envoy/extensions/retry/host/previous_hosts/v3",
  "envoy/extensions/transport_sockets/proxy_protocol/v3",
  "envoy/extensions/transport_sockets/raw_buffer/v3",
  "envoy/extensions/transport_sockets/tls/v3",
  "envoy/extensions/upstreams/http/v3",
  "envoy/service/auth/v3",
  "envoy/service/discovery/v3",
  "envoy/service/secret/v3",
  "envoy/type/http/v3",
  "envoy/type/matcher/v3",
  "envoy/type/v3",
  "istio/v1/auth",
  "outrigger/circuits/v1alpha1",
  "udpa/type/v1",
  "xds/type/v3",
];

/**
 * The one rule that Envoy's files use and the shipped `validate.proto` does not know yet
 * (protoc-gen-validate, `StringRules`).
 */
const VALIDATE = "validate/validate.proto";
const STRING_RULES = "message StringRules {";
const IGNORE_EMPTY = "\n    optional bool ignore_empty = 26;";

/** The full path of an imported file; `undefined` for what protobuf-es brings itself. */
function locate(name: string): string | undefined {
  if (name.startsWith("google/protobuf/")) return undefined;
  const found = ROOTS.map((root) => path.join(root, name)).find((file) => fs.existsSync(file));
  if (found === undefined)
    throw new Error(`${name}: not among the .proto files of ${ROOTS.join(", ")}`);
  return found;
}

/** The `.proto` files directly inside a wanted folder, as import paths. */
function filesOf(folder: string): string[] {
  const names: string[] = [];
  for (const root of ROOTS) {
    const full = path.join(root, folder);
    if (!fs.existsSync(full)) continue;
    for (const name of fs.readdirSync(full)) {
      if (name.endsWith(".proto")) names.push(`${folder}/${name}`);
    }
  }
  if (names.length === 0) throw new Error(`${folder}: no .proto file in ${ROOTS.join(", ")}`);
  return names;
}

/** Import path → text, for the wanted files and everything that they import. */
function closure(): Map<string, string> {
  const texts = new Map<string, string>();
  const queue = WANTED.flatMap(filesOf);
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const file = texts.has(name) ? undefined : locate(name);
    if (file === undefined) continue;
    const text = fs.readFileSync(file, "utf8");
    texts.set(name, text);
    for (const [, imported = ""] of text.matchAll(/^import (?:public )?"([^"]+)";/gm)) {
      queue.push(imported);
    }
  }
  return texts;
}

function write(folder: string, name: string, text: string): void {
  const file = path.join(folder, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
}

function patched(name: string, text: string): string {
  if (name !== VALIDATE || text.includes("ignore_empty = 26")) return text;
  if (!text.includes(STRING_RULES)) throw new Error(`${VALIDATE}: StringRules not found`);
  return text.replace(STRING_RULES, STRING_RULES + IGNORE_EMPTY);
}

/** Runs buf in `folder`; its complaints go to our stderr. */
function generate(folder: string, out: string): void {
  const template = {
    version: "v2",
    inputs: [{ directory: "protos" }],
    plugins: [
      {
        local: path.join(BIN, "protoc-gen-es"),
        out,
        strategy: "all",
        opt: ["target=js+dts", "import_extension=js"],
      },
    ],
  };
  const args = ["generate", "--template", JSON.stringify(template)];
  const run = spawnSync(path.join(BIN, "buf"), args, {
    cwd: folder,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, BUF_CACHE_DIR: path.join(folder, "cache") },
  });
  if (run.error !== undefined) throw run.error;
  if (run.status !== 0) throw new Error(`buf generate ended with status ${run.status}`);
}

function main(): void {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "outrigger-generate-"));
  const fresh = `${TARGET}.${process.pid}`;
  try {
    const texts = closure();
    for (const [name, text] of texts) {
      write(path.join(folder, "protos"), name, patched(name, text));
    }
    generate(folder, fresh);
    fs.rmSync(TARGET, { recursive: true, force: true });
    fs.renameSync(fresh, TARGET);
    process.stderr.write(`generated ${texts.size} files into src/gen\n`);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
    fs.rmSync(fresh, { recursive: true, force: true });
  }
}

main();
