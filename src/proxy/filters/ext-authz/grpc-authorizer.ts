import { FrameReader, frameOf } from "../../../codec/grpc/frame-reader.ts";
import type { GrpcAuthorization } from "../../../model/filter/ext-authz.ts";
import { type CheckQuestion, encodeCheck } from "../../../xds/authorization/check-request.ts";
import { decodeVerdict } from "../../../xds/authorization/check-response.ts";
import type { ExchangeParts } from "../../exchange-source.ts";
import { grpcStatusIn } from "../../grpc/grpc-call.ts";
import type { QuestionText } from "../../side-call/question.ts";
import type { SideAnswer } from "../../side-call/side-call.ts";
import type { CompiledExtAuthz } from "./compiled-ext-authz.ts";
import { isListed } from "./compiled-ext-authz.ts";
import type { ShownBody } from "./shown-body.ts";
import type { Verdict } from "./verdict.ts";

const CHECK = "/envoy.service.auth.v3.Authorization/Check";
const OK = 200;
const NO_BYTES = new Uint8Array(0);

/** The question to a server that speaks envoy.service.auth.v3. */
export function grpcQuestion(
  exchange: ExchangeParts,
  service: GrpcAuthorization,
  authz: CompiledExtAuthz,
  body: ShownBody | undefined,
): QuestionText {
  return {
    method: "POST",
    path: CHECK,
    authority: service.authority || service.cluster,
    headers: service.initialMetadata.map(({ name, value }) => [name, value] as const),
    body: frameOf(encodeCheck(checkOf(exchange, authz, body))),
    grpc: true,
  };
}

function checkOf(
  exchange: ExchangeParts,
  { allowedHeaders, config, disallowedHeaders }: CompiledExtAuthz,
  body: ShownBody | undefined,
): CheckQuestion {
  const { account, down, request, routing, source } = exchange;
  const override = routing.route?.extAuthz;
  const shows = (name: string): boolean =>
    (allowedHeaders === undefined || isListed(name, allowedHeaders)) &&
    !isListed(name, disallowedHeaders);
  return {
    source: {
      address: down.remoteAddress,
      principal: principalOf(exchange),
      certificate: "",
    },
    destination: { address: down.localAddress, principal: "", certificate: "" },
    timeMs: Math.trunc(source.startedAtWallMs()),
    id: request.header("x-request-id") ?? "",
    method: request.method,
    headers: headersOf(exchange, shows, body),
    path: request.path,
    host: request.authority,
    scheme: request.scheme,
    size: account.bodyBytesReceived,
    protocol: source.protocol(),
    body: body === undefined || body.asBytes ? "" : utf8(body.bytes.toString("latin1")),
    rawBody: body?.asBytes === true ? body.bytes : NO_BYTES,
    contextExtensions: typeof override === "object" ? override.contextExtensions : {},
    metadata: metadataOf(exchange, config.metadataNamespaces),
    serverName: config.includeTlsSession ? (down.tls?.serverName ?? "") : undefined,
  };
}

/** Envoy: the URI names of the client's certificate, else its DNS names, else its subject. */
function principalOf({ down }: ExchangeParts): string {
  const peer = down.tls?.peer;
  return peer?.names.uri[0] ?? peer?.names.dns[0] ?? peer?.subject ?? "";
}

function headersOf(
  { request }: ExchangeParts,
  shows: (name: string) => boolean,
  body: ShownBody | undefined,
): Record<string, string> {
  const { headers } = request;
  const shown = new Map<string, string>();
  for (const name of [":authority", ":method", ":path", ":scheme"]) {
    if (shows(name)) shown.set(name, utf8(request.header(name) ?? ""));
  }
  for (let i = 0; i < headers.count; i++) {
    if (headers.removedAt(i)) continue;
    const name = headers.name(i);
    if (name === "host" || shown.has(name) || !shows(name)) continue;
    shown.set(name, utf8(headers.joined(name) ?? ""));
  }
  if (body !== undefined) shown.set("x-envoy-auth-partial-body", String(body.partial));
  return Object.fromEntries(shown);
}

/** A header's bytes as text; what is no UTF-8 cannot stand in a message. */
function utf8(latin1: string): string {
  return Buffer.from(latin1, "latin1").toString("utf8");
}

function metadataOf(
  { metadata }: ExchangeParts,
  filters: readonly string[],
): CheckQuestion["metadata"] {
  return Object.fromEntries(
    filters.flatMap((filter) => {
      const fields = metadata.of(filter);
      return fields === undefined ? [] : [[filter, fields as CheckQuestion["metadata"][string]]];
    }),
  );
}

/** Undefined where the answer is none. */
export function grpcVerdict({ body, headers, status, trailers }: SideAnswer): Verdict | undefined {
  const code = trailers.count > 0 ? grpcStatusIn(trailers) : grpcStatusIn(headers);
  const message = messageIn(body);
  if (status !== OK || code !== 0 || message === undefined) return undefined;
  return decodeVerdict(message);
}

/** The only message of a body, uncompressed; undefined where it is not that. */
function messageIn(body: Buffer): Buffer | undefined {
  const pieces: Buffer[] = [];
  let frames = 0;
  let compressed = false;
  const reader = new FrameReader({
    onFrame: (flags) => {
      frames++;
      compressed ||= flags !== 0;
    },
    onFrameData: (bytes, start, end) => void pieces.push(bytes.subarray(start, end)),
  });
  const whole = reader.read(body, 0, body.length) && reader.complete;
  return whole && frames === 1 && !compressed ? Buffer.concat(pieces) : undefined;
}
