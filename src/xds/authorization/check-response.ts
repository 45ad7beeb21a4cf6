import { fromBinary, type JsonObject } from "@bufbuild/protobuf";
import {
  HeaderValueOption_HeaderAppendAction as Action,
  type HeaderValueOption,
} from "../../gen/envoy/config/core/v3/base_pb.js";
import {
  CheckResponseSchema,
  type DeniedHttpResponse,
  type OkHttpResponse,
} from "../../gen/envoy/service/auth/v3/external_auth_pb.js";
import type { HeaderAction } from "../../model/route.ts";

/** `join`: behind the values that the request has, with a comma; where it has none, nothing. */
export type ChangeAction = HeaderAction | "join";

/** A header that an authorization server wants. */
export interface HeaderChange {
  /** Lower case. */
  readonly name: string;
  readonly value: string;
  readonly action: ChangeAction;
}

/** An authorization server's verdict (envoy.service.auth.v3.CheckResponse). */
export type CheckVerdict =
  | {
      readonly kind: "allowed";
      readonly headers: readonly HeaderChange[];
      readonly headersToRemove: readonly string[];
      /** Of the answer to the client. */
      readonly responseHeaders: readonly HeaderChange[];
      readonly queryToSet: readonly { readonly name: string; readonly value: string }[];
      readonly queryToRemove: readonly string[];
      readonly metadata: JsonObject | undefined;
    }
  | {
      readonly kind: "denied";
      readonly status: number;
      readonly headers: readonly HeaderChange[];
      readonly body: string;
      readonly metadata: JsonObject | undefined;
    };

const FORBIDDEN = 403;
const GRPC_OK = 0;

/** Undefined where the bytes are no CheckResponse. */
export function decodeVerdict(bytes: Uint8Array): CheckVerdict | undefined {
  try {
    const { dynamicMetadata, httpResponse, status } = fromBinary(CheckResponseSchema, bytes);
    if ((status?.code ?? GRPC_OK) !== GRPC_OK) {
      const denied = httpResponse.case === "deniedResponse" ? httpResponse.value : undefined;
      return deniedBy(denied, dynamicMetadata);
    }
    const ok = httpResponse.case === "okResponse" ? httpResponse.value : undefined;
    return allowedBy(ok, dynamicMetadata);
  } catch {
    return undefined;
  }
}

function deniedBy(
  response: DeniedHttpResponse | undefined,
  metadata: JsonObject | undefined,
): CheckVerdict {
  const { body = "", headers = [], status } = response ?? {};
  return {
    kind: "denied",
    status: status?.code || FORBIDDEN,
    headers: headers.flatMap((option) => changeOf(option) ?? []),
    body,
    metadata,
  };
}

function allowedBy(
  response: OkHttpResponse | undefined,
  metadata: JsonObject | undefined,
): CheckVerdict {
  return {
    kind: "allowed",
    headers: (response?.headers ?? []).flatMap((option) => changeOf(option) ?? []),
    headersToRemove: (response?.headersToRemove ?? []).map((name) => name.toLowerCase()),
    responseHeaders: (response?.responseHeadersToAdd ?? []).flatMap(
      (option) => answerChangeOf(option) ?? [],
    ),
    queryToSet: (response?.queryParametersToSet ?? []).map(({ key, value }) => ({
      name: key,
      value,
    })),
    queryToRemove: response?.queryParametersToRemove ?? [],
    metadata: metadata ?? response?.dynamicMetadata,
  };
}

const ACTIONS: Readonly<Record<Action, HeaderAction>> = {
  [Action.APPEND_IF_EXISTS_OR_ADD]: "append",
  [Action.ADD_IF_ABSENT]: "addIfAbsent",
  [Action.OVERWRITE_IF_EXISTS_OR_ADD]: "overwrite",
  [Action.OVERWRITE_IF_EXISTS]: "overwriteIfExists",
};

/**
 * Of the request: without `append` a header replaces those of its name, and so does the default
 * action: the protocol is older than the actions (external_auth.proto).
 */
function changeOf(option: HeaderValueOption): HeaderChange | undefined {
  return changeBy(option, "overwrite", "join");
}

/** Of the answer to the client, which is added to. */
function answerChangeOf(option: HeaderValueOption): HeaderChange | undefined {
  return changeBy(option, "append", "append");
}

function changeBy(
  { append, appendAction, header }: HeaderValueOption,
  usual: ChangeAction,
  appended: ChangeAction,
): HeaderChange | undefined {
  if (header === undefined || header.key === "") return undefined;
  // A header's value is bytes, one a character.
  const bytes = header.value === "" ? header.rawValue : header.value;
  const value = Buffer.from(bytes).toString("latin1");
  const written = appendAction === Action.APPEND_IF_EXISTS_OR_ADD ? usual : ACTIONS[appendAction];
  const action = append === undefined ? written : append ? appended : "overwrite";
  return { name: header.key.toLowerCase(), value, action };
}
