import type { HeaderTable } from "../../../codec/http/header-table.ts";
import type { HttpAuthorization } from "../../../model/filter/ext-authz.ts";
import type { ChangeAction, HeaderChange } from "../../../xds/authorization/check-response.ts";
import type { ExchangeParts } from "../../exchange-source.ts";
import type { QuestionText } from "../../side-call/question.ts";
import type { SideAnswer } from "../../side-call/side-call.ts";
import {
  type CompiledExtAuthz,
  type HttpLists,
  isListed,
  type NameList,
} from "./compiled-ext-authz.ts";
import type { ShownBody } from "./shown-body.ts";
import { isChangeable, type Verdict } from "./verdict.ts";

const OK = 200;
const SERVER_ERROR = 500;
/** Shown whatever the list says, beside method, path and Host. */
const ALWAYS = "authorization";
/** The server's own word for headers that shall not go upstream. */
const TO_REMOVE = "x-envoy-auth-headers-to-remove";
/** Told to the client with every refusal, beside what a list names. */
const REFUSAL_HEADERS: ReadonlySet<string> = new Set(["www-authenticate", "location"]);
/** What our own answer says by itself. */
const OWN: ReadonlySet<string> = new Set(["date", "server"]);

/** The question to a server that speaks plain HTTP: the client's own request, without its body. */
export function httpQuestion(
  { request }: ExchangeParts,
  service: HttpAuthorization,
  { allowedHeaders, disallowedHeaders }: CompiledExtAuthz,
  body: ShownBody | undefined,
): QuestionText {
  const { headers } = request;
  const shown: (readonly [string, string])[] = [];
  for (let i = 0; i < headers.count; i++) {
    if (headers.removedAt(i)) continue;
    const name = headers.name(i);
    const listed = name === ALWAYS || isListed(name, allowedHeaders);
    if (!listed || !isChangeable(name) || isListed(name, disallowedHeaders)) continue;
    shown.push([name, headers.value(i)]);
  }
  if (body === undefined) shown.push(["content-length", "0"]);
  else shown.push(["x-envoy-auth-partial-body", String(body.partial)]);
  const added = service.headersToAdd.map(({ name, value }) => [name, value] as const);
  const replaced = new Set(added.map(([name]) => name));
  return {
    method: request.method,
    path: service.pathPrefix + request.path,
    authority: request.authority,
    headers: [...shown.filter(([name]) => !replaced.has(name)), ...added],
    body: body?.bytes ?? Buffer.alloc(0),
    grpc: false,
  };
}

/** Undefined where the server has failed. */
export function httpVerdict(answer: SideAnswer, lists: HttpLists): Verdict | undefined {
  const { body, headers, status } = answer;
  if (status >= SERVER_ERROR) return undefined;
  const metadata = metadataIn(headers, lists.metadata);
  if (status === OK) {
    return {
      kind: "allowed",
      headers: [
        ...changesOf(headers, "overwrite", (name) => isListed(name, lists.upstream)),
        ...changesOf(headers, "append", (name) => isListed(name, lists.upstreamToAppend)),
      ],
      headersToRemove: namesIn(headers.joined(TO_REMOVE) ?? ""),
      responseHeaders: changesOf(headers, "append", (name) =>
        isListed(name, lists.clientOnSuccess),
      ),
      queryToSet: [],
      queryToRemove: [],
      metadata,
    };
  }
  const { client } = lists;
  const isTold = (name: string): boolean =>
    !OWN.has(name) && (client === undefined || REFUSAL_HEADERS.has(name) || isListed(name, client));
  return {
    kind: "denied",
    status,
    headers: changesOf(headers, "append", isTold),
    body: body.toString("latin1"),
    metadata,
  };
}

function changesOf(
  headers: HeaderTable,
  action: ChangeAction,
  wants: (name: string) => boolean,
): HeaderChange[] {
  const changes: HeaderChange[] = [];
  for (let i = 0; i < headers.count; i++) {
    const name = headers.removedAt(i) ? "" : headers.name(i);
    if (name === "" || !isChangeable(name) || !wants(name)) continue;
    changes.push({ name, value: headers.value(i), action });
  }
  return changes;
}

function namesIn(list: string): string[] {
  return list
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
}

function metadataIn(headers: HeaderTable, list: NameList): Verdict["metadata"] {
  if (list === undefined) return undefined;
  const found = changesOf(headers, "append", (name) => isListed(name, list));
  if (found.length === 0) return undefined;
  return Object.fromEntries(found.map(({ name, value }) => [name, value]));
}
