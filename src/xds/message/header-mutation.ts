import { create } from "@bufbuild/protobuf";
import { FIELD_NAME, FIELD_NAME_WORDS } from "../../base/grammar/field-name.ts";
import {
  HeaderValueOption_HeaderAppendAction as Action,
  type HeaderValueOption,
  HeaderValueOptionSchema,
} from "../../gen/envoy/config/core/v3/base_pb.js";
import type { HeaderAction, HeaderMutation, HeaderMutations } from "../../model/route.ts";
import type { Place } from "../check/place.ts";
import { keyOf } from "./scalar.ts";

const ACTIONS: Readonly<Record<HeaderAction, Action>> = {
  append: Action.APPEND_IF_EXISTS_OR_ADD,
  addIfAbsent: Action.ADD_IF_ABSENT,
  overwrite: Action.OVERWRITE_IF_EXISTS_OR_ADD,
  overwriteIfExists: Action.OVERWRITE_IF_EXISTS,
};

/** The four lists that a route configuration, a virtual host, a route and a split share. */
interface WithMutations {
  readonly requestHeadersToAdd: readonly HeaderValueOption[];
  readonly requestHeadersToRemove: readonly string[];
  readonly responseHeadersToAdd: readonly HeaderValueOption[];
  readonly responseHeadersToRemove: readonly string[];
}

export interface BothMutations {
  readonly requestHeaders: HeaderMutations;
  readonly responseHeaders: HeaderMutations;
}

export function decodeMutations(message: WithMutations, place: Place): BothMutations {
  return {
    requestHeaders: {
      set: decodeHeaderOptions(message.requestHeadersToAdd, place.field("request_headers_to_add")),
      remove: lower(message.requestHeadersToRemove, place.field("request_headers_to_remove")),
    },
    responseHeaders: {
      set: decodeHeaderOptions(
        message.responseHeadersToAdd,
        place.field("response_headers_to_add"),
      ),
      remove: lower(message.responseHeadersToRemove, place.field("response_headers_to_remove")),
    },
  };
}

/** Envoy lets nobody remove Host or a pseudo header: the request could not be routed. */
function lower(names: readonly string[], place: Place): string[] {
  return names.map((name, index) => {
    const lowered = name.toLowerCase();
    if (lowered.startsWith(":") || lowered === "host") {
      place.item(index).refuse("may not be removed", name, "headers but Host and pseudo headers");
    }
    return lowered;
  });
}

/** A list of HeaderValueOption. */
export function decodeHeaderOptions(
  options: readonly HeaderValueOption[],
  place: Place,
): HeaderMutation[] {
  return options.map((option, index) => decodeOne(option, place.item(index)));
}

function decodeOne(option: HeaderValueOption, place: Place): HeaderMutation {
  const name = (option.header?.key ?? "").toLowerCase();
  const value = option.header?.value ?? "";
  checkName(name, place.field("header").field("key"));
  checkValue(value, place.field("header").field("value"));
  return { name, value, action: actionOf(option, place) };
}

/** The deprecated `append` wins where it is written, as in Envoy; both together are refused. */
function actionOf(option: HeaderValueOption, place: Place): HeaderAction {
  if (option.append === undefined) return keyOf(ACTIONS, option.appendAction) ?? "append";
  if (option.appendAction !== Action.APPEND_IF_EXISTS_OR_ADD) {
    place.field("append").refuse("and append_action exclude each other");
  }
  return option.append ? "append" : "overwrite";
}

/** Envoy's own rule for values, and no other control characters. */
const VALUE = /^(?:\t|\P{Cc})*$/u;
/** How long a message is, is for the proxy alone to say: another word would cut it elsewhere. */
const FRAMING: ReadonlySet<string> = new Set(["content-length", "transfer-encoding"]);

function checkName(name: string, place: Place): void {
  if (name.startsWith(":") || name === "host") {
    place.refuse("may not be set", name, "headers but Host and pseudo headers");
  } else if (FRAMING.has(name)) {
    place.refuse("may not be set", name, "headers that do not frame the message");
  } else if (!FIELD_NAME.test(name)) {
    place.refuse("is not a header name", name, FIELD_NAME_WORDS);
  }
}

function checkValue(value: string, place: Place): void {
  if (VALUE.test(value)) return;
  place.refuse("is not a header value", value, "no line breaks or other control characters");
}

/** The fields to spread into a message's initial value. */
export interface EncodedMutations {
  requestHeadersToAdd: HeaderValueOption[];
  requestHeadersToRemove: string[];
  responseHeadersToAdd: HeaderValueOption[];
  responseHeadersToRemove: string[];
}

export function encodeMutations(both: BothMutations): EncodedMutations {
  return {
    requestHeadersToAdd: both.requestHeaders.set.map(encodeHeaderOption),
    requestHeadersToRemove: [...both.requestHeaders.remove],
    responseHeadersToAdd: both.responseHeaders.set.map(encodeHeaderOption),
    responseHeadersToRemove: [...both.responseHeaders.remove],
  };
}

export function encodeHeaderOption(mutation: HeaderMutation): HeaderValueOption {
  return create(HeaderValueOptionSchema, {
    header: { key: mutation.name, value: mutation.value },
    appendAction: ACTIONS[mutation.action],
  });
}
